"""The chart's dashboard for Grafana: it asks for what there is, in words that Prometheus understands."""

import json
from pathlib import Path

import pytest
from tests.prometheus.chart_files import dashboard, dashboard_expressions
from tests.prometheus.metric_names import asked_for, flinks, operators
from tests.prometheus.programs import promtool

EXPRESSIONS = dashboard_expressions()


@pytest.mark.parametrize("panel", EXPRESSIONS)
def test_every_metric_that_a_panel_shows_is_told_by_the_operator_or_by_flink(panel: str) -> None:
    names = asked_for(EXPRESSIONS[panel])
    assert names
    assert names - operators() - flinks() == set()


def test_no_name_of_flinks_is_kept_that_no_panel_shows() -> None:
    shown = frozenset[str]().union(*map(asked_for, EXPRESSIONS.values()))
    assert flinks() == {name for name in shown if name.startswith("flink_")}


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    recorded = [
        {"record": f"panel_{number}", "expr": expression} for number, expression in enumerate(EXPRESSIONS.values())
    ]
    file = tmp_path / "panels.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")

    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout + done.stderr


def test_every_expression_is_of_the_jobs_that_were_chosen_or_of_the_operator_itself() -> None:
    of_all = {name for name, text in EXPRESSIONS.items() if 'namespace=~"$namespace", name=~"$name"' not in text}
    assert of_all == {"Looks: 95 of 100 were faster A", "Memory A", "Notifications in an hour A"}


def test_no_two_panels_lie_on_one_another_or_share_a_number() -> None:
    panels = dashboard()["panels"]
    places = [
        (x, y)
        for panel in panels
        for at in (panel["gridPos"],)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)
