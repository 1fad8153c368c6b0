"""How long after the job wrote an alert its row is in a page: the job's own time and the browser's, on one machine."""

from datetime import datetime

from tests.browser.job_page import JobPage, Seen

WAIT_SECONDS = 60.0


def alert_seconds(page: JobPage, count: int) -> list[float]:
    """Wait for so many new alerts, and return the seconds from `emittedTime` to the row of each of them, or of more."""
    known = {change.name for change in page.seen() if change.kind == "log"}

    def new() -> list[Seen]:
        return [change for change in page.seen() if _is_alert(change) and change.name not in known]

    page.wait(f"{count} alerts", lambda: len(new()) >= count, WAIT_SECONDS)
    emitted = _emitted(page)
    return [change.at / 1000 - emitted[change.name] for change in new() if change.name in emitted]


def _is_alert(change: Seen) -> bool:
    return (change.kind, change.value) == ("log", "alert")


def _emitted(page: JobPage) -> dict[str, float]:
    """When each alert was written, by its number; the server's documents have the times as the job wrote them."""
    address = page.page.url.replace("/jobs/", "/api/jobs/")
    entries = page.page.request.get(address).json()["log"]["entries"]
    alerts = (entry for entry in entries if entry["kind"] == "alert")
    return {str(entry["seq"]): datetime.fromisoformat(entry["at"]).timestamp() for entry in alerts}
