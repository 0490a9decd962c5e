"""``pdm.lock``, lock versions 4.

Format: pdm-project.org "Lock file"; one ``[[package]]`` each with ``groups`` and PEP 508 ``dependencies``; a package
from elsewhere has ``git``, ``url`` or ``path``.
"""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import header_lines, read_toml
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_locked import Package, compare, direct_origin, gather, is_own_folder
from ktlo.guard.lockfiles.python_names import declared_beside, required_name
from ktlo.guard.lockfiles.shapes import Table, table, tables, text, texts
from ktlo.guard.lockfiles.wording import printable


def read(file: LockFile) -> Reading:
    """Reads a PDM lock file."""
    content = read_toml(file)
    version = text(table(content, "metadata"), "lock_version")
    if version.partition(".")[0] != "4":
        raise UnreadableError(f"Its lock_version is {printable(version)}; 4 is known", fix="Run pdm lock.")
    entries = tables(content, "package")
    lines = header_lines(file.text(), "[[package]]")
    lines = lines if len(lines) == len(entries) else [0] * len(entries)
    packages = [_package(file, entry, line) for entry, line in zip(entries, lines, strict=True)]
    declared = declared_beside(file)
    gathering = Gathering(file, "PyPI")
    gather(gathering, packages, declared.production, declared.development, is_known=declared.is_known)
    compare(gathering, packages, declared, "pdm lock")
    return gathering.reading(frozenset({"."}))


def _package(file: LockFile, entry: Table, line: int) -> Package:
    origin, source = direct_origin(entry)
    groups = texts(entry, "groups")
    # Groups other than "default" may be published extras: only the manifest tells, so nothing is said for them.
    is_development = False if "default" in groups else None
    own = origin is Origin.LOCAL and is_own_folder(file, source)
    requires = tuple(required_name(line) for line in texts(entry, "dependencies"))
    return Package(
        text(entry, "name"), text(entry, "version"), origin, source, line, requires, is_development, own
    )


FORMAT = Format("pdm.lock", "PyPI", ("pdm.lock",), read)
