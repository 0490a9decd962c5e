"""An installed Python distribution: the ``METADATA`` file of its ``*.dist-info`` folder.

Format: packaging.python.org "Core metadata" and "Recording installed projects" (PEP 376, 627); ``direct_url.json``
(PEP 610) tells that it came from git, an address or a folder. Nothing is imported or run.
"""

from __future__ import annotations

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import parse_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.license_field import license_of_metadata
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.python_names import normalised
from ktlo.guard.lockfiles.shapes import table, text

_LONGEST_HEADERS = 2**20


def _origin(file: LockFile) -> tuple[Origin, str]:
    path = file.path.parent / "direct_url.json"
    if not file.tree.exists(path):
        return Origin.REGISTRY, ""
    content = parse_json(LockFile(path, file.tree.read(path), file.tree, file.limits).text())
    url = text(content, "url")
    if table(content, "vcs_info"):
        return Origin.GIT, url
    return (Origin.LOCAL if url.startswith("file:") else Origin.URL), url


def read(file: LockFile) -> Reading:
    """Reads one installed distribution."""
    headers: dict[str, tuple[str, int]] = {}
    every: list[tuple[str, str]] = []
    for number, line in enumerate(file.data[:_LONGEST_HEADERS].decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            break  # the description follows
        key, _, value = line.partition(":")
        headers.setdefault(key.lower(), (value.strip(), number))
        every.append((key.lower(), value.strip()))
    name, name_line = headers.get("name", ("", 0))
    version, _ = headers.get("version", ("", 0))
    if not normalised(name) or not version:
        raise UnreadableError("It names no distribution and version", fix="Install the package again.")
    origin, source = _origin(file)
    direct = file.tree.exists(file.path.parent / "REQUESTED")
    gathering = Gathering(file, "PyPI")
    place = Place(True, None, (normalised(name),)) if direct else Place()
    gathering.add(
        normalised(name), version, origin=origin, source=source, line=name_line, place=place,
        licence=license_of_metadata(every),
    )  # fmt: skip
    return gathering.reading()


FORMAT = Format("installed Python distribution", "installed", ("METADATA",), read, within="*.dist-info")
