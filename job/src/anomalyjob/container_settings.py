"""What the container around a launcher tells it by its environment, read strictly: a typing error must not be obeyed.

Pure. On a machine without containers none of it is set, and nothing of it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Final, Self

from anomalyjob.strict_document import ConfigError

TEMPORARY_FOLDER: Final = "ANOMALYJOB_TEMPORARY_FOLDER"
POD_IP: Final = "ANOMALYJOB_POD_IP"
_PARTS_AT_LEAST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSettings:
    """`temporary_folder` is Flink's own and emptied at each start; `pod_ip` is where others find this process."""

    temporary_folder: PurePosixPath | None
    pod_ip: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the environment; raise ConfigError naming the variable that is wrong."""
        folder, address = environment.get(TEMPORARY_FOLDER), environment.get(POD_IP)
        return cls(
            temporary_folder=None if folder is None else _folder(folder),
            pod_ip=None if address is None else _address(address),
        )


def _folder(text: str) -> PurePosixPath:
    """Return the folder; one so near to the root that it can hardly be meant to be emptied is refused."""
    folder = PurePosixPath(text)
    if not folder.is_absolute() or ".." in folder.parts or "\0" in text or len(folder.parts) < _PARTS_AT_LEAST:
        raise ConfigError(TEMPORARY_FOLDER, f"must be the absolute path of a folder in a folder, not {text!r}")
    return folder


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        raise _no_address(text) from None
    if "%" in text:
        # A zone such as %eth0 means something on one machine only.
        raise _no_address(text)
    return text


def _no_address(text: str) -> ConfigError:
    return ConfigError(POD_IP, f"must be an IPv4 or IPv6 address, not {text!r}")
