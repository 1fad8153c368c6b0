"""A real Prometheus on loopback, for one test: it scrapes one target each second and evaluates the chart's alerts.

Use as a context manager: nothing outlives it. Only how long an alert must stand is shortened: tests cannot wait for it.
"""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml
from tests.prometheus.chart_files import RULES
from tests.prometheus.free_ports import free_ports
from tests.prometheus.programs import path_of

STANDS_SECONDS = 2
STOP_SECONDS = 20


class RealPrometheus:
    """Prometheus with the chart's rules and one target, `host:port`."""

    def __init__(self, folder: Path, target: str) -> None:
        (port,) = free_ports(1)
        self._address = f"127.0.0.1:{port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        rules = re.sub(r"for: \w+", f"for: {STANDS_SECONDS}s", RULES.read_text(encoding="utf-8"))
        (folder / "rules.yaml").write_text(rules, encoding="utf-8")
        every_second = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        scraped = {"job_name": "anomalyjob", "honor_labels": True, "static_configs": [{"targets": [target]}]}
        configuration = {"global": every_second, "rule_files": ["rules.yaml"], "scrape_configs": [scraped]}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")

    def __enter__(self) -> Self:
        options = {
            "--config.file": str(self._folder / "prometheus.yaml"),
            "--storage.tsdb.path": str(self._folder / "data"),
            "--web.listen-address": self._address,
            "--log.level": "warn",
        }
        words = [f"{name}={value}" for name, value in options.items()]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [path_of("prometheus"), *words], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_SECONDS)

    def firing(self) -> dict[str, str]:
        """Every alert that fires now: its name to its summary."""
        alerts = self._ask("/api/v1/alerts")["alerts"]
        firing = [alert for alert in alerts if alert["state"] == "firing"]
        return {alert["labels"]["alertname"]: alert["annotations"]["summary"] for alert in firing}

    def values(self, expression: str) -> list[float]:
        """What an expression comes to now, one value for each series."""
        found = self._ask("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))["result"]
        return [float(sample["value"][1]) for sample in found]

    def wait(self, what: str, condition: Callable[[], Any], timeout_seconds: float) -> None:
        """Wait until the condition holds; it does not under a Prometheus that does not answer yet."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            assert self._process is None or self._process.poll() is None, self._log()
            if self._holds(condition):
                return
            time.sleep(0.2)  # noqa: TID251 - the pause between two looks at a condition, under a bound
        raise AssertionError(f"{what}: not within {timeout_seconds} s; firing: {self.firing()}\n{self._log()}")

    def _holds(self, condition: Callable[[], Any]) -> bool:
        try:
            return bool(condition())
        except OSError:
            return False

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def _log(self) -> str:
        return (self._folder / "prometheus.log").read_text(encoding="utf-8")[-4000:]
