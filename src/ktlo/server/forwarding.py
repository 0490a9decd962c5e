"""The collectors that one running ktlo sends its telemetry on to, as ``ktlo.yaml`` names them."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ktlo.errors import UserError
from ktlo.receivers.forwarding import Forward, Forwarded, ForwardQueue, Target
from ktlo.receivers.spool import Segment
from ktlo.server.security import is_loopback
from ktlo.settings.forward import ForwardSettings
from ktlo.settings.secret_reference import secret

_log = logging.getLogger(__name__)


class Forwarding:
    """Forwards until it is closed.

    Args:
        said: collectors.
        folder: where what waits is kept; on the file system of the spool.
        own_ports: of ktlo's receivers: what goes there would come back for ever.

    Raises:
        UserError: a header that is no reference or leads nowhere, two collectors of one address, or ktlo itself.
        OSError: the folder cannot be made.
    """

    def __init__(
        self, said: list[ForwardSettings], folder: Path, own_ports: frozenset[int] = frozenset()
    ) -> None:
        self._forwards: list[tuple[str, Forward]] = []
        wanted = [(one, _target(one, own_ports), _folder_name(one)) for one in said]
        names = [name for _, _, name in wanted]
        if len(set(names)) < len(names):
            raise UserError(
                "two collectors have one endpoint", where="telemetry.forward", fix="Name each one once"
            )
        _remove_others(folder, set(names))
        for settings, target, name in wanted:
            for signal in settings.signals:
                queue = ForwardQueue(folder / name / signal, settings.most_mib << 20)
                self._forwards.append((signal, Forward(target, signal, queue)))

    def beside(self, signal: str) -> Callable[[Segment], None]:
        """What an intake calls with each closed segment before the store takes it."""
        forwards = [forward for of, forward in self._forwards if of == signal]

        def offer(segment: Segment) -> None:
            for forward in forwards:
                forward.offer(segment)

        return offer

    def states(self) -> list[Forwarded]:
        """How each goes."""
        return [forward.state() for _, forward in self._forwards]

    def close(self) -> None:
        """Stop; what was not sent waits on disk."""
        for _, forward in self._forwards:
            forward.close()


def _target(said: ForwardSettings, own_ports: frozenset[int]) -> Target:
    address = urlsplit(said.endpoint)
    if is_loopback(address.hostname or "") and address.port in own_ports:
        raise UserError(
            "telemetry would be forwarded to this ktlo itself",
            where="telemetry.forward",
            fix="Give another collector's endpoint",
        )
    headers = {name: secret(reference).get_secret_value() for name, reference in said.headers.items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
            raise UserError(f"{name[:60]!r} is no header", where="telemetry.forward.headers")
    return Target(said.name or address.netloc, said.endpoint, headers, said.compression == "gzip")


def _folder_name(said: ForwardSettings) -> str:
    digest = hashlib.blake2b(said.endpoint.encode(), digest_size=4).hexdigest()
    return re.sub(r"[^\w.-]", "-", urlsplit(said.endpoint).netloc) + f"-{digest}"


def _remove_others(folder: Path, names: set[str]) -> None:
    """What waits for a collector that is no longer named waits for nobody."""
    for left in folder.iterdir() if folder.is_dir() else ():
        if left.name not in names:
            waiting = sum(1 for _ in left.rglob("*.forward"))
            _log.warning(
                "%s is no longer forwarded to; %d segments that waited for it are removed", left.name, waiting
            )
            shutil.rmtree(left, ignore_errors=True)
