"""The definition lets through of a podTemplate what the mask lets through, and knows the folders that it protects."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anomalyjob_operator.crd import crd
from anomalyjob_operator.crd.pods import hiding_paths
from anomalyjob_operator.spec import pod_mask

PARTS = st.sampled_from(
    ["etc", "etc2", "anomalyjob", "anomalyjob2", "opt", "var", "lib", "tmp", "data", "..", "", "a..b"]
)


def pod_schema(role: str) -> dict[str, Any]:
    (version,) = crd()["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    found: dict[str, Any] = spec[role]["properties"]["podTemplate"]["properties"]["spec"]["properties"]
    return found


def fields(schema: dict[str, Any], *path: str) -> set[str]:
    for part in path:
        schema = schema[part] if part == "items" else schema["properties"][part]
    return set(schema["properties"])


@pytest.mark.parametrize("role", ["jobManager", "taskManager"])
def test_containers_and_volumes_have_the_fields_that_the_mask_lets_through(role: str) -> None:
    pod = pod_schema(role)

    assert fields(pod["containers"], "items") == pod_mask.CONTAINER_FIELDS
    assert fields(pod["initContainers"], "items") == pod_mask.INIT_CONTAINER_FIELDS
    assert fields(pod["containers"], "items", "ports", "items") == pod_mask.PORT_FIELDS
    assert fields(pod["containers"], "items", "volumeMounts", "items") == pod_mask.MOUNT_FIELDS
    assert fields(pod["volumes"], "items") == {"name", *pod_mask.VOLUME_TYPES}
    assert fields(pod["volumes"], "items", "projected", "sources", "items") == pod_mask.PROJECTED_SOURCES


@given(parts=st.lists(PARTS, max_size=5), start=st.sampled_from(["/", ""]), end=st.sampled_from(["", "/"]))
@example(parts=["etc"], start="/", end="")
@example(parts=[], start="/", end="")
@example(parts=["var", "lib", "anomalyjob", "x"], start="/", end="/")
def test_no_mount_that_hides_a_folder_gets_past_the_definition(parts: list[str], start: str, end: str) -> None:
    path = start + "/".join(parts) + end
    refused = re.search(hiding_paths(), path) is not None or not path  # The schema refuses an empty path.

    if pod_mask.hides_folder(path):
        assert refused
    elif "//" not in path:
        assert not refused
