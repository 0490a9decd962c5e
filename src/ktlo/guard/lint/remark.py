"""What a linter says of a place in a file, whatever the linter; becomes a ``Finding`` of the lint check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ktlo.guard.finding import Finding, Level, Location
from ktlo.guard.secrets.gathering import shown_path

CHECK = "lint"
_LARGEST = 32 << 20


class LintError(Exception):
    """A linter's report cannot be used; the message is a clause for people."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark.

    Attributes:
        tool: the linter's name, lower case.
        rule: its rule.
        level: how bad, as far as the tool tells.
        message: its sentence.
        path: file, relative to the root; empty when it names none.
        line: from 1; 0 for the file as a whole.
    """

    tool: str
    rule: str
    level: Level
    message: str
    path: str
    line: int = 0

    @property
    def name(self) -> str:
        """Tool and rule, as findings, ignores and the baseline have it: ``ruff/F401``."""
        return f"{self.tool}/{self.rule}"


def as_findings(remarks: Iterable[Remark], root: Path, check: str = CHECK) -> list[Finding]:
    """Findings whose fingerprint is the rule, the file and the words of the line, not its number.

    Args:
        remarks: what linters say.
        root: where the files are.
        check: whose findings they are.
    """
    lines: dict[str, list[bytes]] = {}
    found = []
    for one in sorted(set(remarks), key=lambda one: (one.path, one.line, one.name, one.message)):
        if one.path not in lines:
            lines[one.path] = _lines(root, one.path)
        text = lines[one.path][one.line - 1].strip() if 0 < one.line <= len(lines[one.path]) else b""
        identity = f"{check}\n{one.name}\n{one.path}\n".encode("utf-8", "surrogateescape") + text
        found.append(
            Finding(
                check=check,
                rule=one.name,
                level=one.level,
                message=" ".join(one.message.split())[:500] or one.name,
                location=Location(shown_path(one.path) or ".", one.line),
                fingerprint=hashlib.sha256(identity).hexdigest()[:32],
                properties={"tool": one.tool},
            )
        )
    return found


def _lines(root: Path, path: str) -> list[bytes]:
    place = root / path
    try:
        inside = path and place.resolve().is_relative_to(root.resolve())
        if not inside or not place.is_file() or place.stat().st_size > _LARGEST:
            return []
        return place.read_bytes().split(b"\n")
    except (OSError, ValueError, RuntimeError):
        return []
