"""Writes down whatever goes wrong in a page: what its console calls an error, exceptions, failed requests, violations.

A test that does not say what it expects to go wrong fails on any of it.
"""

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request, Response

# A page learns of its own violations only by this event; Chromium's console tells most of them, too.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP violation: ${event.violatedDirective} forbids ${event.blockedURI} in ${event.sourceFile}`));
"""


class PageProblems:
    """The problems of all pages of one context, as sentences, in their order."""

    def __init__(self, context: BrowserContext) -> None:
        self._found: list[str] = []
        self._tolerated: list[re.Pattern[str]] = []
        context.add_init_script(TELL_VIOLATIONS)
        context.on("page", self._attend)

    def tolerate(self, pattern: str) -> None:
        """Accept, from now on and for what was found already, problems in which the regular expression is found."""
        self._tolerated.append(re.compile(pattern))

    @property
    def found(self) -> list[str]:
        """What nobody tolerates."""
        return [problem for problem in self._found if not any(known.search(problem) for known in self._tolerated)]

    def _attend(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("requestfailed", self._request_failed)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"}:
            self._found.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _page_error(self, error: Error) -> None:
        self._found.append(f"exception: {error.stack or error.message}")

    def _request_failed(self, request: Request) -> None:
        # A page that is left or closed ends its own event stream: the browser calls that aborted.
        if not (request.resource_type == "eventsource" and request.failure == "net::ERR_ABORTED"):
            self._found.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._found.append(f"HTTP status {response.status}: {response.request.method} {response.url}")
