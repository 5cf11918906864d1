"""Ports for the servers that tests start as processes of their own.

What lives here: which port a server gets. What does not: servers inside a test's process, which take what the system
gives them and never let go of it.
"""

import os
import random
import socket
from itertools import cycle

PORTS = range(20_000, 32_000)
"""Below the ports that outgoing connections are given: while a server is down, nobody takes its port by chance."""


def _shuffled_share() -> list[int]:
    """The ports of this process, of all that share the tests: two never choose the same one."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = list(PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))])
    # Other runs on this machine draw from the same ports.
    random.shuffle(share)
    return share


_ports = cycle(_shuffled_share())


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, another one at each call."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
