"""Where records go: one vertex `sink` that logs (at least once) and hands records on to exactly-once part files.

The function runs inside Flink and must not count, detect or drop. What a log that cannot be written means is said in
standard_output.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

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
from anomalyjob.events import Alert, counted_event_line, decode_record, is_alert_line
from anomalyjob.standard_output import StandardOutput
from anomalyjob.volume_usage import VOLUME_USED_METRIC, VolumeUsage

STANDARD_OUTPUT_VARIABLE = "ANOMALYJOB_STANDARD_OUTPUT"
HOUR_FOLDER_FORMAT = "yyyy-MM-dd-HH"
# What could end a line or steer a terminal: a user's id may hold anything.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class RecordSink(ProcessFunction):
    """Stamps alerts with the time they left the job, logs each record if asked, and passes every line on.

    `log_may_miss`: part files hold the records as well, so a log that cannot be written must not stop the job. The
    metric of the volume that `output_folder` lies on is looked after here: this vertex is there whatever the sinks are.
    """

    def __init__(self, *, log: bool, log_may_miss: bool, output_folder: str) -> None:
        self._output_folder = output_folder
        self._volume: VolumeUsage
        self._logs = log
        self._log_may_miss = log_may_miss
        self._log: StandardOutput | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """Prepare the metric, and the log if this sink writes one; called once per subtask and attempt."""
        counter = runtime_context.get_metrics_group().counter(VOLUME_USED_METRIC)
        self._volume = VolumeUsage(self._output_folder, counter)
        if self._logs:
            path = Path(os.environ[STANDARD_OUTPUT_VARIABLE])
            self._log = StandardOutput(path, may_miss=self._log_may_miss)

    def close(self) -> None:
        """Give the log's descriptor back."""
        if self._log is not None:
            self._log.close()

    def process_element(self, value: str, ctx: ProcessFunction.Context) -> Iterator[str]:
        """Take one record line and pass it on."""
        del ctx
        self._volume.look()
        line = emitted_alert_line(value, datetime.now(UTC)) if is_alert_line(value) else value
        if self._log is not None:
            self._log.write(log_text(line))
        yield line


def emitted_alert_line(line: str, now: datetime) -> str:
    """Return an alert's line with the time that it leaves the job at."""
    alert = _alert(line)
    return replace(alert, emitted_time=now).encode()


def log_text(line: str) -> str:
    """Return what the log sink writes for the line of an alert or process record.

    An alert: the line, and the message for people. A process record: the event it came from, and the line.
    """
    if is_alert_line(line):
        return f"{line}\n{_UNPRINTABLE.sub(_escaped, _alert(line).message)}\n"
    return f"{counted_event_line(line)}\n{line}\n"


def _alert(line: str) -> Alert:
    record = decode_record(line)
    if not isinstance(record, Alert):
        raise TypeError(f"not an alert: {line}")
    return record


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def attach_sinks(records: DataStream, sinks: Sinks, output_folder: str, group: SlotSharingGroup) -> None:
    """Ends the graph: `records` are JSON lines; `output_folder` is the incarnation's folder on the volume."""
    sink = (
        records.process(
            RecordSink(log=sinks.log, log_may_miss=sinks.files, output_folder=output_folder),
            output_type=Types.STRING(),
        )
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
