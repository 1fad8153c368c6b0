"""The command `anomalyjob`: what people type. It must not decide or know Flink; it reads, calls and prints."""

import click

from anomalyjob_operator.cli.audit import audit
from anomalyjob_operator.cli.checkpoints import checkpoints
from anomalyjob_operator.cli.crd import crd
from anomalyjob_operator.cli.down import down
from anomalyjob_operator.cli.kill import kill
from anomalyjob_operator.cli.logs import logs
from anomalyjob_operator.cli.render import render
from anomalyjob_operator.cli.status import status
from anomalyjob_operator.cli.up import up
from anomalyjob_operator.cli.validate import validate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="anomalyjob-operator", prog_name="anomalyjob")
def main() -> None:
    """Run a Flink job that detects anomalies, on this machine, and bring it back from its newest checkpoint.

    Jobs keep their state in $ANOMALYJOB_HOME, else in ~/.anomalyjob. Wherever a job can be named, it need not be while
    there is only one.
    """


for command in (up, down, status, logs, checkpoints, kill, audit, validate, render, crd):
    main.add_command(command)
