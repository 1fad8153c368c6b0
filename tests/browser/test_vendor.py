"""What others wrote lies here as they published it, with its licence."""

import hashlib
from pathlib import Path

AXE = Path(__file__).parent / "vendor" / "axe-core"


def test_every_vendored_file_has_the_checksum_that_stands_beside_it() -> None:
    lines = (AXE / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    listed = {name: checksum for checksum, name in map(str.split, lines)}
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in AXE.iterdir()}
    del found["SHA256SUMS"]
    assert found == listed


def test_the_vendored_version_is_the_documented_one_and_comes_with_its_licence() -> None:
    script = (AXE / "axe.min.js").read_text(encoding="utf-8")
    assert script.startswith("/*! axe v4.14.1\n")
    assert "Mozilla Public License, version 2.0" in (AXE / "LICENSE").read_text(encoding="utf-8")
    assert "| 4.14.1 | MPL-2.0 " in (AXE.parent / "README.md").read_text(encoding="utf-8")
