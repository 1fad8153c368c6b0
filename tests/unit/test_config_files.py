import json
from pathlib import Path

import pytest

from anomalyjob.config import ConfigError
from anomalyjob.config_files import read_job_config, read_ledger_floor, read_start_config, read_task_manager_config


@pytest.mark.parametrize("reader", [read_job_config, read_start_config, read_task_manager_config])
def test_a_missing_file_is_named(tmp_path: Path, reader: object) -> None:
    assert callable(reader)
    with pytest.raises(ConfigError, match=rf"{tmp_path}/(job|start|taskmanager)\.json: no such file"):
        reader(tmp_path)


def test_a_file_that_is_not_json_is_named_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{\n  "name": demo\n}', encoding="utf-8")

    with pytest.raises(ConfigError, match=rf"{tmp_path}/job.json: is not JSON: .* at line 2 column 11"):
        read_job_config(tmp_path)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_bytes(b"\xff\xfe{}")

    with pytest.raises(ConfigError, match=rf"{tmp_path}/job.json: is not UTF-8 text"):
        read_job_config(tmp_path)


def test_a_wrong_key_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "taskmanager.json").write_text('{"terminationLog": "/log", "jvmOptions": 5}', encoding="utf-8")

    with pytest.raises(ConfigError, match=rf"{tmp_path}/taskmanager.json: jvmOptions: must be a list, not a number"):
        read_task_manager_config(tmp_path)


def test_no_ledger_means_no_floor_but_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    assert read_ledger_floor(file) is None

    file.write_text(json.dumps({"incarnation": 1, "floor": {"checkpointId": 9}}), encoding="utf-8")
    floor = read_ledger_floor(file)
    assert floor is not None
    assert floor.checkpoint_id == 9

    file.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{file}: is not JSON"):
        read_ledger_floor(file)
