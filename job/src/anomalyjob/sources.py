"""Where events come from: builds the part of the Flink graph that ends in a stream of event lines, keyed by user.

PyFlink has no source written in Python. A file source on the folder of user lists (the vertex `clock`) names each user
once; that wakes the keyed function `source`, which from then on lives by its own timers. It must not know of sinks.
"""

from pyflink.common import Duration, Types, WatermarkStrategy
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.datastream.slot_sharing_group import SlotSharingGroup

from anomalyjob.config import SimulatedSource
from anomalyjob.functions import SimulatedUserSource

# New user lists come only with a new start, which lists the folder at once; this only bounds the idle listing.
USER_LIST_DISCOVERY_SECONDS = 60


def listed_user_key(line: str) -> str:
    """The `events.user_key` of a line of a user list, which is a JSON text in ASCII."""
    return line[1:-1]


def simulated_events(
    environment: StreamExecutionEnvironment, source: SimulatedSource, users_folder: str, group: SlotSharingGroup
) -> DataStream:
    """A stream of JSON event lines of the simulated users; `users_folder` is an absolute path of the volume."""
    clock = environment.from_source(
        _user_lists(users_folder), WatermarkStrategy.no_watermarks(), "clock", Types.STRING()
    ).uid("clock")
    return (
        clock.slot_sharing_group(group)
        .key_by(listed_user_key, key_type=Types.STRING())
        .process(SimulatedUserSource(source), output_type=Types.STRING())
        .name("source")
        .uid("source")
        .slot_sharing_group(group)
    )


def _user_lists(users_folder: str) -> FileSource:
    return (
        FileSource.for_record_stream_format(StreamFormat.text_line_format(), f"file://{users_folder}")
        .monitor_continuously(Duration.of_seconds(USER_LIST_DISCOVERY_SECONDS))
        .build()
    )
