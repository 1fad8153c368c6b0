"""Manifests as YAML documents that kubectl reads exactly as they are meant.

Shell: it needs the YAML writer, and touches nothing. Text stands in quotes wherever any version of YAML could take it
for something else: kubectl's reader knows numbers such as 1e3 that PyYAML would write without quotes.
"""

import re
from collections.abc import Iterable
from typing import Final

import yaml

from anomalyjob_operator.cluster.kinds import RENDERED, Manifest

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9./_-]*")
_NOT_TEXT: Final = frozenset("false n no null off on true y yes".split())  # noqa: SIM905 - words
_LINES: Final = re.compile(r"([\x20-\x7e]*[\x21-\x7e])?(\n([\x20-\x7e]*[\x21-\x7e])?)*\n")
_ORDER: Final = {kind.name: number for number, kind in enumerate(RENDERED)}


def manifest_text(manifests: Iterable[Manifest]) -> str:
    """Return the documents in the order in which they are best applied: what pods need comes before them."""
    ordered = sorted(manifests, key=lambda found: _ORDER[found["kind"]])
    return "".join(f"---\n{document_text(manifest)}" for manifest in ordered)


def document_text(manifest: Manifest) -> str:
    """Return one document, whatever its kind."""
    text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """The safe writer, with quotes wherever text could be taken for something else, and without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Write what occurs twice twice."""
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return None
    return "|" if "\n" in text and not text[0].isspace() and _LINES.fullmatch(text) else '"'


_Dumper.add_representer(str, _represent_text)
