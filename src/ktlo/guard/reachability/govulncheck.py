"""Reads what govulncheck says and judges it ourselves: its exit code 0 with ``-json`` means nothing.

The stream is a row of JSON objects (protocol v1.0.0 of golang.org/x/vuln/internal/govulncheck: ``config``,
``progress``, ``osv``, ``finding`` with a ``trace`` from the vulnerable symbol outwards). Releases before it, such as
Debian 12's, write one object with ``Vulns``. A stream that is broken, ends early or has another shape is no answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ktlo.errors import UserError
from ktlo.guard.lockfiles.wording import printable
from ktlo.guard.reachability.tiers import Reach, Tier

LARGEST = 256 * 2**20
_DEPTH = {Tier.CALLED: 0, Tier.IMPORTED: 1, Tier.INSTALLED: 2}


class BrokenStreamError(UserError):
    """The stream is no complete answer; the sentence says why."""


@dataclass(frozen=True, slots=True)
class GoScan:
    """What govulncheck found in one module.

    Attributes:
        reach: by (advisory id, module path): how near, and the path.
        advisories: ids of advisories in the stream with their aliases.
    """

    reach: dict[tuple[str, str], Reach]
    advisories: dict[str, frozenset[str]]


class _Position(msgspec.Struct):
    filename: str = ""
    line: int = 0


class _Frame(msgspec.Struct):
    module: str
    version: str = ""
    package: str = ""
    function: str = ""
    receiver: str = ""
    position: _Position | None = None


class _Finding(msgspec.Struct):
    osv: str
    trace: list[_Frame]


class _Config(msgspec.Struct):
    protocol_version: str = ""
    scan_level: str = "symbol"
    scan_mode: str = "source"


class _Osv(msgspec.Struct):
    id: str
    aliases: list[str] | None = None


class _Message(msgspec.Struct):
    config: _Config | None = None
    osv: _Osv | None = None
    finding: _Finding | None = None
    progress: dict[str, Any] | None = None
    sbom: dict[str, Any] | None = msgspec.field(default=None, name="SBOM")


def read_stream(data: bytes, folder: str = "") -> GoScan:
    """Judge a whole stream.

    Args:
        data: what govulncheck wrote.
        folder: of the module, which releases before v1.0.0 put before file names.

    Raises:
        BrokenStreamError: it is cut off, of another shape or version, or does not look at symbols.
    """
    if len(data) > LARGEST:
        raise BrokenStreamError(f"govulncheck wrote more than {LARGEST // 2**20} MiB")
    try:
        objects = list(_objects(data.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise BrokenStreamError(f"govulncheck's output is broken: {printable(error, 100)}") from error
    if len(objects) == 1 and isinstance(objects[0], dict) and "Vulns" in objects[0]:
        return _older(objects[0]["Vulns"], folder)
    try:
        messages = [msgspec.convert(one, _Message, strict=True) for one in objects]
    except msgspec.ValidationError as error:
        raise BrokenStreamError(f"govulncheck's output has another shape: {printable(error, 100)}") from error
    config = messages[0].config if messages else None
    if config is None:
        raise BrokenStreamError("govulncheck's output does not begin with its configuration")
    if not config.protocol_version.startswith("v1."):
        raise BrokenStreamError(f"govulncheck speaks protocol {printable(config.protocol_version, 40)!r}")
    if config.scan_level != "symbol":
        raise BrokenStreamError(f"govulncheck looked at {printable(config.scan_level, 40)}s, not at symbols")
    if len(messages) < 2:
        raise BrokenStreamError("govulncheck's output ends behind its configuration")
    reach: dict[tuple[str, str], Reach] = {}
    advisories: dict[str, frozenset[str]] = {}
    for message in messages:
        if message.osv is not None:
            advisories[message.osv.id] = frozenset((message.osv.id, *(message.osv.aliases or ())))
        if message.finding is not None:
            _note(reach, message.finding.osv, message.finding.trace)
    missing = {identifier for identifier, _ in reach} - advisories.keys()
    if missing:
        raise BrokenStreamError(f"govulncheck names {min(missing)} and does not describe it")
    return GoScan(reach, advisories)


def _objects(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield value


def _note(reach: dict[tuple[str, str], Reach], advisory: str, trace: list[_Frame]) -> None:
    if not trace:
        raise BrokenStreamError(f"a finding about {printable(advisory, 40)} has no trace")
    nearest = trace[0]
    tier = Tier.CALLED if nearest.function else Tier.IMPORTED if nearest.package else Tier.INSTALLED
    path = tuple(_shown(one) for one in reversed(trace)) if tier is Tier.CALLED else ()
    key = (advisory, nearest.module)
    known = reach.get(key)
    if known is None or (_DEPTH[tier], len(path)) < (_DEPTH[known.tier], len(known.path)):
        reach[key] = Reach(tier, path)


def _shown(frame: _Frame) -> str:
    # govulncheck writes the receiver of a method as *Type.
    parts = (frame.package, frame.receiver.lstrip("*"), frame.function)
    name = printable(".".join(part for part in parts if part))
    if frame.position is None or not frame.position.filename:
        return name
    return f"{name} ({printable(frame.position.filename)}:{frame.position.line})"


class _OldPosition(msgspec.Struct, rename="pascal"):
    filename: str = ""
    line: int = 0


class _OldFrame(msgspec.Struct):
    package: str = msgspec.field(name="PkgPath", default="")
    function: str = msgspec.field(name="FuncName", default="")
    receiver: str = msgspec.field(name="RecvType", default="")
    position: _OldPosition | None = msgspec.field(name="Position", default=None)


class _OldStack(msgspec.Struct):
    frames: list[_OldFrame] | None = msgspec.field(name="Frames", default=None)


class _OldPackage(msgspec.Struct):
    stacks: list[_OldStack] | None = msgspec.field(name="CallStacks", default=None)


class _OldModule(msgspec.Struct):
    path: str = msgspec.field(name="Path")
    packages: list[_OldPackage] | None = msgspec.field(name="Packages", default=None)


class _OldVulnerability(msgspec.Struct):
    osv: _Osv = msgspec.field(name="OSV")
    modules: list[_OldModule] | None = msgspec.field(name="Modules", default=None)


def _older(given: object, folder: str) -> GoScan:
    try:
        read = msgspec.convert(given or [], list[_OldVulnerability], strict=True)
    except msgspec.ValidationError as error:
        raise BrokenStreamError(f"govulncheck's output has another shape: {printable(error, 100)}") from error
    reach: dict[tuple[str, str], Reach] = {}
    for one in read:
        for module in one.modules or []:
            stacks = [stack for package in module.packages or [] for stack in package.stacks or []]
            frames = min((stack.frames for stack in stacks if stack.frames), key=len, default=[])
            path = tuple(
                _shown(
                    _Frame(
                        module.path,
                        package=frame.package,
                        receiver=frame.receiver.rpartition("/")[2].rpartition(".")[2],
                        function=frame.function,
                        position=None
                        if frame.position is None
                        else _Position(
                            frame.position.filename.removeprefix(f"{folder}/"), frame.position.line
                        ),
                    )
                )
                for frame in frames
            )
            reach[one.osv.id, module.path] = Reach(Tier.CALLED if path else Tier.IMPORTED, path)
    return GoScan(reach, {one.osv.id: frozenset((one.osv.id, *(one.osv.aliases or ()))) for one in read})
