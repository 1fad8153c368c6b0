"""What the two distributions and the locks promise to whoever installs them."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = REPOSITORY / "requirements"
JOB_SOURCE = REPOSITORY / "job" / "src" / "anomalyjob"

# The only modules of the job that need PyFlink; all others work with the standard library.
NEED_PYFLINK = frozenset(f"anomalyjob.{name}" for name in ("functions", "pipeline", "sinks", "slots", "sources"))

# Run by an isolated interpreter that sees nothing but the installed job: argv is the folder, then the modules.
IMPORT_ALL = """
import importlib, importlib.util, json, sys
sys.path.append(sys.argv[1])
failed = {}
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
print(json.dumps({"failed": failed, "pyflink": importlib.util.find_spec("pyflink") is not None}))
"""

# Words, joined by dots, and halves of words: this file must not name what it forbids.
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(words.replace("-", "").split()))
        for words in (
            "py-pi org",
            "python-hosted org",
            "repo maven apache org",
            "repo1 maven org",
            "registry npm-js org",
            "deb debian org",
            "archive ubuntu com",
            "proxy golang org",
            "static crates io",
        )
    )
)


def pins(lock: str) -> dict[str, str]:
    """The exact version of each distribution in one of requirements/*.txt."""
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^ ;\\]+)", text, flags=re.MULTILINE))


def declared(project: str, *extras: str) -> list[Requirement]:
    settings = tomllib.loads((REPOSITORY / project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = settings.get("optional-dependencies", {})
    texts = settings["dependencies"] + [text for extra in extras for text in optional[extra]]
    return [Requirement(text) for text in texts]


@pytest.fixture(scope="module")
def bare_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bare distribution `anomalyjob` installed and nothing else."""
    return installed("job", tmp_path_factory)


@pytest.fixture(scope="module")
def bare_operator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution `anomalyjob-operator` installed and nothing else."""
    return installed("operator", tmp_path_factory)


def installed(project: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A copy, so that the build can leave nothing in the checkout.
    source = shutil.copytree(REPOSITORY / project, tmp_path_factory.mktemp("source") / project)
    target = tmp_path_factory.mktemp("target")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True, timeout=50)
    return target


def test_the_bare_job_imports_without_pyflink(bare_job: Path) -> None:
    modules = {f"anomalyjob.{file.stem}" for file in JOB_SOURCE.glob("*.py") if file.stem != "__init__"}
    # -I and -S: no environment variables, no site-packages, no current folder.
    command = [sys.executable, "-I", "-S", "-c", IMPORT_ALL, str(bare_job), *sorted(modules)]

    answer = json.loads(subprocess.run(command, check=True, timeout=30, capture_output=True, text=True).stdout)

    assert answer["pyflink"] is False
    assert "anomalyjob.config" in modules, "the search found the modules"
    assert answer["failed"] == dict.fromkeys(sorted(NEED_PYFLINK), "No module named 'pyflink'")


def test_both_distributions_carry_their_type_marker(bare_job: Path) -> None:
    assert (bare_job / "anomalyjob" / "py.typed").is_file()
    assert (REPOSITORY / "operator" / "src" / "anomalyjob_operator" / "py.typed").is_file()


def test_the_operator_brings_the_templates_of_its_manifests(bare_operator: Path) -> None:
    templates = Path("anomalyjob_operator") / "cluster" / "templates"
    source = REPOSITORY / "operator" / "src" / templates

    found = {file.name: file.read_bytes() for file in (bare_operator / templates).iterdir()}

    assert len(found) == 6
    assert found == {file.name: file.read_bytes() for file in source.iterdir()}


def test_the_operator_brings_the_pages_of_the_dashboard(bare_operator: Path) -> None:
    static = Path("anomalyjob_operator") / "dashboard" / "static"
    source = REPOSITORY / "operator" / "src" / static

    found = {file.relative_to(bare_operator / static) for file in (bare_operator / static).rglob("*")}

    assert {Path("index.html"), Path("job.html"), Path("login.html")} <= found
    assert found == {file.relative_to(source) for file in source.rglob("*")}


def test_the_folder_operator_is_no_package_for_it_would_shadow_the_standard_library() -> None:
    assert not (REPOSITORY / "operator" / "__init__.py").exists()


def test_the_operator_does_not_bring_flink_along() -> None:
    required = [Requirement(text) for text in importlib.metadata.requires("anomalyjob-operator") or []]
    names = {requirement.name for requirement in required}

    assert "anomalyjob" in names
    assert "apache-flink" not in names
    assert all(not requirement.extras for requirement in required if requirement.name == "anomalyjob")
    assert not {"apache-flink", "pemja", "apache-beam", "py4j"} & pins("operator.txt").keys()


def test_the_job_pins_one_exact_flink() -> None:
    assert [str(requirement) for requirement in declared("job", "flink")] == ["apache-flink==2.3.0"]
    assert declared("job") == []


@pytest.mark.parametrize(
    "lock, requirements",
    [
        ("dev.txt", [*declared("job", "flink"), *declared("operator", "cluster")]),
        ("job.txt", declared("job", "flink")),
        ("operator.txt", declared("operator", "cluster")),
    ],
    ids=["dev", "job", "operator"],
)
def test_a_lock_has_what_the_distributions_declare(lock: str, requirements: list[Requirement]) -> None:
    pinned = pins(lock)

    for requirement in requirements:
        if requirement.name != "anomalyjob":
            assert requirement.name in pinned, "run `make lock`"
            assert requirement.specifier.contains(pinned[requirement.name]), "run `make lock`"


@pytest.mark.parametrize("lock", ["job.txt", "operator.txt"])
def test_an_image_runs_exactly_the_versions_that_the_tests_ran(lock: str) -> None:
    assert pins(lock).items() <= pins("dev.txt").items()


@pytest.mark.parametrize("lock", ["bootstrap.txt", "dev.txt", "job.txt", "operator.txt"])
def test_a_lock_holds_only_hashed_exact_versions(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"(?m)^(?=\S)", text) if entry and not entry.startswith("#")]

    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_no_tracked_file_names_the_host_of_a_package_registry() -> None:
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    listing = subprocess.run(command, check=True, timeout=30, capture_output=True, text=True).stdout
    files = [REPOSITORY / name for name in listing.split("\0") if name]

    found = [
        file.name for file in files if file.is_file() and REGISTRY_HOSTS.search(file.read_text("utf-8", "replace"))
    ]

    assert len(files) > 20
    assert found == []
