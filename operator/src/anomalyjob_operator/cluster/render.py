"""From a desired state to Kubernetes objects: fills in one Jinja2 template per kind and reads the result back.

Shell: it reads the templates of this package. It must not compute a value; the models do. A value gets into a template
as JSON only, which is YAML that leaves nothing to guess, so no value can ever become structure.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anomalyjob_operator.cluster import claim_model, model, pods_model
from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.model import Owner, RenderSettings
from anomalyjob_operator.cluster.pod_template import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomalyjob_operator.cluster.model import ObjectModel
    from anomalyjob_operator.desired.workloads import DesiredState, Workload

__all__ = ["Manifest", "Owner", "RenderSettings", "render"]

# What YAML 1.1 takes for a line break, refuses in a stream, or swallows. Emoji stay as they are: two escapes of a
# surrogate pair would be read as two characters.
_UNSAFE_IN_YAML: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(desired: DesiredState, settings: RenderSettings, owner: Owner | None) -> tuple[Manifest, ...]:
    """Return every object that the operator applies for a desired state, sorted by kind and name.

    The ledger is not among them: it is written by whoever records, with the version that it was read with.
    """
    pods = [_deployment(desired, workload, settings, owner) for workload in desired.workloads]
    manifests = [*pods, *(_filled_in(one) for one in _models(desired, settings, owner))]
    return tuple(sorted(manifests, key=lambda found: (found["kind"], found["metadata"]["name"])))


def _models(desired: DesiredState, settings: RenderSettings, owner: Owner | None) -> Iterator[ObjectModel]:
    for workload in desired.workloads:
        yield model.configuration(desired, workload, owner)
    yield from claim_model.claim_models(desired, owner)
    yield from model.services(desired, owner)
    yield from model.network_policies(desired, settings, owner)
    yield model.disruption_budget(desired, owner)


def _deployment(desired: DesiredState, workload: Workload, settings: RenderSettings, owner: Owner | None) -> Manifest:
    manifest = _filled_in(pods_model.deployment(desired, workload, settings, owner))
    pod = merged(manifest["spec"]["template"], pods_model.pod_template(desired, workload))
    return manifest | {"spec": manifest["spec"] | {"template": pod}}


def _filled_in(one: ObjectModel) -> Manifest:
    template = _environment().get_template(f"{one.template}.yaml.j2")
    text = template.render(metadata=one.metadata, **one.values)
    manifest: Manifest = json.loads(_as_json(text))
    return manifest


# Objects hardly ever change between two passes, and reading YAML is most of the work of a pass.
@functools.lru_cache(maxsize=1024)
def _as_json(text: str) -> str:
    return json.dumps(yaml.load(text, Loader=_Loader))  # noqa: S506 - one of the two safe loaders


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("anomalyjob_operator.cluster"),
        undefined=StrictUndefined,
        finalize=_only_json,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_function"] = _json
    return environment


def _json(value: object, **options: Any) -> str:  # noqa: ANN401 - whatever Jinja2 passes on
    text = json.dumps(value, ensure_ascii=False, default=_refuse, **options)
    return _UNSAFE_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _refuse(value: object) -> str:
    """Refuse what JSON does not know; what is not there at all names itself when it is shown."""
    raise TypeError(f"a template shows what is no JSON: {value!s}")


def _only_json(value: object) -> object:
    """Let nothing into a template but what the filter `tojson` made."""
    if not isinstance(value, Markup):
        raise TypeError(f"a template shows a value without tojson: {value!r}")
    return value
