from pathlib import PurePosixPath

import pytest

from anomalyjob.config import ConfigError
from anomalyjob.container_settings import ContainerSettings


def test_without_a_container_nothing_is_set() -> None:
    assert ContainerSettings.of({"HOME": "/tmp"}) == ContainerSettings(temporary_folder=None, pod_ip=None)


@pytest.mark.parametrize("address", ["10.244.0.17", "fd00:10:244::11", "::1"])
def test_the_pods_address_is_taken_as_it_stands(address: str) -> None:
    assert ContainerSettings.of({"ANOMALYJOB_POD_IP": address}).pod_ip == address


@pytest.mark.parametrize("text", ["", "demo-taskmanager-1", "10.0.0", "[fd00::1]", "fe80::1%eth0", "10.0.0.1 -Dx=y"])
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        ContainerSettings.of({"ANOMALYJOB_POD_IP": text})

    assert str(error.value) == f"ANOMALYJOB_POD_IP: must be an IPv4 or IPv6 address, not {text!r}"


def test_the_temporary_folder_is_the_one_that_is_named() -> None:
    settings = ContainerSettings.of({"ANOMALYJOB_TEMPORARY_FOLDER": "/var/temporary/demo-jobmanager"})

    assert settings.temporary_folder == PurePosixPath("/var/temporary/demo-jobmanager")


@pytest.mark.parametrize("text", ["", "/", "/tmp", "//", "temporary/demo", "/var/../etc", "/var/lib\0/x"])
def test_a_folder_that_can_hardly_be_meant_to_be_emptied_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="ANOMALYJOB_TEMPORARY_FOLDER: must be the absolute path of a folder in"):
        ContainerSettings.of({"ANOMALYJOB_TEMPORARY_FOLDER": text})
