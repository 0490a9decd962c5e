"""``poetry.lock``, lock versions 1 and 2.

Format: python-poetry.org "poetry.lock"; one ``[[package]]`` each, ``source`` only when it is not the default index,
``groups`` since 2.1 (before 1.5 ``category``).
"""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import header_lines, read_toml
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_locked import Package, compare, gather, is_own_folder
from ktlo.guard.lockfiles.python_names import declared_beside
from ktlo.guard.lockfiles.shapes import Table, table, tables, text, texts
from ktlo.guard.lockfiles.wording import printable

_ORIGINS = {"git": Origin.GIT, "url": Origin.URL, "file": Origin.LOCAL, "directory": Origin.LOCAL}


def read(file: LockFile) -> Reading:
    """Reads a poetry lock file."""
    content = read_toml(file)
    version = text(table(content, "metadata"), "lock-version")
    if version and version.partition(".")[0] not in {"1", "2"}:
        raise UnreadableError(
            f"Its lock-version is {printable(version)}; 1 and 2 are known", fix="Update ktlo."
        )
    entries = tables(content, "package")
    lines = header_lines(file.text(), "[[package]]")
    lines = lines if len(lines) == len(entries) else [0] * len(entries)
    packages = [_package(file, entry, line) for entry, line in zip(entries, lines, strict=True)]
    declared = declared_beside(file)
    gathering = Gathering(file, "PyPI")
    gather(gathering, packages, declared.production, declared.development, is_known=declared.is_known)
    compare(gathering, packages, declared, "poetry lock")
    return gathering.reading(frozenset({"."}))


def _package(file: LockFile, entry: Table, line: int) -> Package:
    source = table(entry, "source")
    kind, url = text(source, "type"), text(source, "url")
    origin = _ORIGINS.get(kind, Origin.REGISTRY if kind in {"", "legacy"} else Origin.URL)
    is_development: bool | None = None
    if "groups" in entry:
        is_development = "main" not in texts(entry, "groups")
    elif "category" in entry:
        is_development = text(entry, "category") == "dev"
    own = kind == "directory" and is_own_folder(file, url)
    requires = tuple(table(entry, "dependencies"))
    return Package(
        text(entry, "name"), text(entry, "version"), origin, url, line, requires, is_development, own
    )


FORMAT = Format("poetry.lock", "PyPI", ("poetry.lock",), read)
