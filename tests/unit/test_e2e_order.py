from pathlib import Path

from tests.e2e import conftest

FOLDER = Path(conftest.__file__).parent
MEASUREMENTS = "test_bench_cluster"


def test_every_module_of_the_tests_on_a_cluster_has_its_place_in_the_order() -> None:
    modules = {file.stem for file in FOLDER.glob("test_*.py")} - {MEASUREMENTS}
    assert set(conftest.MODULES) == modules
