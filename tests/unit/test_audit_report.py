"""What an audit tells people: how much it compared, and each damage."""

import pytest
from tests.unit.audited_runs import ALERTED, EXAMPLE, QUIET, Run, simulated

from anomalyjob.audit import Auditor, FindingKind, StartFacts
from anomalyjob.audit_report import KEPT_FINDINGS_PER_KIND


def test_findings_beyond_the_bound_are_counted_but_not_kept() -> None:
    auditor = Auditor(incarnation=1, starts=[EXAMPLE.start])
    for number in range(KEPT_FINDINGS_PER_KIND + 5):
        auditor.add_unreadable(f"part-0:{number}: not JSON")
    report = auditor.report()
    assert report.totals[FindingKind.UNREADABLE] == KEPT_FINDINGS_PER_KIND + 5
    assert len([one for one in report.findings if one.kind == FindingKind.UNREADABLE]) == KEPT_FINDINGS_PER_KIND


def test_a_report_tells_people_how_much_was_compared() -> None:
    assert EXAMPLE.audit(EXAMPLE.output).describe().splitlines() == [
        "audit of incarnation 1: clean: 0 lost, 0 doubled, 0 wrong",
        f"compared 40 process records and {len(ALERTED)} alerts of 1 users",
        f"  user1: up to index 39, 40 process records, {len(ALERTED)} alerts",
    ]


def test_a_report_tells_people_each_damage_with_its_user_and_index() -> None:
    records = [record for record in EXAMPLE.output if record.index not in (QUIET[1], 30, 31, 32)]
    text = EXAMPLE.audit([*records, records[0]], user2=0).describe()
    assert text.startswith("audit of incarnation 1: NOT CLEAN: 5 lost, 1 doubled, 1 wrong\n")
    assert "  user2: nothing committed, 0 process records, 0 alerts" in text
    assert f"  lost: user1 index {QUIET[1]}: no process record" in text
    assert "  lost: user1 indexes 30 to 32: no process record" in text
    assert "  doubled: user1 index 0: 2 times, expected at most 1" in text


@pytest.mark.parametrize("user_id", ["", " user1", "a\nb", "\x1b[2J", "\ud800"])
def test_a_report_never_prints_a_user_id_that_would_spoil_the_page(user_id: str) -> None:
    run = Run(start=StartFacts(max_count=3, source=simulated([user_id])), lengths={user_id: 3})
    assert f"  {user_id!r}: up to index 2" in run.audit(run.output).describe()


def test_a_long_report_is_cut() -> None:
    users = [f"user{number}" for number in range(100)]
    run = Run(start=StartFacts(max_count=3, source=simulated(users)), lengths=dict.fromkeys(users, 2))
    lines = run.audit([*run.output, *run.output]).describe().splitlines()
    assert "  and 80 more" in lines
    assert len(lines) < 60
