"""``Pipfile.lock``, specification 6: JSON with ``default``, ``develop`` and named categories.

Format: pipenv.pypa.io "Pipfile.lock"; what the project asks for is in the ``Pipfile`` beside it.
"""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import json_key_lines, parse_toml, read_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_locked import is_own_folder
from ktlo.guard.lockfiles.python_names import normalised
from ktlo.guard.lockfiles.shapes import as_table, table, text
from ktlo.guard.lockfiles.wording import printable

_DEVELOPMENT = {"develop": "dev-packages", "default": "packages"}


def _asked(file: LockFile) -> dict[str, set[str]] | None:
    path = file.path.parent / "Pipfile"
    try:
        content = parse_toml(LockFile(path, file.tree.read(path), file.tree, file.limits).text())
        return {
            key: {normalised(name) for name in as_table(value, key)}
            for key, value in content.items()
            if isinstance(value, dict)
        }
    except UnreadableError:
        return None


def read(file: LockFile) -> Reading:
    """Reads a pipenv lock file."""
    content = read_json(file)
    specification = table(content, "_meta").get("pipfile-spec")
    if specification != 6:
        raise UnreadableError(
            f"Its pipfile-spec is {printable(specification)}; 6 is known", fix="Run pipenv lock."
        )
    lines = json_key_lines(file.text())
    asked = _asked(file)
    gathering = Gathering(file, "PyPI")
    for category, packages in content.items():
        if category == "_meta":
            continue
        wanted = None if asked is None else asked.get(_DEVELOPMENT.get(category, category), set())
        locked: set[str] = set()
        for written, value in as_table(packages, category).items():
            entry, name = as_table(value, written), normalised(written)
            locked.add(name)
            origin, source = Origin.REGISTRY, ""
            for key, kind in (("git", Origin.GIT), ("hg", Origin.GIT), ("svn", Origin.GIT), ("bzr", Origin.GIT),
                              ("file", Origin.URL), ("path", Origin.LOCAL)):  # fmt: skip
                if entry.get(key) is not None:
                    origin, source = kind, text(entry, key)
            if origin is Origin.LOCAL and is_own_folder(file, source):
                continue
            is_direct = None if wanted is None else name in wanted
            place = Place(is_direct, category == "develop", (name,) if is_direct else ())
            version = text(entry, "version")
            exact = version.startswith("==") and "*" not in version
            gathering.add(
                name, version.removeprefix("==") if exact else version,
                origin=origin, source=source, line=lines.get(written, 0), place=place,
            )  # fmt: skip
        for name in sorted((wanted or set()) - locked):
            gathering.leave(
                name, "the Pipfile asks for it but the lock file does not have it: run pipenv lock"
            )
    return gathering.reading(frozenset({"."}))


FORMAT = Format("Pipfile.lock", "PyPI", ("Pipfile.lock",), read)
