"""Ports of this machine that nobody listens on at this moment."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """That many different ones, chosen by the kernel."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return sorted(one.getsockname()[1] for one in sockets)
