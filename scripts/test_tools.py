"""Says which programs that only tests use this machine lacks, and the Debian packages that bring them.

Whoever runs the project needs none of them; outside CI, tests without their program are skipped. Like the check of the
prerequisites it runs before anything is installed, on every `python3` from 3.8 on.

Standard output is the Debian packages that are missing, one a line, with --packages, and nothing without; what a person
reads goes to standard error. Exit status: always 0.
"""

from __future__ import annotations

import argparse
import shutil
import sys

# The program, the Debian package that brings it, and which tests are skipped without it.
TOOLS = (
    ("chromium", "chromium", "the tests of the pages in a browser"),
    ("promtool", "prometheus", "the tests with a real Prometheus"),
)
SYSTEM_PATH = "/usr/bin:/bin"


def missing(path: str = SYSTEM_PATH) -> list[tuple[str, str, str]]:
    """The tools that are not where Debian puts them; another program of that name is another program."""
    return [tool for tool in TOOLS if shutil.which(tool[0], path=path) is None]


def report(tools: list[tuple[str, str, str]]) -> list[str]:
    """The lines for a person, none when nothing is missing."""
    if not tools:
        return []
    lines = [f"  - {name}, without which {what} are skipped: Debian package {package}" for name, package, what in tools]
    packages = " ".join(package for _, package, _ in tools)
    command = f"On Debian or Ubuntu, as root: apt-get update && apt-get install {packages}"
    return ["test tools: this machine lacks:", *lines, command]


def main() -> None:
    """Look, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packages", action="store_true", help="print the Debian packages that are missing")
    tools = missing()
    if parser.parse_args().packages:
        print("\n".join(package for _, package, _ in tools))
    else:
        print("\n".join(report(tools)), file=sys.stderr, end="\n" if tools else "")


if __name__ == "__main__":
    main()
