"""Runs programs of whoever administers a cluster, as found on the PATH: kubectl, helm, a loader of images."""

import subprocess


def run(
    program: str, *arguments: str, text: str | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, whatever that is, within the bound."""
    return subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, timeout=seconds, check=False
    )


def must(program: str, *arguments: str, text: str | None = None, seconds: float = 60.0) -> str:
    """Run one command that has to succeed, and return what it prints."""
    result = run(program, *arguments, text=text, seconds=seconds)
    assert result.returncode == 0, f"{program} {' '.join(arguments)}: {result.stdout}{result.stderr}"
    return result.stdout


def binary(program: str, *arguments: str, data: bytes | None = None, seconds: float = 60.0) -> bytes:
    """Run one command that has to succeed, and return its output as it is."""
    result = subprocess.run([program, *arguments], input=data, capture_output=True, timeout=seconds, check=False)
    assert result.returncode == 0, f"{program} {' '.join(arguments)}: {result.stderr.decode(errors='replace')}"
    return result.stdout
