"""docs/metrics.md tells of every series and every alert that there is, and of no other."""

import re
from pathlib import Path

from tests.prometheus.chart_files import rules
from tests.prometheus.metric_names import operators

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_every_series_of_the_operator_is_described_and_no_other() -> None:
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in operators() if name.startswith("anomalyjob")}
    assert set(re.findall(r"`(anomalyjob_\w+)", DOCUMENT)) == told


def test_every_alert_is_described_and_no_other() -> None:
    assert set(re.findall(r"^\| (AnomalyJob\w+) \|", DOCUMENT, flags=re.MULTILINE)) == {
        rule["alert"] for rule in rules()
    }


def test_how_grave_an_alert_is_stands_beside_it() -> None:
    rows = {
        row[1]: row[2] for row in re.finditer(r"^\| (AnomalyJob\w+) \| .* \| (\w+) \|$", DOCUMENT, flags=re.MULTILINE)
    }
    assert rows == {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
