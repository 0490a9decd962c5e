"""``pylock.toml`` and ``pylock.<name>.toml``, the lock file of PEP 751, lock version 1."""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import header_lines, read_toml
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_locked import Package, compare, gather, is_own_folder
from ktlo.guard.lockfiles.python_names import Declared, declared_beside
from ktlo.guard.lockfiles.shapes import Table, table, tables, text
from ktlo.guard.lockfiles.wording import printable


def read(file: LockFile) -> Reading:
    """Reads a PEP 751 lock file."""
    content = read_toml(file)
    version = text(content, "lock-version")
    if version.partition(".")[0] != "1":
        raise UnreadableError(f"Its lock-version is {printable(version)}; 1 is known", fix="Update ktlo.")
    entries = tables(content, "packages")
    lines = header_lines(file.text(), "[[packages]]")
    lines = lines if len(lines) == len(entries) else [0] * len(entries)
    packages = [_package(file, entry, line) for entry, line in zip(entries, lines, strict=True)]
    declared = declared_beside(file)
    gathering = Gathering(file, "PyPI")
    gather(gathering, packages, declared.production, declared.development, is_known=declared.is_known)
    # A named file (pylock.docs.toml) may be of one group only.
    if file.path.name == "pylock.toml":
        asked = Declared(declared.name, declared.production, frozenset(), declared.is_known)
        compare(gathering, packages, asked, "uv export or pip lock")
    return gathering.reading(frozenset({"."}))


def _package(file: LockFile, entry: Table, line: int) -> Package:
    vcs, directory, archive = table(entry, "vcs"), table(entry, "directory"), table(entry, "archive")
    origin, source = Origin.REGISTRY, ""
    if vcs:
        origin, source = Origin.GIT, text(vcs, "url") or text(vcs, "path")
    elif directory:
        origin, source = Origin.LOCAL, text(directory, "path")
    elif archive:
        source = text(archive, "url") or text(archive, "path")
        origin = Origin.URL if archive.get("url") is not None else Origin.LOCAL
    own = bool(directory) and is_own_folder(file, source)
    requires = tuple(text(required, "name") for required in tables(entry, "dependencies"))
    return Package(text(entry, "name"), text(entry, "version"), origin, source, line, requires, None, own)


FORMAT = Format("pylock.toml", "PyPI", ("pylock.toml", "pylock.*.toml"), read)
