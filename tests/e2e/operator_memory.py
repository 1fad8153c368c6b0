"""How much memory the operator's process takes, as its kernel counts it."""

from tests.e2e.operator_release import OperatorRelease


def memory_mebibytes(operator: OperatorRelease) -> tuple[float, float]:
    """Return resident memory now, and the most there ever was."""
    pod = operator.pods()[0]["metadata"]["name"]
    text = operator.cluster.kubectl("exec", "-n", operator.namespace, pod, "--", "cat", "/proc/1/status")
    kibibytes = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith("Vm")}
    return kibibytes["VmRSS:"] / 1024, kibibytes["VmHWM:"] / 1024
