"""The files of the pages: light, safe by construction, and the vendored ones unchanged."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.job_page import JobPage
from tests.browser.page.opened_page import opened
from tests.browser.page.played_dashboard import PlayedDashboard
from tests.browser.watched_pages import WatchedPages

from anomalyjob_operator.dashboard.static_files import FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Response

VENDORED = FOLDER / "vendor"
OWN = sorted(file for file in FOLDER.rglob("*.*") if VENDORED not in file.parents)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:")
ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/)")
PAGE_BYTES = 250_000
VENDORED_SCRIPT_BYTES = 75_000


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_no_file_makes_markup_of_data_or_loads_from_elsewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not MARKUP.search(text)
    assert not ELSEWHERE.search(text)
    assert file.suffix != ".html" or not INLINE.search(text)


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_every_own_file_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) < 400


def test_the_vendored_files_are_those_of_the_checksums() -> None:
    sums = [line.split() for line in (VENDORED / "uplot" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    assert {name for _, name in sums} == {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"}
    for digest, name in sums:
        assert hashlib.sha256((VENDORED / "uplot" / name).read_bytes()).hexdigest() == digest


def test_the_vendored_script_is_small() -> None:
    assert sum(file.stat().st_size for file in VENDORED.rglob("*.js")) <= VENDORED_SCRIPT_BYTES


@pytest.mark.browser
def test_a_job_page_weighs_less_than_250_kilobytes(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    files: list[Response] = []
    page.on("response", lambda response: files.append(response) if "/api/" not in response.url else None)
    opened(JobPage(page, dashboard.job_address))
    page.wait_for_load_state("load")
    weight = sum(len(response.body()) for response in files)
    print(f"{len(files)} files, {weight} bytes uncompressed")
    assert 100_000 < weight < PAGE_BYTES


@pytest.mark.browser
def test_a_job_page_shows_data_within_a_second(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    taken = []
    for _ in range(3):
        job = opened(JobPage(pages.open(), dashboard.job_address))
        shown = next(change.at for change in job.seen() if change.kind == "phase")
        taken.append(shown - float(job.page.evaluate("() => performance.timeOrigin")))
    print(f"phase shown after {sorted(taken)} ms")
    assert min(taken) < 1000
