"""Opens the page of the job that is played, for tests that need it in a context of their own."""

from tests.browser.job_page import JobPage


def opened(page: JobPage) -> JobPage:
    """Go there and wait for the documents."""
    page.open()
    page.wait("the page is filled", lambda: page.phase() and page.count("[data-log-kind]"), 15)
    return page
