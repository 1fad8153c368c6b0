"""The resource: the sentence for everything that may be wrong with it, and where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob_operator.spec import FieldError, InvalidResource, parse

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def resource(spec: object, **metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": "demo", **metadata},
        "spec": spec,
    }


def errors_of(document: object) -> dict[str, str]:
    with pytest.raises(InvalidResource) as caught:
        parse(document)
    return {error.path: error.message for error in caught.value.errors}


def refusal(document: object) -> str | None:
    try:
        parse(document)
    except InvalidResource as error:
        return str(error)
    return None


def is_plain(text: str) -> bool:
    jargon = ("Input should", "pydantic", "instance of", "Extra inputs", "Keys should", "Unable to")
    return bool(text) and not any(word in text for word in jargon)


def simulated(**fields: object) -> dict[str, object]:
    return {"source": {"simulated": fields}}


WRONG = [
    ("unknown field", {"detectoin": {}}, "spec.detectoin", "is not a known field; did you mean detection?"),
    (
        "unknown field in other case",
        {"detection": {"maxcount": 3}},
        "spec.detection.maxcount",
        "did you mean maxCount?",
    ),
    ("unknown field like no other", {"zzz": 1}, "spec.zzz", "known here: image, detection, source, sink, job,"),
    (
        "unknown field where nothing can be set",
        {"sink": {"log": {"x": 1}}},
        "spec.sink.log.x",
        "nothing can be set here",
    ),
    ("field whose name is not text", {3: 1}, "spec[3]", "is not a known field"),
    (
        "text for a number",
        {"taskManager": {"slots": "3"}},
        "spec.taskManager.slots",
        'a whole number, found the text "3"',
    ),
    ("true for a number", {"job": {"parallelism": True}}, "spec.job.parallelism", "a whole number, found true"),
    ("broken number", {"job": {"parallelism": 1.5}}, "spec.job.parallelism", "a whole number, found the number 1.5"),
    (
        "number for text",
        simulated(users=["a", 1]),
        "spec.source.simulated.users[1]",
        "text; put it in quotes, found the num",
    ),
    ("text for a list", simulated(users="user1"), "spec.source.simulated.users", 'a list, found the text "user1"'),
    (
        "text for true",
        {"checkpointing": {"unaligned": "yes"}},
        "spec.checkpointing.unaligned",
        "must be true or false, f",
    ),
    ("list for a mapping", {"job": []}, "spec.job", "must be a mapping, found a list"),
    (
        "nothing for a mapping",
        {"sink": {"log": None}, "job": None},
        "spec.job",
        "has no value; write {} for the defaults",
    ),
    (
        "name of no target",
        {"notifications": {"webhook": "https://a.example/"}},
        "spec.notifications.webhook",
        "must be the name of a target: lower-case letters, digits and -, beginning with a letter; found the text",
    ),
    ("long name of a target", {"notifications": {"webhook": "a" * 41}}, "spec.notifications.webhook", "at most 40"),
    (
        "event that nobody knows",
        {"notifications": {"events": ["Recovered", "JobDied"]}},
        "spec.notifications.events[1]",
        "must be CheckpointError, CheckpointOverdue, JobFailed,",
    ),
    (
        "event that notifications make themselves",
        {"notifications": {"events": ["AnomalyAlert"]}},
        "spec.notifications.events[0]",
        "must be CheckpointError,",
    ),
    (
        "event twice",
        {"notifications": {"events": ["Recovered", "Recovered"]}},
        "spec.notifications.events",
        'names "Recovered" twice',
    ),
    (
        "address in the resource",
        {"notifications": {"url": "https://a.example/"}},
        "spec.notifications.url",
        "is not a known field; known here: webhook, events, alerts",
    ),
    (
        "alerts that no log tells",
        {"notifications": {"alerts": True}, "sink": {"files": {}}},
        "spec.notifications.alerts",
        "must be false without spec.sink.log: alerts are read from what that sink writes",
    ),
    ("negative number", {"detection": {"maxCount": -3}}, "spec.detection.maxCount", "must be at least 1, found -3"),
    ("number too large", {"taskManager": {"slots": 65}}, "spec.taskManager.slots", "must be at most 64, found 65"),
    (
        "ratio too large",
        simulated(abnormalRatio=1.5),
        "spec.source.simulated.abnormalRatio",
        "must be at most 1, found 1.5",
    ),
    (
        "ratio not a number",
        simulated(abnormalRatio=float("nan")),
        "spec.source.simulated.abnormalRatio",
        "must be a number",
    ),
    (
        "bad choice",
        {"job": {"pythonExecutionMode": "fork"}},
        "spec.job.pythonExecutionMode",
        "must be thread or process, f",
    ),
    ("duration with a space", simulated(interval="5 s"), "spec.source.simulated.interval", "must be a duration: "),
    ("duration without unit", simulated(interval=5), "spec.source.simulated.interval", "found the number 5"),
    ("duration of nothing", simulated(interval="0s"), "spec.source.simulated.interval", "must be a duration: "),
    ("duration with a line end", simulated(interval="5s\n"), "spec.source.simulated.interval", "must be a duration: "),
    (
        "duration too long",
        {"checkpointing": {"timeout": "25h"}},
        "spec.checkpointing.timeout",
        "from 1s to 24h, found 25h",
    ),
    ("endless duration", simulated(interval="9" * 40 + "s"), "spec.source.simulated.interval", "at most 12 characters"),
    (
        "bad amount",
        {"jobManager": {"resources": {"limits": {"memory": "1 GB"}}}},
        "spec.jobManager.resources.limits.memory",
        "must be an amount of memory as Kubernetes writes it",
    ),
    (
        "too little memory",
        {"taskManager": {"resources": {"limits": {"memory": "512Mi"}}}},
        "spec.taskManager.resources.limits.memory",
        "must be from 1536Mi to 64Gi, found 512Mi",
    ),
    ("no users", simulated(users=[]), "spec.source.simulated.users", "must have at least 1 entry"),
    ("a user twice", simulated(users=["a", "b", "a"]), "spec.source.simulated.users", 'names "a" twice'),
    (
        "too many users",
        simulated(users=[f"u{n}" for n in range(101)]),
        "spec.source.simulated.users",
        "at most 100 entries",
    ),
    ("nameless user", simulated(users=[""]), "spec.source.simulated.users[0]", "must not be empty"),
    (
        "long user",
        simulated(users=["u" * 65]),
        "spec.source.simulated.users[0]",
        "at most 64 characters long, found 65",
    ),
    ("user with a line end", simulated(users=["a\nb"]), "spec.source.simulated.users[0]", "must be printable"),
    ("user that is not Unicode", simulated(users=["\ud800"]), "spec.source.simulated.users[0]", "not Unicode"),
    ("no source", {"source": {}}, "spec.source", "must hold exactly one source, found none; write simulated: {}"),
    (
        "two sources",
        {"source": {"simulated": {}, "kafka": {}}},
        "spec.source",
        "exactly one source, found 2: kafka, simulated",
    ),
    (
        "a source of another name",
        {"source": {"kafka": {}}},
        "spec.source.kafka",
        "is not a known field; known here: simulated",
    ),
    ("no sink", {"sink": {}}, "spec.sink", "must hold at least one sink: log or files"),
    (
        "owned Flink setting",
        {"flinkConfiguration": {"rest.port": "1"}},
        'spec.flinkConfiguration["rest.port"]',
        "is owned by",
    ),
    (
        "owned by prefix",
        {"flinkConfiguration": {"taskmanager.memory.flink.size": "1g"}},
        'spec.flinkConfiguration["taskmanager.memory.flink.size"]',
        "set spec.taskManager.resources.limits.memory",
    ),
    (
        "nested Flink setting",
        {"flinkConfiguration": {"heartbeat": {"interval": "5 s"}}},
        "spec.flinkConfiguration.heartbeat",
        "must be text; put it in quotes, found a mapping",
    ),
    (
        "number as Flink setting",
        {"flinkConfiguration": {"heartbeat.interval": 5}},
        'spec.flinkConfiguration["heartbeat.interval"]',
        "must be text; put it in quotes, found the number 5",
    ),
    (
        "odd Flink setting",
        {"flinkConfiguration": {"$internal": "x"}},
        'spec.flinkConfiguration["$internal"]',
        "full name of a",
    ),
    (
        "more tasks than slots",
        {"job": {"parallelism": 4}},
        "spec.job.parallelism",
        "needs 12 slots (3 x 4: source, process and sink have slots of their own), but there are 9 (3 TaskManagers x 3",
    ),
    (
        "pause above interval",
        {"checkpointing": {"interval": "2s", "minPause": "3s"}},
        "spec.checkpointing.minPause",
        "must not be longer than spec.checkpointing.interval (2s), found 3s",
    ),
    (
        "backoff that shrinks",
        {"recovery": {"initialBackoff": "10m"}},
        "spec.recovery.maxBackoff",
        "must not be shorter than spec.recovery.initialBackoff (10m), found 5m",
    ),
    (
        "deadline within the interval",
        {"checkpointing": {"interval": "10m"}},
        "spec.recovery.progressDeadline",
        "must be longer than spec.checkpointing.interval (10m)",
    ),
    ("spec of nothing", None, "spec", "has no value; write {} for the defaults"),
]


@pytest.mark.parametrize("spec, path, message", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_told_at_its_path(spec: object, path: str, message: str) -> None:
    errors = errors_of(resource(spec))

    assert path in errors
    assert message in errors[path]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    errors = errors_of(
        resource(
            {"detection": {"maxCount": 0}, "source": {"a": 1, "b": 2}, "job": {"x": 1}}, name="Demo", namespace="-"
        )
    )

    assert list(errors) == [
        "metadata.name",
        "metadata.namespace",
        "spec.detection.maxCount",
        "spec.job.x",
        "spec.source",
    ]


def test_a_list_is_not_called_too_short_because_what_stands_in_it_is_wrong() -> None:
    assert list(errors_of(resource(simulated(users=[" a"])))) == ["spec.source.simulated.users[0]"]


@pytest.mark.parametrize(
    "name, accepted",
    [
        ("a", True),
        ("a-1", True),
        ("a" * 40, True),
        ("a" * 41, False),
        ("1a", False),
        ("a-", False),
        ("A", False),
        ("", False),
    ],
)
def test_names_are_short_and_plain(name: str, accepted: bool) -> None:
    if accepted:
        assert parse(resource({}, name=name)).metadata.name == name
    else:
        assert list(errors_of(resource({}, name=name))) == ["metadata.name"]


@pytest.mark.parametrize(
    "document, expected",
    [
        (None, {"resource": "must be a mapping with apiVersion, kind, metadata and spec, found nothing"}),
        (
            resource({"x": 1}) | {"kind": "Pod", "apiVersion": "v1"},
            {
                "apiVersion": 'must be anomalyjob.dev/v1alpha1, found the text "v1"',
                "kind": 'must be AnomalyJob, found the text "Pod"',
            },
        ),
        ({key: value for key, value in resource({}).items() if key != "spec"}, {"spec": "is missing"}),
        (resource({}) | {"metadata": {}}, {"metadata.name": "is missing"}),
        (resource({}) | {"Spec": {}}, {"Spec": "is not a known field; did you mean spec?"}),
    ],
)
def test_a_document_that_is_no_anomaly_job_is_told_so(document: object, expected: dict[str, str]) -> None:
    assert errors_of(document) == expected


def test_the_text_of_the_error_is_one_line_for_each_field() -> None:
    with pytest.raises(InvalidResource) as caught:
        parse(resource({"detection": {"maxCount": 0}, "job": {"parallelism": 0}}))

    assert str(caught.value).splitlines() == [
        "spec.detection.maxCount: must be at least 1, found 0",
        "spec.job.parallelism: must be at least 1, found 0",
    ]
    assert caught.value.errors[0] == FieldError("spec.detection.maxCount", "must be at least 1, found 0")


@given(spec=JSON_VALUES, metadata=JSON_VALUES)
def test_any_document_is_either_taken_or_refused_in_plain_words(spec: object, metadata: object) -> None:
    text = refusal(resource(spec) | {"metadata": metadata})

    assert text is None or is_plain(text)


FIELDS = (
    "detection",
    "source",
    "sink",
    "job",
    "jobManager",
    "taskManager",
    "checkpointing",
    "recovery",
    "deletionPolicy",
)


@given(field=st.sampled_from(FIELDS), inner=st.text("abcdefghijklmnop", max_size=6), value=JSON_VALUES)
def test_any_value_in_any_part_is_taken_or_refused_in_plain_words(field: str, inner: str, value: object) -> None:
    for spec in ({field: value}, {field: {inner: value}}):
        text = refusal(resource(spec))

        assert text is None or is_plain(text)
