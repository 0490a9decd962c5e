"""What Python's lock files share: normalised names (PEP 503), requirement lines (PEP 508), and ``pyproject.toml``.

A lock file of Python tools rarely says what the project itself asks for; the manifest beside it does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ktlo.guard.lockfiles.documents import parse_toml
from ktlo.guard.lockfiles.protocol import LockFile, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table, as_text, items, table, texts

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LEADING_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def normalised(name: str) -> str:
    """A name as PEP 503 compares it; empty when it is not a name at all."""
    return _SEPARATORS.sub("-", name).lower() if _NAME.fullmatch(name) else ""


def requirement(line: str) -> Requirement | None:
    """A PEP 508 requirement; ``None`` when it is not one."""
    from packaging.requirements import InvalidRequirement, Requirement

    if len(line) > 10_000:
        return None
    try:
        return Requirement(line)
    except (InvalidRequirement, RecursionError, ValueError):
        return None


def required_name(line: str) -> str:
    """The normalised name a requirement begins with; empty when it begins with none."""
    match = _LEADING_NAME.match(line)
    return normalised(match[1].rstrip("._-")) if match else ""


@dataclass(frozen=True, slots=True)
class Declared:
    """Normalised names that a manifest asks for.

    Attributes:
        name: of the project itself; empty when it has none.
        production: to run, with optional features.
        development: in groups that are never published.
        is_known: False when there is no manifest to tell.
    """

    name: str = ""
    production: frozenset[str] = frozenset()
    development: frozenset[str] = frozenset()
    is_known: bool = False


def declared_in(manifest: Table) -> Declared:
    """What a ``pyproject.toml`` asks for: PEP 621, dependency groups (PEP 735), Poetry, PDM, uv."""
    project, tool = table(manifest, "project"), table(manifest, "tool")
    production = {required_name(line) for line in texts(project, "dependencies")}
    for extra in table(project, "optional-dependencies").values():
        production |= {required_name(as_text(line, "a dependency")) for line in _list(extra)}
    development: set[str] = set()
    for groups in (table(manifest, "dependency-groups"), table(table(tool, "pdm"), "dev-dependencies")):
        for group in groups.values():
            development |= {required_name(line) for line in _list(group) if isinstance(line, str)}
    development |= {
        required_name(as_text(line, "a dependency")) for line in items(table(tool, "uv"), "dev-dependencies")
    }
    poetry = table(tool, "poetry")
    production |= {normalised(name) for name in table(poetry, "dependencies") if name != "python"}
    development |= {normalised(name) for name in table(poetry, "dev-dependencies")}
    for name, group in table(poetry, "group").items():
        asked = {normalised(key) for key in table(as_table(group, name), "dependencies")}
        if name == "main":
            production |= asked
        else:
            development |= asked
    name = normalised(as_text(project.get("name", poetry.get("name")), "the name"))
    own = {"", name}
    return Declared(name, frozenset(production - own), frozenset(development - production - own), True)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def declared_beside(file: LockFile) -> Declared:
    """What the ``pyproject.toml`` beside a lock file asks for; unknown when it is missing or unreadable."""
    path = file.path.parent / "pyproject.toml"
    try:
        text = LockFile(path, file.tree.read(path), file.tree, file.limits).text()
        return declared_in(parse_toml(text))
    except UnreadableError:
        return Declared()
