"""The file with the targets: what may stand there, and what is said of what may not."""

import json
from pathlib import Path
from typing import Any

import pytest

from anomalyjob_operator.notify.target_file import read_headers, read_targets
from anomalyjob_operator.notify.targets import Target, TargetsError, parse_headers, parse_targets


def target(**changes: Any) -> dict[str, Any]:
    return {"name": "on-call", "url": "https://alerts.example.org/hook"} | changes


def text(*targets: Any) -> str:
    return json.dumps({"targets": targets})


def error_of(found: str) -> str:
    with pytest.raises(TargetsError) as raised:
        parse_targets(found)
    return str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://alerts.example.org",
        "http://127.0.0.1:9000/hook",
        "http://[::1]:9000/hook?a=b&c=%20",
        "https://alertmanager.monitoring.svc:9093/",
    ],
)
def test_a_target_is_a_name_and_an_address(url: str) -> None:
    assert parse_targets(text(target(url=url))) == (Target(name="on-call", url=url),)


def test_there_may_be_no_target() -> None:
    assert parse_targets('{"targets": []}') == ()


ADDRESS = "must be an absolute http:// or https:// address"


@pytest.mark.parametrize(
    "found, expected",
    [
        ("", "is not JSON (line 1, column 1)"),
        ('{"targets": [\n}', "is not JSON (line 2, column 1)"),
        ("[" * 100_000, "is not JSON (somewhere)"),
        ("[]", "the document: must be an object"),
        ("{}", "targets: is missing"),
        ('{"targets": [], "more": 1}', "more: is not a known field"),
        (text({"url": "https://a.example"}), "targets[0].name: is missing"),
        (text({"name": "on-call"}), "targets[0].url: is missing"),
        (text(target(token="x")), "targets[0].token: is not a known field"),
        (text(target(name="On Call")), "targets[0].name: must be lower-case letters, digits and -"),
        (text(target(), target()), 'targets[1].name: names "on-call" twice'),
        (text(target(url="alerts.example.org")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="file:///etc/passwd")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="https://a b.example/")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="https://a.example/\n")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="https://a.example:0/")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="https://a.example:65536/")), f"targets[0].url: {ADDRESS}"),
        (text(target(url="https://user:word@a.example/")), f"targets[0].url: {ADDRESS}"),
        (text(*({"name": f"t{number}", "url": "https://a.example"} for number in range(51))), "targets: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(found: str, expected: str) -> None:
    assert error_of(found).startswith(expected)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert error_of(text(target(url="x"), target())).count("; targets[1].name") == 1


def test_headers_stand_one_a_line() -> None:
    found = parse_headers("Authorization: Bearer a:b \n\nX-Team:streams\n")

    assert found == {"Authorization": "Bearer a:b", "X-Team": "streams"}


@pytest.mark.parametrize(
    "found, expected",
    [
        ("X: 1\nno header", "line 2: is not a header; write Name: value"),
        (": value", "line 1: is not a header"),
        ("X: a\x00b", "line 1: is not a header"),
        ("Content-Length: 7", "line 1: Content-Length is set by the operator itself"),
        ("host: a.example", "line 1: host is set by the operator itself"),
        ("X: 1\nx: 2", "line 2: x stands there twice"),
        ("X: " + "y" * 8_001, "line 1: is longer than 8000 characters"),
        ("\n".join(f"X{number}: 1" for number in range(51)), "holds 51 headers, at most 50 are sent"),
    ],
)
def test_a_headers_file_may_hold_nothing_else(found: str, expected: str) -> None:
    with pytest.raises(TargetsError) as raised:
        parse_headers(found)

    assert str(raised.value).startswith(expected)


def test_a_headers_file_is_looked_for_beside_the_targets(tmp_path: Path) -> None:
    (tmp_path / "on-call.headers").write_text("X-Team: streams", encoding="utf-8")
    file = tmp_path / "targets.json"
    file.write_text(text(target(headersFile="on-call.headers")), encoding="utf-8")

    (found,) = read_targets(file)

    assert read_headers(found) == {"X-Team": "streams"}


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b" " * 300_000, "is larger than 256 KiB"),
    ],
    ids=["none", "binary", "large"],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(TargetsError) as raised:
        read_targets(file)

    assert str(raised.value).startswith(f"{file}: ")
    assert expected in str(raised.value)


def test_a_headers_file_whose_name_cannot_be_one_is_noticed_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text(text(target(headersFile="a\0b")), encoding="utf-8")

    with pytest.raises(TargetsError, match="cannot be read: embedded null byte"):
        read_targets(file)


def test_a_headers_file_that_is_missing_is_noticed_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text(text(target(headersFile="on-call.headers")), encoding="utf-8")

    with pytest.raises(TargetsError, match=f"{tmp_path}/on-call.headers: cannot be read: No such file or directory"):
        read_targets(file)
