"""Reads SARIF 2.1.0 of any tool: what it says, and whether it says that it ran to its end.

A report that is cut off, of another shape, or of a run that did not succeed is an error, never an empty list. Source:
OASIS SARIF 2.1.0, sections 3.14 (run), 3.20 (invocation), 3.27 (result); levels and ``security-severity`` as GitHub
reads them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ktlo.guard.finding import Level
from ktlo.guard.lint.remark import LintError, Remark

LARGEST = 256 << 20
MOST = 200_000


class _Text(msgspec.Struct, rename="camel"):
    text: str = ""
    markdown: str = ""
    id: str = ""


class _Artifact(msgspec.Struct, rename="camel"):
    uri: str = ""
    uri_base_id: str = ""


class _Region(msgspec.Struct, rename="camel"):
    start_line: int = 0


class _Physical(msgspec.Struct, rename="camel"):
    artifact_location: _Artifact = msgspec.field(default_factory=_Artifact)
    region: _Region = msgspec.field(default_factory=_Region)


class _Location(msgspec.Struct, rename="camel"):
    physical_location: _Physical = msgspec.field(default_factory=_Physical)


class _Suppression(msgspec.Struct, rename="camel"):
    status: str = "accepted"


class _RuleReference(msgspec.Struct, rename="camel"):
    id: str = ""
    index: int = -1


class _Result(msgspec.Struct, rename="camel"):
    message: _Text
    rule_id: str = ""
    rule_index: int = -1
    rule: _RuleReference = msgspec.field(default_factory=_RuleReference)
    level: str = ""
    kind: str = "fail"
    locations: tuple[_Location, ...] = ()
    suppressions: tuple[_Suppression, ...] = ()
    baseline_state: str = ""


class _Configuration(msgspec.Struct, rename="camel"):
    level: str = "warning"


class _Rule(msgspec.Struct, rename="camel"):
    id: str = ""
    default_configuration: _Configuration = msgspec.field(default_factory=_Configuration)
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


class _Driver(msgspec.Struct, rename="camel"):
    name: str
    rules: tuple[_Rule, ...] = ()


class _Tool(msgspec.Struct, rename="camel"):
    driver: _Driver


class _Invocation(msgspec.Struct, rename="camel"):
    execution_successful: bool = True


class _Run(msgspec.Struct, rename="camel"):
    tool: _Tool
    results: tuple[_Result, ...] | None = ()
    invocations: tuple[_Invocation, ...] = ()


class _Log(msgspec.Struct, rename="camel"):
    version: str
    runs: tuple[_Run, ...]


def read_sarif_file(file: Path, root: Path) -> tuple[Remark, ...]:
    """Read a report that some tool wrote.

    Raises:
        LintError: as :func:`read_sarif`, or the file cannot be read.
    """
    try:
        if not file.is_file():
            raise LintError("there is no such file")
        if file.stat().st_size > LARGEST:
            raise LintError(f"it is larger than {LARGEST >> 20} MiB")
        return read_sarif(file.read_bytes(), root)
    except OSError as error:
        raise LintError(f"it cannot be read: {error.strerror}") from None


def read_sarif(text: bytes, root: Path, tool: str = "") -> tuple[Remark, ...]:
    """Remarks of every run; suppressed results and those that are no failure are left out.

    Args:
        text: the log.
        root: what absolute addresses of files are made relative to.
        tool: name to use instead of the driver's.

    Raises:
        LintError: it is no SARIF 2.1.0, holds no run, or a run says that it did not succeed.
    """
    try:
        log = msgspec.json.decode(text, type=_Log)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LintError(f"it is not SARIF: {error}") from None
    if not log.version.startswith("2.1"):
        raise LintError(f"its SARIF version is {log.version[:20]!r}; 2.1.0 is known")
    if not log.runs:
        raise LintError("it holds no run, so nothing tells that anything was checked")
    found: list[Remark] = []
    for run in log.runs:
        name = tool or run.tool.driver.name.lower().replace("/", "-").replace(" ", "-")
        if run.results is None or not all(one.execution_successful for one in run.invocations):
            raise LintError(f"{name} says that it did not run to its end")
        found.extend(_remarks(run, name, root))
        if len(found) > MOST:
            raise LintError(f"it holds more than {MOST:,} results")
    return tuple(found)


def _remarks(run: _Run, tool: str, root: Path) -> Iterator[Remark]:
    rules = run.tool.driver.rules
    by_id = {one.id: one for one in rules}
    for result in run.results or ():
        is_suppressed = any(one.status == "accepted" for one in result.suppressions)
        if (
            result.kind not in ("fail", "open", "review")
            or is_suppressed
            or result.baseline_state == "absent"
        ):
            continue
        index = result.rule_index if result.rule_index >= 0 else result.rule.index
        at_index = rules[index] if 0 <= index < len(rules) else None
        identifier = result.rule_id or result.rule.id or (at_index.id if at_index else "") or "unnamed"
        rule = by_id.get(identifier) or at_index or _Rule()
        level = _level(result.level or rule.default_configuration.level, rule.properties)
        message = result.message.text or result.message.markdown or result.message.id
        for place in result.locations or (_Location(),):
            physical = place.physical_location
            path = relative(physical.artifact_location.uri, root)
            yield Remark(tool, identifier, level, message, path, max(0, physical.region.start_line))


def _level(said: str, properties: dict[str, Any]) -> Level:
    try:
        score = float(properties.get("security-severity", ""))
    except (TypeError, ValueError):
        return Level.MEDIUM if said == "error" else Level.LOW
    bounds = ((9.0, Level.CRITICAL), (7.0, Level.HIGH), (4.0, Level.MEDIUM))
    return next((level for least, level in bounds if score >= least), Level.LOW)


def relative(uri: str, root: Path) -> str:
    """A file's address or path, relative to the root with forward slashes; as given when it lies elsewhere."""
    try:
        parts = urlsplit(uri)
        path = unquote(parts.path if parts.scheme in ("file", "") else uri, errors="surrogateescape")
    except ValueError:
        path = uri
    if path.startswith("/"):
        for top in (root.resolve(), root.absolute()):
            with_slash = f"{top.as_posix()}/"
            if path.startswith(with_slash):
                path = path.removeprefix(with_slash)
                break
    return posixpath.normpath(path) if path else ""
