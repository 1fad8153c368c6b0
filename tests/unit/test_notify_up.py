"""`anomalyjob up` with targets that cannot be used says so, and starts nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from anomalyjob_operator.cli import main

MANIFEST = Path(__file__).parents[2] / "manifests" / "anomalyjob.yaml"


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, "cannot be read: No such file or directory"),
        ("{}", "targets: is missing"),
        (
            '{"targets": [{"name": "on-call", "url": "alerts.example.org"}]}',
            "targets[0].url: must be an absolute http://",
        ),
    ],
)
def test_wrong_targets_are_bad_input(content: str | None, expected: str, tmp_path: Path) -> None:
    targets, home = tmp_path / "targets.json", tmp_path / "home"
    if content is not None:
        targets.write_text(content, encoding="utf-8")

    result = CliRunner().invoke(
        main,
        ["up", "-f", str(MANIFEST)],
        env={"ANOMALYJOB_HOME": str(home), "ANOMALYJOB_NOTIFICATION_TARGETS": str(targets)},
    )

    assert result.exit_code == 2
    assert f"Error: {targets}: {expected}" in result.output
    assert not home.exists()
