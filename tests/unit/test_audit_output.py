"""Whole job folders as a run leaves them: which files count, what cannot be read, and what is found in them."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob import audit_output
from anomalyjob.audit import AuditReport, FindingKind
from anomalyjob.audit_output import MAX_LINE_BYTES, AuditInputError, audit_folder
from anomalyjob.detector import Rule, step
from anomalyjob.events import Alert, ProcessRecord, Record
from anomalyjob.simulator import event
from anomalyjob.timestamps import EPOCH, format_time, from_epoch_milliseconds

STARTED_AT = from_epoch_milliseconds(1_767_323_045_678)
USERS = ("user1", "user2", "Zoë 🙂")
HOURS = ("2026-01-02-03", "2026-01-02-04")


def output_of(users: Sequence[str] = USERS, length: int = 30, max_count: int = 3) -> list[Record]:
    return list(_output_of(users, length, max_count))


def _output_of(users: Sequence[str], length: int, max_count: int) -> Iterator[Record]:
    for user_id in users:
        count = 0
        for index in range(length):
            made = event(7, user_id, index, 0.5, EPOCH + timedelta(seconds=5 * index))
            count, alert = step(count, made.abnormal, Rule(max_count=max_count))
            yield ProcessRecord.of(made, count=count, subtask=0, processed_time=EPOCH)
            if alert:
                yield Alert.of(made, count=count, emitted_time=EPOCH)


def start_record(start: int, **changes: object) -> dict[str, object]:
    simulated = {"users": list(USERS), "intervalMilliseconds": 5000, "abnormalRatio": 0.5, "seed": 7}
    record: dict[str, object] = {
        "start": start,
        "incarnation": 1,
        "startedAt": format_time(STARTED_AT),
        "restartCounter": 0,
        "rule": {"from": "latest"},
        "chosen": None,
        "skipped": [],
        "floor": None,
        "specHash": "00",
        "source": {"simulated": simulated},
        "detection": {"maxCount": 3},
        "possibleRepeats": {},
        "message": "",
    }
    return record | changes


class JobOnDisk:
    """A job folder under construction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write_json("lineage.json", {"namespace": "default", "name": "demo", "incarnation": 1})
        self.write_json("starts/1.json", start_record(1))

    def write(self, name: str, content: bytes) -> Path:
        """A file of any content; `name` is relative to the job folder."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def write_json(self, name: str, document: Mapping[str, object]) -> Path:
        """A file that holds one JSON document."""
        return self.write(name, json.dumps(document).encode())

    def write_records(self, name: str, records: Sequence[Record]) -> Path:
        """A part file with one line for each record."""
        return self.write(name, b"".join(record.encode().encode() + b"\n" for record in records))

    def audit(self, incarnation: int | None = None) -> AuditReport:
        """What the audit of the folder says."""
        return audit_folder(self.path, incarnation)


@pytest.fixture
def job(tmp_path: Path) -> JobOnDisk:
    return JobOnDisk(tmp_path / "default.demo")


def part(number: int, hour: str = HOURS[0], incarnation: int = 1) -> str:
    return f"output/{incarnation}/{hour}/part-5f0c-{number}.jsonl"


def pending(number: int, hour: str = HOURS[0]) -> str:
    return f"output/1/{hour}/.part-5f0c-{number}.jsonl.inprogress.0b1e"


def kinds(report: AuditReport) -> list[FindingKind]:
    return [finding.kind for finding in report.findings]


@given(st.lists(st.integers(min_value=0, max_value=5), min_size=200, max_size=200), st.randoms(use_true_random=False))
def test_a_clean_output_is_clean_however_it_is_spread_over_part_files(places: list[int], random: Random) -> None:
    records = output_of()
    assert len(records) <= len(places)
    random.shuffle(records)
    with TemporaryDirectory() as folder:
        job = JobOnDisk(Path(folder))
        for place in set(places):
            name = part(place, HOURS[place % 2])
            job.write_records(name, [record for record, at in zip(records, places, strict=False) if at == place])
        report = job.audit()
    assert report.findings == ()
    assert report.clean
    assert report.process_records == 90
    assert report.process_records + report.alerts == len(records)
    assert report.part_files == len(set(places))


@given(st.integers(min_value=0, max_value=28), st.sampled_from(USERS))
def test_an_output_damaged_in_three_ways_names_each(index: int, user_id: str) -> None:
    records = output_of()
    target = next(
        record
        for record in records
        if isinstance(record, ProcessRecord) and (record.user_id, record.index) == (user_id, index)
    )
    at = records.index(target)
    changed = target.encode().replace(f'"count": {target.count}', f'"count": {target.count + 1}')
    cases = {
        FindingKind.LOST: [],
        FindingKind.DOUBLED: [target.encode(), target.encode()],
        FindingKind.WRONG_COUNT: [changed],
    }
    for kind, instead in cases.items():
        lines = [record.encode() for record in records]
        lines[at : at + 1] = instead
        with TemporaryDirectory() as folder:
            job = JobOnDisk(Path(folder))
            job.write(part(0), "\n".join(lines).encode())
            report = job.audit()
        assert not report.clean
        assert [(one.kind, one.user_id, one.indexes and one.indexes.first) for one in report.findings] == [
            (kind, user_id, index)
        ]


def test_an_output_without_a_committed_record_fails(job: JobOnDisk) -> None:
    assert kinds(job.audit()) == [FindingKind.NOTHING_COMPARED]
    job.write(part(0), b"")
    report = job.audit()
    assert kinds(report) == [FindingKind.NOTHING_COMPARED]
    assert report.part_files == 1


@pytest.mark.parametrize(
    "name", [".part-5f0c-1.jsonl.inprogress.0b1e", "part-5f0c-1.jsonl.inprogress.0b1e", "_part-1", ".part-1"]
)
def test_files_that_are_not_committed_do_not_count(job: JobOnDisk, name: str) -> None:
    job.write_records(part(0), output_of())
    job.write_records(f"output/1/{HOURS[0]}/{name}", output_of())
    assert job.audit().clean


def test_other_incarnations_are_audited_apart(job: JobOnDisk) -> None:
    job.write_json("starts/2.json", start_record(2, incarnation=2, detection={"maxCount": 1}))
    job.write_records(part(0), output_of())
    job.write_records(part(0, incarnation=2), output_of(max_count=1, length=10))
    assert (job.audit(1).process_records, job.audit(2).process_records) == (90, 30)
    assert job.audit(1).clean
    assert job.audit(2).clean
    assert job.audit().incarnation == 1
    job.write_json("lineage.json", {"namespace": "default", "name": "demo", "incarnation": 2})
    assert job.audit().incarnation == 2


@pytest.mark.parametrize(
    "damage, reason",
    [
        (b'{"kind": "proc', "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b'{"kind": "process"}', "missing: abnormal, count"),
        (b"x" * (MAX_LINE_BYTES + 5), "not JSON"),
    ],
)
def test_a_line_that_is_no_record_is_named_with_file_and_number(job: JobOnDisk, damage: bytes, reason: str) -> None:
    lines = [record.encode().encode() for record in output_of()]
    file = job.write(part(0), b"\n".join([*lines[:4], damage, *lines[4:]]) + b"\n")
    report = job.audit()
    assert set(kinds(report)) == {FindingKind.UNREADABLE}
    assert report.findings[0].message.startswith(f"{file}:5: ")
    assert reason in report.findings[0].message
    assert report.process_records == 90


def test_a_part_file_that_cannot_be_read_is_named(job: JobOnDisk) -> None:
    job.write_records(part(0), output_of())
    broken = job.path / part(1)
    broken.symlink_to(broken)
    report = job.audit()
    assert [one.message for one in report.findings] == [f"{broken}: Too many levels of symbolic links"]


def test_a_committed_file_cut_in_a_line_is_named(job: JobOnDisk) -> None:
    file = job.write_records(part(0), output_of(["user1"]))
    os.truncate(file, file.stat().st_size - 20)
    assert FindingKind.UNREADABLE in kinds(job.audit())


def test_ranges_of_start_records_permit_repeats(job: JobOnDisk) -> None:
    job.write_records(part(0), output_of())
    again = [record for record in output_of(["user1"]) if 12 <= record.index <= 15]
    job.write_records(part(1), again)
    assert set(kinds(job.audit())) <= {FindingKind.DOUBLED, FindingKind.DOUBLED_ALERT}
    assert job.audit().doubled == len(again)
    job.write_json("starts/2.json", start_record(2, possibleRepeats={"user1": {"first": 12, "last": 15}}))
    report = job.audit()
    assert report.clean
    assert report.permitted_repeats == len(again)


def test_a_start_from_a_named_checkpoint_may_begin_above_zero(job: JobOnDisk) -> None:
    job.write_records(part(0), [record for record in output_of() if record.index >= 10])
    assert job.audit().lost == 30
    job.write_json("starts/1.json", start_record(1, rule={"from": "path", "path": "/volume/savepoints/one"}))
    assert job.audit().clean


def test_the_last_completed_checkpoint_sets_how_far_output_must_reach(job: JobOnDisk) -> None:
    job.write_records(part(0), output_of())
    report = audit_folder(job.path, minimum_last_index={"user1": 31})
    assert [(one.kind, one.user_id) for one in report.findings] == [(FindingKind.LOST, "user1")]
    assert report.lost == 2


@pytest.mark.parametrize(
    "document, message",
    [
        (b"{", "is not JSON"),
        (b"[]", "must be an object"),
        (json.dumps(start_record(2, detection={})).encode(), "detection.maxCount: is missing"),
        (json.dumps(start_record(2, detection={"maxCount": 0})).encode(), "detection.maxCount: must be at least 1"),
        (json.dumps(start_record(2, startedAt="now")).encode(), "startedAt: 'now' is not a UTC time"),
        (json.dumps(start_record(2, startedAt=3)).encode(), "startedAt: must be a string"),
        (json.dumps(start_record(2, possibleRepeats=[])).encode(), "possibleRepeats: must be an object"),
        (
            json.dumps(start_record(2, possibleRepeats={"user1": {"first": 1}})).encode(),
            "possibleRepeats.user1.last: is missing",
        ),
    ],
)
def test_a_start_record_that_cannot_be_read_is_named(job: JobOnDisk, document: bytes, message: str) -> None:
    job.write_records(part(0), output_of())
    file = job.write("starts/2.json", document)
    report = job.audit()
    assert kinds(report) == [FindingKind.UNREADABLE]
    assert report.findings[0].message.startswith(f"start record {file}: ")
    assert message in report.findings[0].message


def test_other_files_beside_the_start_records_are_passed_over(job: JobOnDisk) -> None:
    job.write_records(part(0), output_of())
    job.write("starts/2.json.tmp", b"{")
    job.write("starts/.3.json", b"{")
    assert job.audit().clean


def test_a_source_that_is_not_simulated_leaves_the_flags_unchecked(job: JobOnDisk) -> None:
    job.write_json("starts/1.json", start_record(1, source={"kafka": {"topic": "events"}}))
    job.write_records(part(0), output_of())
    assert job.audit().clean


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no such file"),
        (b"{", "is not JSON"),
        (b'{"incarnation": "one"}', "incarnation: must be a whole number"),
    ],
)
def test_a_folder_that_does_not_tell_its_incarnation_is_refused(
    job: JobOnDisk, content: bytes | None, message: str
) -> None:
    lineage = job.path / "lineage.json"
    lineage.unlink()
    if content is not None:
        lineage.write_bytes(content)
    with pytest.raises(AuditInputError) as caught:
        job.audit()
    assert str(lineage) in str(caught.value)
    assert message in str(caught.value)


def test_an_incarnation_that_never_started_is_refused(job: JobOnDisk) -> None:
    with pytest.raises(AuditInputError, match="no start record of incarnation 7;"):
        job.audit(7)
    job.write("starts/1.json", b"{")
    with pytest.raises(AuditInputError, match=r"no start record of incarnation 1 \(start record .*is not JSON"):
        job.audit()


def age(file: Path, seconds_after_start: float) -> None:
    moment = STARTED_AT.timestamp() + seconds_after_start
    os.utime(file, (moment, moment))


@pytest.mark.parametrize(
    "committed_at, pending_at, lost",
    [
        (-20, -10, 0),  # the last start has not committed anything yet: Flink commits what the checkpoint closed
        (20, 10, 0),  # the last start is about to commit it
        (20, -10, 9),  # the last start commits already, but not this one: nobody ever will
    ],
)
def test_what_a_pending_part_file_holds_is_lost_only_when_nobody_will_commit_it(
    job: JobOnDisk, committed_at: float, pending_at: float, lost: int
) -> None:
    processed = [record for record in output_of() if isinstance(record, ProcessRecord)]
    waiting = [record for record in processed if 20 <= record.index <= 22]
    age(job.write_records(part(0), [record for record in output_of() if record not in waiting]), committed_at)
    age(job.write_records(pending(1), waiting), pending_at)
    report = job.audit()
    assert report.lost == lost
    assert report.clean == (lost == 0)
    assert report.not_yet_committed == 9 - lost
    assert report.process_records == 81


def test_a_pending_part_file_cut_in_a_line_is_no_damage(job: JobOnDisk) -> None:
    records = output_of(["user1"])
    missing = next(record for record in records if record.index == 20)
    age(job.write_records(part(0), [record for record in records if record != missing]), -20)
    age(job.write(pending(1), f"{missing.encode()}\n{missing.encode()[:50]}".encode()), -10)
    report = job.audit()
    assert report.clean
    assert report.not_yet_committed == 1


def test_output_that_is_committed_while_the_folder_is_read_is_not_lost(
    job: JobOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = output_of()
    late = [record for record in records if record.index == 20]
    job.write_records(part(0), [record for record in records if record not in late])
    real_list = audit_output._list
    listings = []

    def list_then_commit(job_folder: Path, incarnation: int) -> object:
        listings.append(real_list(job_folder, incarnation))
        job.write_records(part(1), late)
        return listings[-1]

    monkeypatch.setattr(audit_output, "_list", list_then_commit)
    report = job.audit()
    assert report.clean
    assert report.part_files == 2
    assert len(listings) == 2


def test_a_folder_that_never_settles_is_read_a_bounded_number_of_times(
    job: JobOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_list = audit_output._list
    listings = []

    def list_then_commit(job_folder: Path, incarnation: int) -> object:
        listings.append(real_list(job_folder, incarnation))
        job.write(part(len(listings)), b"")
        return listings[-1]

    monkeypatch.setattr(audit_output, "_list", list_then_commit)
    assert not job.audit().clean
    assert len(listings) == audit_output.MAX_ATTEMPTS
