"""`anomalyjob status`: the status document, for people or for machines."""

import json
from datetime import UTC, datetime, timedelta

import click
from pydantic import ValidationError

from anomalyjob.timestamps import parse_time
from anomalyjob_operator.cli.console import Failure, plain_errors, table
from anomalyjob_operator.cli.selection import current_settings, matching_jobs, names_job, selected_job
from anomalyjob_operator.local.json_file import read_json
from anomalyjob_operator.local.ports import read_ports
from anomalyjob_operator.local.progress import age_text, size_text
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.stored_resource import read_resource
from anomalyjob_operator.local.supervisor_lock import is_supervised
from anomalyjob_operator.status import RecoveryStatus, Status

_HEADER = ("NAMESPACE", "NAME", "PHASE", "JOB", "TMS", "LAST-CKPT", "RECOVERIES", "AGE")


@click.command()
@names_job
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="json is the status document of the resource.",
)
def status(name: str | None, namespace: str | None, output: str) -> None:
    """Show how a job is; without a name, all jobs if there are several."""
    with plain_errors():
        settings = current_settings()
        jobs = matching_jobs(settings, name, namespace)
        if output == "table" and len(jobs) > 1:
            click.echo(table(_HEADER, [_row(job, datetime.now(UTC)) for job in jobs]))
            return
        folder = selected_job(settings, name, namespace)
        if output == "json":
            _print_document(folder)
        else:
            click.echo("\n".join(_description(folder, datetime.now(UTC))))


def _print_document(folder: StateFolder) -> None:
    document = read_json(folder.status_file)
    if document is None:
        raise Failure(f"job {folder.key} has no status yet. Start it: anomalyjob up -f FILE")
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _read(folder: StateFolder) -> Status | None:
    document = read_json(folder.status_file)
    try:
        return None if document is None else Status.parse(document)
    except ValidationError as error:
        raise Failure(f"{folder.status_file} is not a status document: {error}") from None


def _phase(folder: StateFolder, found: Status | None, now: datetime) -> str:
    """Return the phase; of a job that nobody supervises the document is what was true last."""
    if is_supervised(folder):
        return "Pending" if found is None else found.phase
    if found is None:
        return "Stopped"
    age = now - datetime.fromtimestamp(folder.status_file.stat().st_mtime, UTC)
    return f"Stopped (was {found.phase} {age_text(age)} ago)"


def _row(folder: StateFolder, now: datetime) -> tuple[str, ...]:
    found, stored = _read(folder), read_resource(folder)
    age = "-" if stored is None else age_text(now - parse_time(stored.created_at))
    supervised = is_supervised(folder)
    if found is None:
        return (folder.namespace, folder.name, _phase(folder, found, now), "-", "-", "-", "-", age)
    last = found.last_checkpoint
    ready, desired = found.cluster.task_managers_ready, found.cluster.task_managers_desired
    return (
        folder.namespace,
        folder.name,
        found.phase if supervised else "Stopped",
        (found.job.state or "-") if supervised else "-",
        f"{ready}/{desired}" if supervised else f"0/{desired}",
        "-" if last is None else age_text(now - last.completed_at),
        str(found.recoveries),
        age,
    )


def _description(folder: StateFolder, now: datetime) -> list[str]:
    found, stored = _read(folder), read_resource(folder)
    generation = "" if stored is None else f", generation {stored.generation}"
    lines = [("job", f"{folder.key}{generation}"), ("phase", _phase(folder, found, now))]
    if found is not None:
        lines += _live(folder, found, now) if is_supervised(folder) else []
        lines += _kept(found, now)
    lines.append(("state", str(folder.path)))
    width = max(len(label) for label, _ in lines)
    return [f"{label:<{width}}  {text}" for label, text in lines]


def _live(folder: StateFolder, found: Status, now: datetime) -> list[tuple[str, str]]:
    """Return what is true only while the job is supervised."""
    job, cluster, ports = found.job, found.cluster, read_ports(folder)
    since = "" if job.started_at is None else f", for {age_text(now - job.started_at)}"
    slots = "" if cluster.slots_total is None else f", {cluster.slots_total} slots, {cluster.slots_free} free"
    version = "" if cluster.flink_version is None else f", Flink {cluster.flink_version}"
    tasks = "" if job.tasks_total is None else f", {job.tasks_running} of {job.tasks_total} tasks running"
    ready = f"{cluster.task_managers_ready} of {cluster.task_managers_desired} ready"
    return [
        *([("message", found.message)] if found.message else []),
        ("Flink job", f"{job.state or 'not seen'}{tasks}{since}"),
        ("TaskManagers", f"{ready}{slots}{version}"),
        *([] if ports is None else [("web page", ports.rest_url)]),
        *(
            (condition.type, f"{condition.status} ({condition.reason}) {condition.message}".rstrip())
            for condition in found.conditions
        ),
    ]


def _kept(found: Status, now: datetime) -> list[tuple[str, str]]:
    """Return what stays true while the job is stopped."""
    last, counters = found.last_checkpoint, found.checkpoints
    early = f", {counters.failed_before_running} failed before all tasks ran" if counters.failed_before_running else ""
    newest = "none yet"
    if last is not None:
        age, size = age_text(now - last.completed_at), size_text(last.size_bytes)
        newest = f"{last.id}, {age} ago, {size}, {last.duration_milliseconds} ms, {last.path}"
    return [
        ("last checkpoint", newest),
        (
            "checkpoints",
            f"{counters.completed} completed, {counters.failed} failed, {counters.restored} restored{early}",
        ),
        ("recoveries", f"{found.recoveries}, restarts of failed jobs: {found.restarts}"),
        *([] if found.last_recovery is None else [("last recovery", _recovery(found.last_recovery, now))]),
        *(
            ("savepoint", f"{kept.path}, {age_text(now - kept.completed_at)} ago, asked for by nonce {kept.nonce}")
            for kept in found.savepoints
        ),
    ]


def _recovery(recovery: RecoveryStatus, now: datetime) -> str:
    parts = [f"{recovery.cause} {age_text(now - recovery.detected_at)} ago"]
    if recovery.from_checkpoint is not None:
        parts.append(f"from checkpoint {recovery.from_checkpoint}")
    for what, seconds in (("all tasks running", recovery.seconds_to_running), ("safe", recovery.seconds_to_safe)):
        if seconds is not None:
            parts.append(f"{what} after {timedelta(seconds=seconds).total_seconds():.1f} s")
    return ", ".join(parts)
