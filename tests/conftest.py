"""Rules that hold for every test.

In CI a skipped test counts as failed: a test that did not run proves nothing, and nobody reads the list of skips.
A skip that is right on some machines stands, with its exact reason, in `allowed_skips.txt` beside this file.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ALLOWED_SKIPS_FILE = Path(__file__).with_name("allowed_skips.txt")

# A deadline per example measures how busy the machine is, not the code.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


def allowed_skips() -> frozenset[str]:
    """The reasons for which a test may be skipped in CI; lines that begin with # are comments."""
    lines = ALLOWED_SKIPS_FILE.read_text(encoding="utf-8").splitlines() if ALLOWED_SKIPS_FILE.is_file() else []
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason alone, out of the (file, line, "Skipped: reason") that pytest keeps."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ").strip()


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn an unexpected skip into a failure, in place; outside CI skips stay what they are."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = skip_reason(report)
    if reason not in allowed_skips():
        report.outcome = "failed"
        report.longrepr = (
            f"Skipped in CI, where it must run: {reason}\nAllowed reasons stand in {ALLOWED_SKIPS_FILE.name}."
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Catch skips by marker, by fixture and from inside a test."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Catch skips of a whole module, such as by `importorskip`."""
    report = yield
    refuse_skip(report)
    return report
