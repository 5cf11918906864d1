"""Disks that fill up or can't be written any more, and have room again.

What lives here: the ways to bring that about. What does not: what must follow (the tests).
"""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.crash.servers import Server

ONLY_ROOT = "only root can do that to a disk"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason=ONLY_ROOT)

BLOCK = bytes(1 << 16)


class Disk(Protocol):
    """A disk that can run out of room."""

    def fill(self) -> None:
        """Leave no room."""
        ...

    def free(self) -> None:
        """Make room again."""
        ...


class SmallDisk:
    """A file system of its own, in memory; only root can make one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as ballast:
            for block in (BLOCK, BLOCK[:4096]):
                _write_until_full(ballast.fileno(), block)

    def free(self) -> None:
        self._ballast.unlink()


def _write_until_full(file: int, block: bytes) -> None:
    try:
        while True:
            os.write(file, block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def small_disk(folder: Path, megabytes: int, owner: int) -> Iterator[SmallDisk]:
    """Mount an empty disk of this size in a new folder, for the user with the id `owner`."""
    folder.mkdir()
    options = f"size={megabytes}m,uid={owner},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class Quota:
    """A limit of the server's process on the size of files that it writes: anyone can set one."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def fill(self) -> None:
        self._limit(0)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        resource.prlimit(self._server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def read_only(*files: Path) -> Iterator[None]:
    """Nobody can write to these files; where root brings that about, not even who has them open."""
    lock, unlock = (["chattr", "+i"], ["chattr", "-i"]) if os.geteuid() == 0 else (["chmod", "a-w"], ["chmod", "u+w"])
    subprocess.run([*lock, *files], check=True)
    try:
        yield
    finally:
        subprocess.run([*unlock, *files], check=True)
