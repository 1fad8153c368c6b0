"""Reads the newest start record that the launcher left on the volume. It must not write there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anomalyjob.start_records import record_numbers
from anomalyjob.timestamps import parse_time
from anomalyjob_operator.observed import StartObservation


def newest_start(job_volume: Path) -> StartObservation | None:
    """Return the newest start, None when there is none or its record cannot be read."""
    starts = job_volume / "starts"
    try:
        numbers = record_numbers(starts)
        if not numbers:
            return None
        return _observation(json.loads((starts / f"{numbers[-1]}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _observation(record: Mapping[str, Any]) -> StartObservation:
    chosen = record["chosen"] or {}
    return StartObservation(
        start=record["start"],
        incarnation=record["incarnation"],
        started_at=parse_time(record["startedAt"]),
        restart_counter=record["restartCounter"],
        chosen_checkpoint_id=chosen.get("checkpointId"),
        chosen_path=chosen.get("path"),
        skipped=len(record["skipped"]),
        message=record["message"],
    )
