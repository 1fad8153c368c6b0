"""Pages in contexts of their own, as many as a test wants, all of them watched for problems."""

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page
from tests.browser.page_problems import PageProblems

PAGE_SECONDS = 15.0
"""Bound of every single wait in a page, unless a test gives another."""


class WatchedPages:
    """The pages of one test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[tuple[BrowserContext, PageProblems]] = []

    def open(self, **options: Any) -> Page:
        """Open an empty page in a new context; the options are those of a context, such as `color_scheme="dark"`."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(PAGE_SECONDS * 1000)
        self._contexts.append((context, PageProblems(context)))
        return context.new_page()

    def problems(self, page: Page) -> PageProblems:
        """Return what went wrong so far in the page's context, to tolerate what the test itself brings about."""
        return next(problems for context, problems in self._contexts if context == page.context)

    def close(self) -> list[str]:
        """Close all; return what went wrong before that and was not tolerated."""
        found = [problem for _, problems in self._contexts for problem in problems.found]
        for context, _ in self._contexts:
            context.close()
        return found
