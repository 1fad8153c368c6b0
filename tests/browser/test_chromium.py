"""What the browser tests rest on: each kind of problem in a page is found, and nothing else is."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser
from tests.browser.watched_pages import WatchedPages
from typing_extensions import override

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:"
SCRIPTS = {
    "/quiet.js": "document.title = 'done';",
    "/console.js": "console.error('told'); document.title = 'done';",
    "/exception.js": "document.title = 'done'; throw new Error('thrown');",
    "/missing.js": "fetch('/nowhere').then((answer) => answer.text()).then(() => { document.title = 'done'; });",
    "/refused.js": "fetch('http://127.0.0.1:9/').catch(() => { document.title = 'done'; });",
    "/hung-up.js": "fetch('/hang-up').catch(() => { document.title = 'done'; });",
}


class Handler(BaseHTTPRequestHandler):
    """Serves a page for each script, under its name without `.js`."""

    @override
    def log_message(self, format: str, *args: object) -> None: ...

    def do_GET(self) -> None:
        """Answer, or hang up where that is what is asked for."""
        if self.path == "/hang-up":
            self.connection.close()
            return
        script = SCRIPTS.get(self.path)
        page = f"<!doctype html><link rel=icon href=data:,><script type=module src={self.path}.js></script>"
        known = script is not None or f"{self.path}.js" in SCRIPTS
        body = (script or page).encode() if known else b"there is no such thing"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/javascript" if script else "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(5)


def test_a_page_in_which_nothing_goes_wrong_has_no_problems(address: str, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(f"{address}/quiet")
    page.wait_for_function("document.title === 'done'")


@pytest.mark.parametrize(
    "name, told",
    [
        ("console", "console: told"),
        ("exception", "exception: Error: thrown"),
        ("missing", "HTTP status 404: GET"),
        ("refused", "CSP violation: connect-src forbids http://127.0.0.1:9/"),
        ("hung-up", "request failed: GET"),
    ],
)
def test_whatever_goes_wrong_in_a_page_is_found(address: str, chromium: Browser, name: str, told: str) -> None:
    watched = WatchedPages(chromium)
    page = watched.open()
    page.goto(f"{address}/{name}")
    page.wait_for_function("document.title === 'done'")
    assert any(told in problem for problem in watched.close())


def test_what_a_test_expects_to_go_wrong_is_tolerated_and_nothing_else(address: str, chromium: Browser) -> None:
    watched = WatchedPages(chromium)
    page = watched.open()
    watched.problems(page).tolerate("404")
    page.goto(f"{address}/missing")
    page.wait_for_function("document.title === 'done'")
    page.goto(f"{address}/console")
    page.wait_for_function("document.title === 'done'")
    assert [problem.split(" (")[0] for problem in watched.close()] == ["console: told"]
