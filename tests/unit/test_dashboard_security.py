"""What holds for every answer of the dashboard, and whom it answers."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from tests.unit.dashboard_client import Served, served

from anomalyjob_operator.dashboard.login import (
    COOKIE_SECONDS,
    LONGEST_TOKEN,
    MAXIMUM_FAILURES,
    Login,
    TokenError,
    read_token,
)
from anomalyjob_operator.dashboard.security import POLICY, host_name
from anomalyjob_operator.dashboard.static_files import StaticFile

TOKEN = "0123456789abcdef0123456789abcdef"
NAME = Login(TOKEN, StaticFile.of(b"", "text/html")).cookie.encode()
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "address", ["/", "/api/jobs", "/api/stream/jobs", "/nothing", "/api/jobs/default/other", "/static/nothing.js"]
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
async def test_every_answer_carries_the_headers_that_keep_browsers_safe(method: str, address: str, host: str) -> None:
    async with served() as here, here.client.request(method, address, headers={"Host": host}) as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_policy_allows_scripts_styles_and_connections_of_this_origin_alone() -> None:
    directives = dict(directive.split(" ", 1) for directive in POLICY.split("; "))
    assert directives.pop("img-src") == "'self' data:"
    assert set(directives.values()) == {"'self'", "'none'"}
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == "'none'"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost", 200),
        ("LOCALHOST:8090", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8090", 200),
        ("dashboard.example.org", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost:8090.evil.example", 421),
        ("127.0.0.1.evil.example:8090", 421),
        ("evil.example:localhost", 421),
        ("user@localhost", 421),
        ("", 421),
    ],
)
async def test_only_hosts_that_are_known_are_answered(host: str, status: int) -> None:
    here = served(hosts=["dashboard.example.org"])
    async with here as there, there.client.get("/api/jobs", headers={"Host": host}) as answer:
        assert answer.status == status


@pytest.mark.asyncio
async def test_a_request_that_names_no_host_is_not_answered() -> None:
    async with served() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET /api/jobs HTTP/1.0\r\n\r\n")
        assert (await reader.read()).split(b" ")[1] == b"421"
        writer.close()


def test_the_name_of_a_host_is_read_without_its_port() -> None:
    names = ["localhost", "Localhost:80", "[::1]", "[::1]:80", "::1", "a:b:c"]
    assert [host_name(name) for name in names] == ["localhost", "localhost", "::1", "::1", "", ""]


@pytest.mark.asyncio
@pytest.mark.parametrize("site, status", [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)])
async def test_pages_of_other_origins_get_no_document(site: str, status: int) -> None:
    async with served() as here, here.client.get("/api/jobs", headers={"Sec-Fetch-Site": site}) as answer:
        assert answer.status == status


@pytest.fixture
def login_page(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        name: StaticFile.of(name.encode(), "text/html") for name in ("login.html", "index.html", "job.html", "a.css")
    }
    monkeypatch.setattr("anomalyjob_operator.dashboard.server.read_static_files", lambda: files)


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["/api/jobs", "/api/jobs/default/demo", "/api/stream/jobs", "/metrics", "/nothing"])
async def test_without_the_token_nothing_is_read(address: str, login_page: None) -> None:
    async with served(token=TOKEN, metrics=lambda: (b"", "text/plain")) as here, here.client.get(address) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["/", "/jobs/default/demo"])
async def test_a_page_without_the_token_leads_to_the_login_and_back(address: str, login_page: None) -> None:
    async with served(token=TOKEN, cookies=True) as here:
        async with here.client.get(address, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/login?next={address}")
        async with here.client.post(f"/login?next={address}", data={"token": TOKEN}) as answer:
            assert (answer.status, answer.url.path) == (200, address)
        async with here.client.get("/api/jobs") as answer:
            assert answer.status == 200


@pytest.mark.asyncio
async def test_the_login_and_the_files_of_the_pages_need_no_token(login_page: None) -> None:
    async with served(token=TOKEN) as here:
        for address in ("/login", "/static/a.css"):
            async with here.client.get(address) as answer:
                assert answer.status == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/jobs/a/b/../..", "/\\evil.example"])
async def test_a_login_leads_nowhere_but_to_pages_of_the_dashboard(wanted: str, login_page: None) -> None:
    async with served(token=TOKEN) as here:
        address = "/login"
        async with here.client.post(
            address, params={"next": wanted}, data={"token": TOKEN}, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.asyncio
async def test_the_cookie_is_for_this_origin_only_and_does_not_hold_the_token(login_page: None) -> None:
    async with served(token=TOKEN) as here:
        async with here.client.post("/login", data={"token": TOKEN}, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie, "it would not come back over plain HTTP"
        assert TOKEN not in cookie
        behind_tls = {"X-Forwarded-Proto": "https"}
        async with here.client.post(
            "/login", data={"token": TOKEN}, headers=behind_tls, allow_redirects=False
        ) as answer:
            assert "Secure" in answer.headers["Set-Cookie"]


async def cookie_of(here: Served) -> tuple[str, str]:
    """The name and the value of the cookie that a login hands out."""
    async with here.client.post("/login", data={"token": TOKEN}, allow_redirects=False) as answer:
        [(name, morsel)] = answer.cookies.items()
    return name, morsel.value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "cookie",
    ["", "x", TOKEN, "é", ".", "{expiry}", "{expiry}.", ".{code}", "{later}.{code}", "{expiry}.x", "{expiry}.{code}x"],
)
async def test_a_cookie_that_was_not_handed_out_opens_nothing(cookie: str, login_page: None) -> None:
    async with served(token=TOKEN) as here:
        name, value = await cookie_of(here)
        expiry, _, code = value.partition(".")
        made = cookie.format(expiry=expiry, code=code, later=int(expiry) + 1)
        headers = {"Cookie": f"{name}={made}"}
        async with here.client.get("/api/jobs", headers=headers) as answer:
            assert answer.status == 401


def request_with(name: str, value: str) -> web.Request:
    return make_mocked_request("GET", "/api/jobs", headers={"Cookie": f"{name}={value}"})


def test_a_session_ends_on_the_server_too() -> None:
    now = 1_000.0
    login = Login(TOKEN, StaticFile.of(b"", "text/html"), wall_clock=lambda: now)
    request = request_with(login.cookie, login._session())
    assert login._has_cookie(request)
    now += COOKIE_SECONDS - 1
    assert login._has_cookie(request)
    now += 1
    assert not login._has_cookie(request)


def test_a_session_outlives_a_restart_but_not_its_token() -> None:
    page = StaticFile.of(b"", "text/html")
    login, restarted, other = Login(TOKEN, page), Login(TOKEN, page), Login(TOKEN[::-1], page)
    assert restarted._has_cookie(request_with(login.cookie, login._session()))
    assert not other._has_cookie(request_with(other.cookie, login._session()))


def test_two_dashboards_under_one_host_name_do_not_take_each_others_cookie() -> None:
    page = StaticFile.of(b"", "text/html")
    names = {Login(token, page).cookie for token in (TOKEN, TOKEN[::-1])}
    assert len(names) == 2
    assert all(name.startswith("anomalyjob-dashboard-") for name in names)


@pytest.mark.asyncio
async def test_programs_send_the_token_with_each_request(login_page: None) -> None:
    async with served(token=TOKEN) as here:
        async with here.client.get("/api/jobs", headers=BEARER) as answer:
            assert answer.status == 200
        for wrong in ("Bearer wrong", "Bearer ", f"Basic {TOKEN}", TOKEN):
            async with here.client.get("/api/jobs", headers={"Authorization": wrong}) as answer:
                assert answer.status == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("header", [b"Authorization: Bearer \xff\xfe", b"Cookie: " + NAME + b"=1.\xff\xfe"])
async def test_bytes_that_are_no_text_are_no_token(
    header: bytes, login_page: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(token=TOKEN) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header + b"\r\n\r\n")
        assert (await reader.read()).split(b" ")[1] == b"401"
        writer.close()
    assert caplog.text == ""


@pytest.mark.asyncio
async def test_guesses_are_bounded_while_who_is_logged_in_goes_on(login_page: None) -> None:
    async with served(token=TOKEN, cookies=True) as here:
        async with here.client.post("/login", data={"token": TOKEN}):
            pass
        cookies = here.client.cookie_jar.filter_cookies(here.client._base_url)  # type: ignore[arg-type]
        kept = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        here.client.cookie_jar.clear()
        for _ in range(MAXIMUM_FAILURES):
            async with here.client.post("/login", data={"token": "a guess"}, allow_redirects=False) as answer:
                assert answer.headers["Location"] == "/login?wrong&next=/"
        async with here.client.post("/login", data={"token": TOKEN}, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/login?wait&next=/"
            assert "Set-Cookie" not in answer.headers
        async with here.client.get("/api/jobs", headers=BEARER) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "60"
        async with here.client.get("/api/jobs", headers={"Cookie": kept}) as answer:
            assert answer.status == 200


def test_after_a_minute_the_token_is_taken_again() -> None:
    now = 0.0
    login = Login(TOKEN, StaticFile.of(b"", "text/html"), clock=lambda: now)
    for _ in range(MAXIMUM_FAILURES):
        assert login._refusal("a guess") is not None
    now = 59.0
    assert login._refusal(TOKEN) is not None
    now = 60.0
    assert login._refusal(TOKEN) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_no_other_site_can_log_a_browser_in(origin: str, login_page: None) -> None:
    form, foreign = {"token": TOKEN}, {"Origin": origin}
    async with served(token=TOKEN) as here, here.client.post("/login", data=form, headers=foreign) as answer:
        assert answer.status == 403


@pytest.mark.asyncio
async def test_the_form_of_the_own_page_is_taken(login_page: None) -> None:
    async with served(token=TOKEN) as here:
        own = {"Origin": f"http://127.0.0.1:{here.port}"}
        async with here.client.post("/login", data={"token": TOKEN}, headers=own, allow_redirects=False) as answer:
            assert answer.status == 303


@pytest.mark.asyncio
async def test_a_form_that_is_too_large_is_refused(login_page: None) -> None:
    async with served(token=TOKEN) as here, here.client.post("/login", data={"token": "x" * 20_000}) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("short", "must be 16 to 1024 characters"),
        ("", "must be 16 to 1024 characters"),
        ("x" * (LONGEST_TOKEN + 1), "must be 16 to 1024 characters"),
        ("two words of a pass phrase", "without blanks"),
        ("an umlaut in it: ä ä ä ä", "not plain ASCII"),
        (None, "No such file"),
    ],
)
def test_a_token_that_cannot_be_used_is_explained_without_being_shown(
    content: str | None, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(TokenError, match=complaint) as raised:
        read_token(file)
    assert str(file) in str(raised.value)
    assert not content or content not in str(raised.value)


def test_a_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token") == TOKEN
