"""Which address of the dashboard answers what."""

import asyncio
import errno
import json
from pathlib import Path

import pytest
from tests.unit.dashboard_client import KEY, served
from tests.unit.played_feeds import PlayedFeeds

from anomalyjob_operator.dashboard import Dashboard
from anomalyjob_operator.dashboard.static_files import MAXIMUM_BYTES, read_static_files

pytestmark = pytest.mark.asyncio


async def test_the_list_of_jobs_is_handed_out_as_it_is() -> None:
    async with served() as here, here.client.get("/api/jobs") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert await answer.read() == here.feeds.jobs_document()


async def test_a_job_has_its_documents_in_one_and_null_for_what_is_not_there_yet() -> None:
    async with served() as here:
        here.feeds.add(KEY).play("overview", {"name": "demo"})
        async with here.client.get("/api/jobs/default/demo") as answer:
            assert await answer.json() == {"overview": {"name": "demo"}, "checkpoints": None, "log": None}


@pytest.mark.parametrize("address", ["/api/jobs/default/other", "/api/stream/jobs/default/other"])
async def test_a_job_that_is_not_known_is_said_to_be_so(address: str) -> None:
    async with served() as here, here.client.get(address) as answer:
        assert answer.status == 404
        assert "There is no AnomalyJob default/other, or the operator has not seen it yet." in await answer.text()


@pytest.mark.parametrize(
    "address",
    [
        "/nothing",
        "/api",
        "/api/jobs/",
        "/jobs/default",
        "/jobs/default/UPPER",
        "/jobs/default/%2e%2e",
        "/static/",
        "/static/nothing.js",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/metrics",
        "/login",
    ],
)
async def test_an_unknown_address_is_not_found_and_no_path_leads_out_of_the_static_files(address: str) -> None:
    async with served() as here:
        # As it is written: a client that tidies the path up would test nothing.
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"\r\n\r\nNothing is here. The list of jobs is at /\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("address", ["/", "/api/jobs", "/api/stream/jobs", "/jobs/default/demo"])
async def test_nothing_but_reading_is_allowed(method: str, address: str) -> None:
    async with served() as here, here.client.request(method, address) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"
        assert "for reading only" in await answer.text()


@pytest.mark.parametrize("address", ["/api/jobs", "/api/jobs/default/demo"])
async def test_head_answers_as_get_does_without_the_body(address: str) -> None:
    async with served() as here:
        here.feeds.add(KEY).play("overview", {"name": "demo"})
        async with here.client.get(address) as full, here.client.head(address) as bare:
            length = len(await full.read())
            assert (bare.status, bare.content_type) == (full.status, full.content_type)
            assert int(bare.headers["Content-Length"]) == length
            assert await bare.read() == b""


async def test_head_of_a_stream_opens_none() -> None:
    async with served() as here, here.client.head("/api/stream/jobs/default/demo") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert here.open_streams == 0
        assert here.feeds.add(KEY).subscriptions == []


async def test_metrics_are_shown_where_the_back_end_has_no_other_port_for_them() -> None:
    metrics = (b"up 1\n", "text/plain; version=0.0.4")
    async with served(metrics=lambda: metrics) as here, here.client.get("/metrics") as answer:
        assert (await answer.read(), answer.headers["Content-Type"]) == metrics


async def test_a_failure_is_told_in_one_sentence_and_logged_with_its_details(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> tuple[bytes, str]:
        raise ValueError("the details")

    async with served(metrics=broken) as here, here.client.get("/metrics") as answer:
        assert answer.status == 500
        assert await answer.text() == "The dashboard failed to answer; details are in the log of the operator.\n"
    assert "the details" in caplog.text


async def test_a_port_that_is_taken_is_told_to_whoever_starts_the_server() -> None:
    async with served() as here:
        second = Dashboard(PlayedFeeds())
        with pytest.raises(OSError, match="address already in use") as raised:
            await second.start("127.0.0.1", here.port)
        assert raised.value.errno == errno.EADDRINUSE
        await second.stop()


def _static_folder(folder: Path) -> Path:
    (folder / "panels").mkdir()
    (folder / "job.html").write_text("<!doctype html>" + "job " * 200)
    (folder / "panels" / "log.js").write_text("export const one = 1;")
    (folder / "secret.pem").write_text("no page needs it")
    (folder / "large.js").write_bytes(b" " * (MAXIMUM_BYTES + 1))
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = read_static_files(_static_folder(tmp_path))
    monkeypatch.setattr("anomalyjob_operator.dashboard.server.read_static_files", lambda: files)
    return tmp_path


async def test_only_files_of_known_kinds_and_sensible_sizes_are_served(folder: Path) -> None:
    assert sorted(read_static_files(folder)) == ["job.html", "panels/log.js"]


async def test_files_below_folders_are_served_with_their_types(folder: Path) -> None:
    async with served() as here, here.client.get("/static/panels/log.js") as answer:
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        assert await answer.text() == "export const one = 1;"


async def test_files_are_read_once_and_never_for_a_request(folder: Path) -> None:
    async with served() as here:
        (folder / "panels" / "log.js").unlink()
        async with here.client.get("/static/panels/log.js") as answer:
            assert answer.status == 200


async def test_the_page_of_a_job_is_there_before_the_job_is_known(folder: Path) -> None:
    async with served() as here, here.client.get("/jobs/some/other") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")


async def test_who_takes_gzip_gets_it_and_who_does_not_gets_the_same(folder: Path) -> None:
    async with served() as here:
        lengths = {}
        for accepted in ("gzip", "gzip;q=0", "identity"):
            async with here.client.get("/jobs/a/b", headers={"Accept-Encoding": accepted}) as answer:
                assert await answer.text() == (folder / "job.html").read_text()
                assert answer.headers["Vary"] == "Accept-Encoding"
                lengths[accepted] = int(answer.headers["Content-Length"])
    assert lengths["gzip"] < lengths["identity"] == lengths["gzip;q=0"]


async def test_a_file_that_the_browser_has_is_not_sent_again(folder: Path) -> None:
    async with served() as here:
        async with here.client.get("/jobs/a/b") as first:
            tag = first.headers["ETag"]
            assert first.headers["Cache-Control"] == "no-cache"
        for known, status in ((tag, 304), (f'W/{tag}, "other"', 304), ('"other"', 200)):
            async with here.client.get("/jobs/a/b", headers={"If-None-Match": known}) as again:
                assert again.status == status
                assert again.headers["ETag"] == tag


async def test_documents_are_never_kept_by_a_browser() -> None:
    async with served() as here, here.client.get("/api/jobs") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert json.loads(await answer.read())["jobs"] == []
