"""How a command finds the server that has the store open: a small file in the data folder.

Written by ``ktlo up`` when it listens, removed when it stops; readable by its owner only, because it
carries the token. A stale file (the process is gone, or nobody has the store open) is ignored.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

_NAME = "server.json"
LOCK = "ktlo.lock"
"""The file that an embedded store locks; see ``store/embedded``."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        url: base URL without a slash at the end.
        token: bearer token; empty when it needs none.
        process: process identifier.
    """

    url: str
    token: str
    process: int


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address; port 0 takes a free one.

    Raises:
        OSError: the address or the port cannot be used.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def url_of(host: str, port: int) -> str:
    """The URL by which this machine reaches what listens on an address."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def announce(folder: Path, address: Address) -> None:
    """Say where the server listens."""
    path = folder / _NAME
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(address))


def withdraw(folder: Path) -> None:
    """Say that it no longer listens."""
    with contextlib.suppress(OSError):
        (folder / _NAME).unlink()


def find(folder: Path) -> Address | None:
    """The server of a data folder; ``None`` when none runs."""
    try:
        address = msgspec.json.decode((folder / _NAME).read_bytes(), type=Address)
        os.kill(address.process, 0)
    except (OSError, OverflowError, msgspec.DecodeError):
        return None
    return None if _is_free(folder / LOCK) else address


def _is_free(lock: Path) -> bool:
    """True when nobody has the store open: then the process number was given to another program since."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # a store elsewhere has no lock here
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
