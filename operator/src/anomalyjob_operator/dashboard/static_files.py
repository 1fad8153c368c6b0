"""The files of the pages, read once when the server starts.

A request can only name what was found then: no path of a request ever reaches the disk.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parent / "static"
CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
"""What is served at all; other files of the folder are not."""

MAXIMUM_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file, ready to be sent."""

    content_type: str
    content: bytes
    compressed: bytes
    tag: str

    @classmethod
    def of(cls, content: bytes, content_type: str) -> "StaticFile":
        """Prepare the content."""
        return cls(
            content_type=content_type,
            content=content,
            compressed=gzip.compress(content, mtime=0),
            tag=hashlib.sha256(content).hexdigest()[:32],
        )

    def answer(self, request: web.Request) -> web.Response:
        """Answer a request; who has this very content already is told so."""
        known = request.if_none_match or ()
        if any(tag.value in {self.tag, "*"} for tag in known):
            return web.Response(status=304, headers={"ETag": f'"{self.tag}"', "Cache-Control": "no-cache"})
        zipped = _accepts_gzip(request) and len(self.compressed) < len(self.content)
        response = web.Response(
            body=self.compressed if zipped else self.content, content_type=self.content_type, charset="utf-8"
        )
        response.headers.update({"ETag": f'"{self.tag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"})
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response


def read_static_files(folder: Path = FOLDER) -> dict[str, StaticFile]:
    """Return the files by their paths below the folder, such as `vendor/uPlot.js`. Raise OSError."""
    return {
        file.relative_to(folder).as_posix(): StaticFile.of(file.read_bytes(), CONTENT_TYPES[file.suffix])
        for file in sorted(folder.rglob("*"))
        if file.suffix in CONTENT_TYPES and file.is_file() and file.stat().st_size <= MAXIMUM_BYTES
    }


def _accepts_gzip(request: web.Request) -> bool:
    offers = (offer.strip().lower() for offer in request.headers.get("Accept-Encoding", "").split(","))
    return any(offer == "gzip" or (offer.startswith("gzip;") and not offer.endswith("q=0")) for offer in offers)
