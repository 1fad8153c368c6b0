"""What import-linter cannot see: every module is classified, and pure ones do not reach outside without an import."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = (REPOSITORY / "job" / "src", REPOSITORY / "operator" / "src")

# Modules and packages that may touch the machine. All others are pure and stand in the contract of pyproject.toml.
SHELL = frozenset(
    {
        "anomalyjob.atomic_file",
        "anomalyjob.audit_output",
        "anomalyjob.checkpoint_catalogue",
        "anomalyjob.checkpoint_volume",
        "anomalyjob.config_files",
        "anomalyjob.flink_installation",
        "anomalyjob.functions",
        "anomalyjob.launch",
        "anomalyjob.lineage",
        "anomalyjob.parent_death",
        "anomalyjob.part_files",
        "anomalyjob.pipeline",
        "anomalyjob.sinks",
        "anomalyjob.slots",
        "anomalyjob.sources",
        "anomalyjob.standard_output",
        "anomalyjob.start_records",
        "anomalyjob.temporary_folder",
        "anomalyjob.termination_log",
        "anomalyjob.termination_signal",
        "anomalyjob.volume_cleaning",
        "anomalyjob.volume_lock",
        "anomalyjob.volume_usage",
        "anomalyjob_operator.__main__",
        "anomalyjob_operator.aside",
        "anomalyjob_operator.backend",
        "anomalyjob_operator.bounded_text",
        "anomalyjob_operator.cli",
        "anomalyjob_operator.cluster.__main__",
        "anomalyjob_operator.cluster.api",
        "anomalyjob_operator.cluster.backend",
        "anomalyjob_operator.cluster.handlers",
        "anomalyjob_operator.cluster.jobs",
        "anomalyjob_operator.cluster.objects",
        "anomalyjob_operator.cluster.manifest_text",
        "anomalyjob_operator.cluster.pod_logs",
        "anomalyjob_operator.cluster.render",
        "anomalyjob_operator.cluster.runtime",
        "anomalyjob_operator.cluster.show",
        "anomalyjob_operator.cluster.work_queue",
        "anomalyjob_operator.dashboard",
        "anomalyjob_operator.flink_rest",
        "anomalyjob_operator.joined_tasks",
        "anomalyjob_operator.live.feeds",
        "anomalyjob_operator.live.job_feed",
        "anomalyjob_operator.live.log_follower",
        "anomalyjob_operator.live.look",
        "anomalyjob_operator.live.loops",
        "anomalyjob_operator.live.poller",
        "anomalyjob_operator.live.subscription",
        "anomalyjob_operator.local",
        "anomalyjob_operator.metrics.deliveries",
        "anomalyjob_operator.metrics.families",
        "anomalyjob_operator.metrics.registry",
        "anomalyjob_operator.notify.notifier",
        "anomalyjob_operator.notify.out_queue",
        "anomalyjob_operator.notify.target_file",
        "anomalyjob_operator.notify.webhook",
        "anomalyjob_operator.observe",
        "anomalyjob_operator.onlookers",
        "anomalyjob_operator.reconcile",
        "anomalyjob_operator.resource_file",
        "anomalyjob_operator.settings",
    }
)

# What reaches the disk, the clock or a person though its module may be imported: to compute with a path is pure.
FORBIDDEN_NAMES = frozenset({"open", "print", "input", "exec", "eval", "__import__"})
FORBIDDEN_CALLS = frozenset({"now", "utcnow", "today"}) | frozenset(
    "cwd exists expanduser glob home is_dir is_file is_symlink iterdir lstat mkdir open read_bytes read_text readlink "
    "rename resolve rglob rmdir samefile stat symlink_to touch unlink write_bytes write_text".split()
)


def module_name(source: Path, file: Path) -> str:
    return ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, Path]:
    return {module_name(source, file): file for source in SOURCES for file in sorted(source.rglob("*.py"))}


def pure_contract() -> frozenset[str]:
    """The modules and packages named in the contract `pure` of import-linter."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return frozenset(next(contract for contract in contracts if contract["id"] == "pure")["source_modules"])


def covers(listed: frozenset[str], name: str) -> bool:
    return any(name == entry or name.startswith(entry + ".") for entry in listed)


def is_pure(name: str) -> bool:
    return covers(pure_contract(), name)


def reaches_outside(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield f"line {node.lineno}: {node.id}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: .{node.func.attr}()"


def test_every_module_is_either_pure_or_shell() -> None:
    code = {name for name, file in modules().items() if file.name != "__init__.py"}

    unclassified = {name for name in code if not is_pure(name) and not covers(SHELL, name)}
    assert unclassified == set(), "name it in the contract `pure` of pyproject.toml, or in SHELL here"
    assert {name for name in code if is_pure(name) and covers(SHELL, name)} == set()


def test_the_list_of_shell_modules_names_nothing_that_is_gone() -> None:
    assert {entry for entry in SHELL if entry not in modules()} == set()


@pytest.mark.parametrize("name", sorted(filter(is_pure, modules())))
def test_a_pure_module_asks_neither_clock_nor_disk(name: str) -> None:
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))

    assert list(reaches_outside(tree)) == []


def test_the_search_sees_what_it_searches_for() -> None:
    source = "from datetime import datetime\nopen('x')\nwhen = datetime.now()\nPath('y').exists()\n"

    assert sorted(reaches_outside(ast.parse(source))) == ["line 2: open", "line 3: .now()", "line 4: .exists()"]
