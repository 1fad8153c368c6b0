"""What lets somebody in at a target stands in no log, no error and no event: not its headers, nor its address."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.notify_moments import QUICK, counts, event, report, telling
from tests.unit.webhook_receiver import Answer, Receiver, hang, status, until
from typing_extensions import override

from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.target_file import read_targets
from anomalyjob_operator.notify.targets import Target, TargetsError
from anomalyjob_operator.pass_report import EventFate

SECRET = "hunter2"


class SecretReceiver(Receiver):
    """A receiver whose address holds a secret, as those of some services do."""

    @property
    @override
    def url(self) -> str:
        """Where messages go."""
        return f"http://127.0.0.1:{self.port}/services/{SECRET}"


@pytest.mark.parametrize(
    "answer",
    [status(204), status(401, X_Echo=SECRET), status(500, X_Echo=SECRET), status(307, Location=f"/{SECRET}"), hang],
    ids=["taken", "refused", "failed", "redirected", "hangs"],
)
@pytest.mark.asyncio
async def test_no_answer_brings_a_secret_into_a_log(
    answer: Answer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file, receiver = tmp_path / "headers", SecretReceiver(*[answer] * 3)
    file.write_text(f"Authorization: Bearer {SECRET}\n", encoding="utf-8")
    async with receiver.serving(), telling(receiver, headers_file=str(file)) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).delivered or counts(notifier).failed)

    assert SECRET in receiver.paths[0]
    assert SECRET in receiver.headers[0]["Authorization"]
    assert SECRET not in caplog.text


@pytest.mark.asyncio
async def test_a_target_that_is_gone_brings_no_address_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receiver = SecretReceiver()
    async with receiver.serving():
        pass
    async with telling(receiver, replace(QUICK, total_seconds=0.1)) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).failed)

    assert 'target "on-call": it cannot be reached (ConnectionRefusedError); given up' in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.asyncio
async def test_a_defect_tells_its_kind_but_not_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(*_: object) -> EventFate:
        raise RuntimeError(SECRET)

    notifier = Notifier([], emit_event=fail)
    await notifier.start()
    notifier.passed(report())
    await until(lambda: notifier.event_counts().retries)
    await notifier.stop()

    assert "events of jobs: it failed (RuntimeError); trying again" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "line", [SECRET, f"Authorization {SECRET}", f"Bad Name: {SECRET}", f"X: {SECRET}\x07", f"Host: {SECRET}"]
)
def test_a_wrong_headers_file_is_told_by_its_line_alone(line: str, tmp_path: Path) -> None:
    targets, headers = tmp_path / "targets.json", tmp_path / "on-call.headers"
    headers.write_text(f"X-First: 1\n{line}\n", encoding="utf-8")
    targets.write_text(
        '{"targets": [{"name": "on-call", "url": "https://a.example/", "headersFile": "on-call.headers"}]}',
        encoding="utf-8",
    )

    with pytest.raises(TargetsError) as raised:
        read_targets(targets)

    assert str(raised.value).startswith(f"{headers}: line 2: ")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url", [f"ftp://a.example/{SECRET}", f"https://user:{SECRET}@a.example/", f"https://a.example/#{SECRET}", SECRET]
)
def test_a_wrong_address_is_told_by_its_place_alone(url: str, tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text(f'{{"targets": [{{"name": "on-call", "url": "{url}"}}]}}', encoding="utf-8")

    with pytest.raises(TargetsError) as raised:
        read_targets(file)

    assert str(raised.value).startswith(f"{file}: targets[0].url: must be an absolute http:// or https:// address")
    assert SECRET not in str(raised.value)


def test_a_target_shows_no_address() -> None:
    assert SECRET not in repr(Target(name="on-call", url=f"https://a.example/{SECRET}"))
