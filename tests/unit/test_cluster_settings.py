"""What the environment tells the operator's process, and what it says when that is wrong."""

import pytest

from anomalyjob_operator.cluster.__main__ import main
from anomalyjob_operator.cluster.settings import ClusterSettings, SettingsError

LEAST = {"ANOMALYJOB_JOB_IMAGE": "anomalyjob:dev", "ANOMALYJOB_OPERATOR_NAMESPACE": "anomalyjob-system"}

DEFAULTS = {
    "job_image": "anomalyjob:dev",
    "image_pull_policy": "IfNotPresent",
    "operator_namespace": "anomalyjob-system",
    "watched_namespaces": (),
    "liveness_port": 8080,
    "metrics_namespaces": (),
    "dashboard_port": 8090,
    "dashboard_hosts": (),
    "dashboard_token_file": None,
    "metrics_port": 8091,
    "notification_targets": None,
}

UNDERSTOOD: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "the least that is needed": ({}, {}),
    "variables that are set to nothing": (
        {
            "ANOMALYJOB_IMAGE_PULL_POLICY": "",
            "ANOMALYJOB_WATCH_NAMESPACES": "",
            "ANOMALYJOB_LIVENESS_PORT": "",
        },
        {},
    ),
    "a pull policy": ({"ANOMALYJOB_IMAGE_PULL_POLICY": "Never"}, {"image_pull_policy": "Never"}),
    "one namespace": ({"ANOMALYJOB_WATCH_NAMESPACES": "a"}, {"watched_namespaces": ("a",)}),
    "several namespaces, untidily written": (
        {"ANOMALYJOB_WATCH_NAMESPACES": " b, a,,b ,"},
        {"watched_namespaces": ("b", "a")},
    ),
    "who may scrape Flink's pods": (
        {"ANOMALYJOB_METRICS_NAMESPACES": "monitoring, ops"},
        {"metrics_namespaces": ("monitoring", "ops")},
    ),
    "a dashboard with a token under other names": (
        {
            "ANOMALYJOB_DASHBOARD_PORT": "80",
            "ANOMALYJOB_DASHBOARD_HOSTS": "jobs.example.org, jobs",
            "ANOMALYJOB_DASHBOARD_TOKEN_FILE": "/etc/token",
        },
        {
            "dashboard_port": 80,
            "dashboard_hosts": ("jobs.example.org", "jobs"),
            "dashboard_token_file": "/etc/token",
        },
    ),
    "neither dashboard nor metrics": (
        {"ANOMALYJOB_DASHBOARD_PORT": "0", "ANOMALYJOB_METRICS_PORT": "0"},
        {"dashboard_port": 0, "metrics_port": 0},
    ),
    "targets": ({"ANOMALYJOB_NOTIFICATION_TARGETS": "/etc/targets"}, {"notification_targets": "/etc/targets"}),
    "the smallest port": ({"ANOMALYJOB_LIVENESS_PORT": "1"}, {"liveness_port": 1}),
    "the largest port": ({"ANOMALYJOB_LIVENESS_PORT": "65535"}, {"liveness_port": 65_535}),
}

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no image": ({"ANOMALYJOB_JOB_IMAGE": ""}, "ANOMALYJOB_JOB_IMAGE is not set: it must name the image"),
    "no namespace": ({"ANOMALYJOB_OPERATOR_NAMESPACE": ""}, "ANOMALYJOB_OPERATOR_NAMESPACE is not set"),
    "a pull policy in lower case": (
        {"ANOMALYJOB_IMAGE_PULL_POLICY": "always"},
        "ANOMALYJOB_IMAGE_PULL_POLICY must be one of Always, IfNotPresent, Never, found always",
    ),
    "port 0": ({"ANOMALYJOB_LIVENESS_PORT": "0"}, "ANOMALYJOB_LIVENESS_PORT must be a port from 1 to 65535, found 0"),
    "a wrong port of the dashboard": (
        {"ANOMALYJOB_DASHBOARD_PORT": "http"},
        "ANOMALYJOB_DASHBOARD_PORT must be a port from 0 to 65535, found http",
    ),
    "a wrong port of the metrics": ({"ANOMALYJOB_METRICS_PORT": "65536"}, "ANOMALYJOB_METRICS_PORT must be a port"),
    "two servers at one port": (
        {"ANOMALYJOB_DASHBOARD_PORT": "8091"},
        "ANOMALYJOB_DASHBOARD_PORT and ANOMALYJOB_METRICS_PORT are both 8091: give each a port of its own",
    ),
    "a server at the port of the health": (
        {"ANOMALYJOB_METRICS_PORT": "8080"},
        "ANOMALYJOB_LIVENESS_PORT and ANOMALYJOB_METRICS_PORT are both 8080",
    ),
    "a port above the last": ({"ANOMALYJOB_LIVENESS_PORT": "65536"}, "found 65536"),
    "a port in words": ({"ANOMALYJOB_LIVENESS_PORT": "http"}, "found http"),
    "a port in other digits": ({"ANOMALYJOB_LIVENESS_PORT": "٨٠"}, "found ٨٠"),
    "a negative port": ({"ANOMALYJOB_LIVENESS_PORT": "-1"}, "found -1"),
}


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_it_understands(what: str) -> None:
    variables, expected = UNDERSTOOD[what]

    settings = ClusterSettings.of(LEAST | variables)
    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS | expected


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses(what: str) -> None:
    variables, message = REFUSED[what]

    with pytest.raises(SettingsError, match=message):
        ClusterSettings.of(LEAST | variables)


def test_a_process_with_wrong_settings_says_what_to_set_and_ends_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANOMALYJOB_JOB_IMAGE", "")

    assert main() == 2
    assert capsys.readouterr().err == (
        "anomalyjob operator: ANOMALYJOB_JOB_IMAGE is not set: it must name the image of Flink's pods\n"
    )
