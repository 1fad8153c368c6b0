"""Runs in a pod beside the job: looks at its folder on the volume all the time, and prints what is new as JSON.

Flink removes checkpoints that newer ones replace, and a start prunes; so what was there at a moment is known only to
whoever looked then. It reads headers itself, and uses nothing of the project. It must only read.
"""

import json
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

METADATA_MAGIC = 0x4960672D
HEADER_BYTES = 16
LOOK_SECONDS = 0.1


def watch(folder: Path) -> Iterator[dict[str, object]]:
    """Look for ever; yield every completed checkpoint once, and every start record with what lay there before it."""
    checkpoints: set[tuple[object, ...]] = set()
    starts: set[int] = set()
    while True:
        # The records first: a checkpoint of the start itself must not pass for one from before it.
        recorded = {int(file.stem) for file in (folder / "starts").glob("*.json") if file.stem.isdecimal()}
        listing = list(completed(folder))
        for number in sorted(recorded - starts):
            record = json.loads((folder / "starts" / f"{number}.json").read_text(encoding="utf-8"))
            yield {"record": record, "before": [entry for entry in listing if entry["start"] != number]}
        starts |= recorded
        for entry in listing:
            if (key := tuple(entry.values())) not in checkpoints:
                checkpoints.add(key)
                yield entry
        time.sleep(LOOK_SECONDS)  # noqa: TID251 - the pause between two looks; whoever started it ends it


def completed(folder: Path) -> Iterator[dict[str, object]]:
    """Return all completed checkpoints and stop savepoints: id by the header, when it was written, of which start."""
    for metadata in (folder / "checkpoints").glob("[1-9]*/*/chk-*/_metadata"):
        start, job_id = metadata.parts[-4], metadata.parts[-3]
        if start.isdecimal():
            yield from _entry(metadata, int(start), job_id)
    for metadata in (folder / "stop").glob("*/savepoint-*/_metadata"):
        yield from _entry(metadata, 0, metadata.parts[-3])


def _entry(metadata: Path, start: int, line: str) -> Iterator[dict[str, object]]:
    try:
        with metadata.open("rb") as stream:
            header = stream.read(HEADER_BYTES)
        written = metadata.stat().st_mtime_ns // 1_000_000
    except OSError:
        # Flink has removed it meanwhile.
        return
    if len(header) < HEADER_BYTES:
        return
    magic, _version, number = struct.unpack(">IiQ", header)
    if magic == METADATA_MAGIC:
        yield {"id": number, "start": start, "line": line, "path": str(metadata.parent), "written": written}


if __name__ == "__main__":
    for found in watch(Path(sys.argv[1])):
        print(json.dumps(found), flush=True)
