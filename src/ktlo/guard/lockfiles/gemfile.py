"""``Gemfile.lock`` (``gems.locked``): Bundler's sections GEM, GIT, PATH, PLUGIN SOURCE and DEPENDENCIES.

Format: Bundler's LockfileParser: sections at the margin, ``specs:`` by two, gems by four as ``name (version)``, their
requirements by six. A version of a platform (``1.15.0-x86_64-linux``) is the same release. Groups are not in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError

_GEM = re.compile(r"(?P<name>[^\s()]+) \((?P<version>[^()\s]+)\)")
_ORIGINS = {"GEM": Origin.REGISTRY, "GIT": Origin.GIT, "PATH": Origin.LOCAL, "PLUGIN SOURCE": Origin.URL}
_OTHER = {"PLATFORMS", "DEPENDENCIES", "RUBY VERSION", "BUNDLED WITH", "CHECKSUMS"}


@dataclass(slots=True)
class _Gem:
    name: str
    version: str
    origin: Origin
    source: str
    line: int
    requires: list[str] = field(default_factory=list)


def _parse(content: str, most: int) -> tuple[list[_Gem], list[str]]:
    gems: list[_Gem] = []
    direct: list[str] = []
    section, remote = "", ""
    for number, line in enumerate(content.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            continue
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            if stripped not in _ORIGINS and stripped not in _OTHER:
                raise UnreadableError(f"Line {number} is not a line of Bundler's", fix="Run bundle lock.")
            section, remote = stripped, ""
        elif section == "DEPENDENCIES" and depth == 2:
            direct.append(stripped.partition(" ")[0].rstrip("!"))
        elif section in _ORIGINS and depth == 2:
            key, _, value = stripped.partition(": ")
            remote = value if key == "remote" else remote
        elif section in _ORIGINS and depth == 4:
            match = _GEM.fullmatch(stripped)
            if len(gems) >= most:
                raise UnreadableError(
                    f"It names more than {most:,} packages", fix="Raise the limit if it is meant to."
                )
            if match is None:
                raise UnreadableError(f"Line {number} is not a line of Bundler's", fix="Run bundle lock.")
            gems.append(
                _Gem(match["name"], match["version"].partition("-")[0], _ORIGINS[section], remote, number)
            )
        elif section in _ORIGINS and depth == 6 and gems:
            gems[-1].requires.append(stripped.partition(" ")[0])
    return gems, direct


def read(file: LockFile) -> Reading:
    """Reads a Bundler lock file."""
    gathering = Gathering(file, "RubyGems")
    gems, direct = _parse(file.text().replace("\r\n", "\n"), file.limits.dependencies)
    by_name: dict[str, _Gem] = {}
    for gem in gems:
        by_name.setdefault(gem.name, gem)
    found = places(
        [name for name in direct if name in by_name],
        (),
        lambda name: [needed for needed in by_name[name].requires if needed in by_name],
        lambda name: name,
        file.limits.path_length,
    )
    own = {"."}
    for gem in gems:
        here = file.path.parent / gem.source
        if gem.origin is Origin.LOCAL and file.tree.exists(here / f"{gem.name}.gemspec"):
            own.add(gem.name)
            continue
        place = found.get(gem.name, Place(False))
        gathering.add(
            gem.name, gem.version, origin=gem.origin, source=gem.source, line=gem.line,
            place=Place(place.is_direct, None, place.path),
        )  # fmt: skip
    for name in sorted(set(direct) - by_name.keys()):
        if name != "bundler":
            gathering.leave(
                name, "the Gemfile asks for it but the lock file does not have it: run bundle lock"
            )
    return gathering.reading(frozenset(own))


FORMAT = Format("Gemfile.lock", "RubyGems", ("Gemfile.lock", "gems.locked"), read)
