"""``uv.lock``, version 1.

Format: docs.astral.sh/uv "Lockfile"; one ``[[package]]`` each with ``source``; the project and its workspace
members are packages with an editable, virtual or directory source, so paths need no manifest.
"""

from __future__ import annotations

from collections.abc import Iterable

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import header_lines, read_toml
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_locked import Package, compare, direct_origin, gather, is_own_folder
from ktlo.guard.lockfiles.python_names import Declared, declared_beside
from ktlo.guard.lockfiles.shapes import Table, as_table, items, table, tables, text
from ktlo.guard.lockfiles.wording import printable


def _names(entries: Iterable[object]) -> list[str]:
    return [text(as_table(entry, "a dependency"), "name") for entry in entries]


def _grouped(entry: Table, key: str) -> list[str]:
    groups = table(entry, key)
    return [name for group in groups for name in _names(items(groups, group))]


def read(file: LockFile) -> Reading:
    """Reads a uv lock file."""
    content = read_toml(file)
    if content.get("version") != 1:
        shown = printable(content.get("version"))
        raise UnreadableError(
            f"Its version is {shown}; 1 is known", fix="Update ktlo or lock again with uv lock."
        )
    entries = tables(content, "package")
    lines = header_lines(file.text(), "[[package]]")
    lines = lines if len(lines) == len(entries) else [0] * len(entries)
    packages: list[Package] = []
    production: list[str] = []
    development: list[str] = []
    members: set[str] = set()
    for entry, line in zip(entries, lines, strict=True):
        package, folder = _package(file, entry, line)
        packages.append(package)
        if folder is not None:
            members.add(folder)
            production.extend(package.requires)
            development.extend(_grouped(entry, "dev-dependencies"))
    manifest = table(content, "manifest")
    development.extend(_names(items(manifest, "requirements")))
    groups = table(manifest, "dependency-groups")
    development.extend(name for group in groups for name in _names(items(groups, group)))
    gathering = Gathering(file, "PyPI")
    gather(gathering, packages, production, development, is_known=bool(members or manifest))
    declared = declared_beside(file)
    asked = Declared(declared.name, declared.production, frozenset(), declared.is_known)
    compare(gathering, packages, asked, "uv lock")
    return gathering.reading(frozenset(members))


def _package(file: LockFile, entry: Table, line: int) -> tuple[Package, str | None]:
    """The package, and its folder when it is part of the project."""
    source = table(entry, "source")
    origin, place = direct_origin(source)
    for key in ("editable", "virtual"):
        if key in source:
            origin, place = Origin.LOCAL, text(source, key)
    is_folder = any(key in source for key in ("editable", "virtual", "directory"))
    own = is_folder and (place == "." or is_own_folder(file, place))
    if not source:
        origin = Origin.URL
    requires = (*_names(items(entry, "dependencies")), *_grouped(entry, "optional-dependencies"))
    package = Package(text(entry, "name"), text(entry, "version"), origin, place, line, requires, None, own)
    return package, place if own else None


FORMAT = Format("uv.lock", "PyPI", ("uv.lock",), read)
