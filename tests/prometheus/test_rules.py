"""The chart's alerts, as promtool understands them and as Prometheus would evaluate them over played series."""

import re
from pathlib import Path

import pytest
import yaml
from tests.prometheus.chart_files import RULES, rules
from tests.prometheus.metric_names import asked_for, operators
from tests.prometheus.programs import promtool

CASES = Path(__file__).parent / "rules_test.yaml"


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    done = promtool("check", "rules", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_and_resolve_as_the_played_cases_say() -> None:
    done = promtool("test", "rules", CASES.name, folder=CASES.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    tests = [
        one for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"] for one in case["alert_rule_test"]
    ]
    alerts = {rule["alert"] for rule in rules()}
    assert {one["alertname"] for one in tests if one["exp_alerts"]} == alerts
    assert {one["alertname"] for one in tests if not one["exp_alerts"]} == alerts


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_only_for_what_the_operator_tells(rule: dict[str, str]) -> None:
    assert asked_for(rule["expr"])
    assert asked_for(rule["expr"]) <= operators()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_happened_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert not re.search(r"\s$", rule["annotations"]["description"])
