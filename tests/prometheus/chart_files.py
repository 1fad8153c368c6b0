"""What the chart holds for Prometheus and Grafana: the very files that are installed."""

import json
from pathlib import Path
from typing import Any

import yaml

CHART_FILES = Path(__file__).parents[2] / "charts" / "anomalyjob-operator" / "files"
RULES = CHART_FILES / "rules.yaml"
DASHBOARD = CHART_FILES / "grafana-dashboard.json"


def rules() -> list[dict[str, Any]]:
    """Every rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Grafana's dashboard."""
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return document


def dashboard_expressions() -> dict[str, str]:
    """Every expression of the dashboard, by its panel's title and its letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    }
