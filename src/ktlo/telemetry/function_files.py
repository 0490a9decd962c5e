"""Which file of which repository a service means by a path: the join of what runs with what people change.

A service names a file as its machine has it (``/srv/app/shop/cart.py``), a repository as its tree has it
(``src/shop/cart.py``). The catalogue says which repositories a service is built from, or, where it names none, the
commits that the service runs; in them one path has to be the end of the other. Where that leaves none or several,
nothing is guessed: the reason is the answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ktlo.store.protocol import Queryable

ROOTS = frozenset(("src", "lib", "app", "python", "source"))
"""First folders of a repository that its image or package often does not have."""
_LIBRARIES = frozenset(("site-packages", "dist-packages", "node_modules"))
_SHOWN = 3
_COMMIT = re.compile(r"[0-9a-f]{7,40}")

_REPOSITORIES = """
SELECT DISTINCT n.sent AS sent, r.repository AS repository FROM (
  SELECT t.member AS sent, t.service AS service FROM ktlo.service_members AS t
  WHERE t.kind IN ('telemetry', 'service', 'workload') AND t.member IN {services:Array(String)}
  UNION ALL SELECT one AS sent, one AS service FROM (SELECT arrayJoin({services:Array(String)}) AS one)
) AS n INNER JOIN (
  SELECT m.service AS service, m.member AS repository FROM ktlo.service_members AS m WHERE m.kind = 'repository'
) AS r ON r.service = n.service
ORDER BY sent, repository"""

_FILES = """
SELECT DISTINCT repository, path FROM ktlo.files
WHERE repository IN {repositories:Array(String)}
  AND arrayElement(splitByChar('/', path), -1) IN {names:Array(String)}
ORDER BY repository, path"""

_COMMITTED_IN = """
SELECT DISTINCT arrayJoin(arrayFilter(v -> startsWith(sha, v), {versions:Array(String)})) AS version, repository
FROM ktlo.commits ORDER BY version, repository"""


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """A file as a service names it."""

    service: str
    path: str


@dataclass(frozen=True, slots=True)
class Match:
    """The file of a repository that is meant.

    Attributes:
        repository: its name; empty when not matched.
        path: in it; empty when not matched.
        reason: why it is not matched; empty when it is.
        could_be: repository and path of each file that fits, where several do.
        is_inferred: the catalogue does not name the repository; what the service runs is a commit of it alone.
    """

    repository: str = ""
    path: str = ""
    reason: str = ""
    could_be: tuple[tuple[str, str], ...] = ()
    is_inferred: bool = False

    @property
    def is_matched(self) -> bool:
        """Whether exactly one file is meant."""
        return not self.reason


def matched(
    store: Queryable, sent: Iterable[Sent], versions: Mapping[str, Collection[str]]
) -> dict[Sent, Match]:
    """For each file that services name the file of a repository, or why there is none.

    Args:
        store: holds catalogue, commits and files.
        sent: what services name.
        versions: that ran of each service: they tell the repository where the catalogue names none.
    """
    asked = sorted(set(sent))
    if not asked:
        return {}
    repositories: dict[str, set[str]] = defaultdict(set)
    services = sorted({one.service for one in asked})
    for row in store.query(_REPOSITORIES, {"services": services}).to_pylist():
        repositories[row["sent"]].add(row["repository"])
    homes = _inferred(store, {name: versions.get(name, ()) for name in services if name not in repositories})
    repositories.update({name: {home} for name, home in homes.items()})
    names = sorted({parts[-1] for one in asked if (parts := _parts(one.path))})
    every = sorted({name for each in repositories.values() for name in each})
    files: dict[str, list[tuple[str, str]]] = defaultdict(list)
    if every and names:
        for row in store.query(_FILES, {"repositories": every, "names": names}).to_pylist():
            files[row["path"].rpartition("/")[2]].append((row["repository"], row["path"]))
    return {one: _match(one, repositories[one.service], files, one.service in homes) for one in asked}


def _inferred(store: Queryable, versions: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The repository of each service by the commits that it runs; only where all that are known lie in one alone.

    Args:
        store: holds commits.
        versions: of each service; only a commit of seven digits or more tells.
    """
    told = sorted({one for each in versions.values() for one in each if _COMMIT.fullmatch(one)})
    if not told:
        return {}
    homes: dict[str, set[str]] = defaultdict(set)
    for row in store.query(_COMMITTED_IN, {"versions": told}).to_pylist():
        homes[row["version"]].add(row["repository"])
    found = {}
    for service, ran in versions.items():
        known = [homes[one] for one in ran if one in homes]
        shared = set.intersection(*known) if known else set()
        if len(shared) == 1:
            found[service] = shared.pop()
    return found


def _match(
    one: Sent, repositories: set[str], files: dict[str, list[tuple[str, str]]], is_inferred: bool
) -> Match:
    parts = _parts(one.path)
    if not parts:
        return Match(reason="no file was told")
    if not repositories:
        return Match(reason=f"the catalogue names no repository of {one.service[:80]}")
    here = [each for each in files.get(parts[-1], ()) if each[0] in repositories]
    found = meant(one.path, here)
    if not found:
        known = ", ".join(sorted(repositories)[:_SHOWN])
        whose = "a library's file" if _LIBRARIES & set(parts) else "no such file"
        return Match(reason=f"{whose}, as far as {known} tells")
    if len(found) > 1:
        several = ", ".join(f"{repository}/{path}" for repository, path in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return Match(reason=f"several files fit: {several}{more}", could_be=tuple(found))
    return Match(*found[0], is_inferred=is_inferred)


def meant(sent: str, files: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The files that fit best; several when nothing tells them apart.

    The longest common end wins, a whole path before one without its first folder (:data:`ROOTS`). Of a path in a
    folder of libraries everything after that folder has to fit.

    Args:
        sent: path as the service names it.
        files: repository and path.
    """
    parts = _parts(sent)
    library = max((place for place, part in enumerate(parts) if part in _LIBRARIES), default=-1)
    own = parts[library + 1 :]
    is_whole = library < 0 and _is_absolute(sent)
    fits: dict[tuple[int, bool], list[tuple[str, str]]] = defaultdict(list)
    for repository, path in files:
        there = path.split("/")
        if library < 0 and own[-len(there) :] == there:
            fits[len(there), True].append((repository, path))
        elif library < 0 and len(there) > 1 and there[0] in ROOTS and own[1 - len(there) :] == there[1:]:
            fits[len(there) - 1, False].append((repository, path))
        elif not is_whole and own and there[-len(own) :] == own:
            fits[len(own), True].append((repository, path))
    return sorted(set(fits[max(fits)])) if fits else []


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or "://" in path or path[1:2] == ":"


def _parts(path: str) -> list[str]:
    """Folders and name; of an address (``file:///app/server.js``) those of its path."""
    plain = path.replace("\\", "/").partition("?")[0]
    return [part for part in plain.rpartition("://")[2].split("/") if part not in ("", ".")]
