"""Where records go: one vertex `sink` that logs (at least once) and hands records on to exactly-once part files.

The function runs inside Flink and writes to its process's standard output; it must not count, detect or drop.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO

from pyflink.common import Encoder, Types
from pyflink.datastream import DataStream, ProcessFunction, RuntimeContext
from pyflink.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    OutputFileConfig,
    RollingPolicy,
)
from pyflink.datastream.slot_sharing_group import SlotSharingGroup

from anomalyjob.config import Sinks
from anomalyjob.events import Alert, ProcessRecord, Record, decode_record

STANDARD_OUTPUT_VARIABLE = "ANOMALYJOB_STANDARD_OUTPUT"
HOUR_FOLDER_FORMAT = "yyyy-MM-dd-HH"


class RecordSink(ProcessFunction):
    """Stamps alerts with the time they left the job, logs each record if asked, and passes every line on."""

    def __init__(self, *, log: bool) -> None:
        self._logs = log
        self._log: FileIO | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the log, if this sink writes one; called once per subtask and attempt."""
        del runtime_context
        if self._logs:
            self._log = open_standard_output()

    def close(self) -> None:
        """Give the log's descriptor back."""
        if self._log is not None:
            self._log.close()

    def process_element(self, value: str, ctx: ProcessFunction.Context) -> Iterator[str]:
        """Take one record line and pass it on."""
        del ctx
        record = decode_record(value)
        if isinstance(record, Alert):
            record = replace(record, emitted_time=datetime.now(UTC))
        line = record.encode() if isinstance(record, Alert) else value
        if self._log is not None:
            self._log.write(log_text(record, line).encode())
        yield line


def open_standard_output() -> FileIO:
    """Open the TaskManager's own standard output for appending, unbuffered.

    By its path, because a Python worker process (process mode) has another one, whose lines Flink wraps into its log.
    """
    return FileIO(os.environ[STANDARD_OUTPUT_VARIABLE], "ab")


def log_text(record: Record, line: str) -> str:
    """Return what the log sink writes for one record: the event it came from, its JSON line, the alert's message."""
    if isinstance(record, Alert):
        return f"{line}\n{record.message}\n"
    if isinstance(record, ProcessRecord):
        return f"{record.event.encode()}\n{line}\n"
    return f"{line}\n"


def attach_sinks(records: DataStream, sinks: Sinks, output_folder: str, group: SlotSharingGroup) -> None:
    """Ends the graph: `records` are JSON lines; `output_folder` is the incarnation's folder on the volume."""
    sink = (
        records.process(RecordSink(log=sinks.log), output_type=Types.STRING())
        .name("sink")
        .uid("sink")
        # Python operators are chained across slot sharing groups; the sink must stay a vertex of its own.
        .start_new_chain()
        .slot_sharing_group(group)
    )
    if sinks.files:
        sink.sink_to(_part_files(output_folder)).name("files").uid("files")


def _part_files(output_folder: str) -> FileSink:
    # Rolls on checkpoints only: time-rolled part files can fail on restore or lose a part (docs/flink.md).
    return (
        FileSink.for_row_format(f"file://{output_folder}", Encoder.simple_string_encoder())
        .with_bucket_assigner(BucketAssigner.date_time_bucket_assigner(HOUR_FOLDER_FORMAT, "UTC"))
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
        .with_output_file_config(OutputFileConfig.builder().with_part_prefix("part").with_part_suffix(".jsonl").build())
        .build()
    )
