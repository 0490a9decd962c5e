"""``composer.lock``: PHP's packages with ``packages`` and ``packages-dev``.

Format: getcomposer.org "composer.lock". A package from Packagist carries a ``notification-url``; without one it comes
from a repository the project names. Names are lower case, versions lose their ``v``.
"""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import parse_json, read_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.license_field import license_of
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, table, tables, text


def _asked(file: LockFile) -> tuple[set[str], set[str]] | None:
    path = file.path.parent / "composer.json"
    try:
        content = parse_json(LockFile(path, file.tree.read(path), file.tree, file.limits).text())
        return {n.lower() for n in table(content, "require")}, {
            n.lower() for n in table(content, "require-dev")
        }
    except UnreadableError:
        return None


def _origin(entry: Table) -> tuple[Origin, str]:
    source, archive = table(entry, "source"), table(entry, "dist")
    if text(archive, "type") == "path":
        return Origin.LOCAL, text(archive, "url")
    if entry.get("notification-url") is not None:
        return Origin.REGISTRY, ""
    if source:
        return Origin.GIT, text(source, "url")
    return Origin.URL, text(archive, "url")


def read(file: LockFile) -> Reading:
    """Reads a Composer lock file."""
    content = read_json(file)
    if "packages" not in content:
        raise UnreadableError("It has no packages", fix="Run composer update --lock.")
    gathering = Gathering(file, "Packagist")
    entries = [(entry, False) for entry in tables(content, "packages")]
    entries += [(entry, True) for entry in tables(content, "packages-dev")]
    by_name = {text(entry, "name").lower(): entry for entry, _ in entries}
    asked = _asked(file)
    production, development = asked or (set(), set())
    found = places(
        sorted(production & by_name.keys()),
        sorted(development & by_name.keys()),
        lambda name: [n for key in table(by_name[name], "require") if (n := key.lower()) in by_name],
        lambda name: name,
        file.limits.path_length,
    )
    lines = _name_lines(file.text())
    for entry, is_development in entries:
        name, version = text(entry, "name").lower(), text(entry, "version")
        place = found.get(name, Place(False)) if asked else Place()
        origin, source = _origin(entry)
        line = lines.get(text(entry, "name"), 0)
        if origin is Origin.LOCAL and file.tree.exists(file.path.parent / source / "composer.json"):
            continue
        if version.startswith("dev-") or version.endswith("-dev"):
            gathering.leave(name, f"its version {version} is a branch, no release", line)
            continue
        exact = version[1:] if version[:1] in "vV" and version[1:2].isdigit() else version
        gathering.add(
            name, exact, origin=origin, source=source, line=line,
            place=Place(place.is_direct, is_development, place.path), licence=license_of(entry.get("license")),
        )  # fmt: skip
    for name in sorted((production | development) - by_name.keys()):
        if "/" in name:
            gathering.leave(
                name, "composer.json asks for it but the lock file does not have it: run composer update"
            )
    return gathering.reading(frozenset({"."}))


def _name_lines(content: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    for number, line in enumerate(content.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith('"name": "') and "/" in stripped:
            lines.setdefault(stripped[9:].partition('"')[0], number)
    return lines


FORMAT = Format("composer.lock", "Packagist", ("composer.lock",), read)
