"""What helm makes of the chart with some values. It needs helm 3 and no cluster."""

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml
from tests.e2e import command

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "anomalyjob-operator"


def template(*, release: str = "r", values: dict[str, Any] | None = None, chart: Path = CHART) -> CompletedProcess[str]:
    words = [word for key, value in (values or {}).items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
    options = ("--namespace", "system", "--kube-version", "1.31.0")
    return command.run("helm", "template", release, str(chart), *options, *words)


def rendered(*, release: str = "r", **values: Any) -> list[dict[str, Any]]:
    done = template(release=release, values=values)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def notes(folder: Path, **values: Any) -> str:
    """What is said after the chart was installed. helm shows that of a cluster only: here a manifest holds it."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "NOTES.txt").rename(chart / "files" / "notes.txt")
    manifest = 'kind: Notes\nmetadata: {}\ntext: {{ tpl (.Files.Get "files/notes.txt") . | toJson }}\n'
    (chart / "templates" / "notes.yaml").write_text(manifest, encoding="utf-8")
    done = template(values=values, chart=chart)
    assert done.returncode == 0, done.stderr
    return str(of_kind([one for one in yaml.safe_load_all(done.stdout) if one], "Notes")["text"])


def kinds(documents: list[dict[str, Any]], namespace: str | None = None) -> list[str]:
    """The kinds of the objects, of one namespace or of none, without roles for people."""
    found = [one for one in documents if one["metadata"].get("namespace") == namespace]
    return sorted(one["kind"] for one in found if not one["metadata"]["name"].endswith(("-view", "-edit")))


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [one for one in documents if one["kind"] == kind]
    return found
