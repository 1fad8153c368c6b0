import json
import os
from pathlib import Path

import pytest

from anomalyjob.refusal import Reason, Refusal
from anomalyjob.termination_log import TerminationLog

REFUSAL = Refusal(reason=Reason.VOLUME_FULL, message='The volume "v" is full:\nmake space, bitte schön.')


def test_a_refusal_is_one_json_line(tmp_path: Path) -> None:
    TerminationLog(tmp_path / "log").write(REFUSAL)

    (line,) = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"reason": "VolumeFull", "message": REFUSAL.message}


def test_a_path_that_is_no_utf_8_does_not_keep_the_refusal_from_being_told(tmp_path: Path) -> None:
    message = os.fsdecode(b"There is no folder /vol-\xff for the volume.")
    TerminationLog(tmp_path / "log").write(Refusal(reason=Reason.VOLUME_MISSING, message=message))

    assert json.loads((tmp_path / "log").read_text(encoding="utf-8"))["message"] == message


@pytest.mark.parametrize("message", ["x" * 9000, '"' * 3000, "ä" * 3000, "\udcff" * 1000, "x" * 4040])
def test_a_refusal_too_long_for_kubernetes_is_shortened_and_stays_json(tmp_path: Path, message: str) -> None:
    TerminationLog(tmp_path / "log").write(Refusal(reason=Reason.VOLUME_MISSING, message=message))

    text = (tmp_path / "log").read_bytes()
    assert len(text) <= 4096
    assert json.loads(text)["reason"] == "VolumeMissing"
    told = json.loads(text)["message"]
    assert told == message or (told.endswith("…") and message.startswith(told[:-1]))


def test_an_old_refusal_is_emptied_but_the_file_itself_stays(tmp_path: Path) -> None:
    file = tmp_path / "log"
    TerminationLog(file).clear()
    assert not file.exists()

    TerminationLog(file).write(REFUSAL)
    before = file.stat().st_ino
    TerminationLog(file).clear()
    assert (file.read_bytes(), file.stat().st_ino) == (b"", before)


def test_a_log_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    TerminationLog(tmp_path / "absent" / "log").write(REFUSAL)
    TerminationLog(None).write(REFUSAL)
    TerminationLog(None).clear()


@pytest.mark.parametrize(
    "content,found",
    [
        ('{"terminationLog": "/log", "incarnation": "wrong"}', Path("/log")),
        ('{"terminationLog": "log"}', None),
        ('{"terminationLog": 5}', None),
        ("{}", None),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_log_is_found_even_when_the_rest_of_the_configuration_is_wrong(
    tmp_path: Path, content: str, found: Path | None
) -> None:
    (tmp_path / "start.json").write_text(content, encoding="utf-8")

    assert TerminationLog.of(tmp_path / "start.json") == TerminationLog(found)
    assert TerminationLog.of(tmp_path / "absent.json") == TerminationLog(None)
