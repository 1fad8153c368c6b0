"""The Flink job: clock → source → process → sink, built from job.json and submitted with its JobManager.

Run by Flink's PythonDriver as `-pym anomalyjob.pipeline`; it only wires. All settings of the cluster come from
config.yaml; it must not set any here, so that there is one place for them. How this start began goes along as a global
job parameter: Flink does not use it, but its REST endpoint tells it.
"""

import json
import os
from pathlib import Path

from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment

from anomalyjob.config import JobConfig
from anomalyjob.detector import Rule
from anomalyjob.events import event_user_key
from anomalyjob.functions import AbnormalCounter
from anomalyjob.sinks import attach_sinks
from anomalyjob.slots import slot_sharing_groups
from anomalyjob.sources import simulated_events
from anomalyjob.start_summary import START_PARAMETER, START_VARIABLE


def build(environment: StreamExecutionEnvironment, config: JobConfig, users_folder: str, output_folder: str) -> None:
    """Adds the whole graph to `environment`; both folders are absolute paths on the volume."""
    groups = slot_sharing_groups(config.slot_sharing)
    events = simulated_events(environment, config.source, users_folder, groups.source)
    records = (
        events.key_by(event_user_key, key_type=Types.STRING())
        .process(AbnormalCounter(Rule(max_count=config.detection.max_count)), output_type=Types.STRING())
        .name("process")
        .uid("process")
        .slot_sharing_group(groups.process)
    )
    attach_sinks(records, config.sink, output_folder, groups.sink)


def main() -> None:
    """Reads job.json of the configuration folder and the folders that the launcher chose, then submits the job."""
    config = JobConfig.parse(json.loads(Path(os.environ["ANOMALYJOB_CONFIG_DIR"], "job.json").read_text("utf-8")))
    environment = StreamExecutionEnvironment.get_execution_environment()
    _drop_user_jars(environment)
    environment.get_config().set_global_job_parameters({START_PARAMETER: os.environ[START_VARIABLE]})
    build(environment, config, os.environ["ANOMALYJOB_USERS_DIR"], os.environ["ANOMALYJOB_OUTPUT"])
    environment.execute(f"{config.namespace}.{config.name}")


def _drop_user_jars(environment: StreamExecutionEnvironment) -> None:
    """Trap: PythonDriver uploads the flink-python jar under a key that is new in every JobManager.

    TaskManagers that still hold the job refuse another key until they have let go of it, so a restarted JobManager
    failed over and over. The jar is on every class path already (java_command.py).
    """
    settings = Configuration()
    settings.set_string("pipeline.jars", "")
    environment.configure(settings)


if __name__ == "__main__":
    main()
