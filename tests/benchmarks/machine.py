"""What figures were measured on, in a few words."""

import os
import platform


def machine() -> str:
    """Return the cores, the memory and the software of this machine."""
    memory_gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{os.cpu_count()} cores, {memory_gibibytes:.0f} GiB, {release}, Python {platform.python_version()}"
