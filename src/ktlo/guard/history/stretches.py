"""Turns states of lock files into stretches: from when to when a file held one version of a package.

Pure: what was read comes in, :class:`~ktlo.records.findings.LockedVersion` records go out. A state that could not be
read changes nothing: what was there before it is taken to have stayed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ktlo.guard.history.reading import Content, Locked, ReadLineage
from ktlo.records.findings import LockedVersion


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch, and whether its beginning was seen.

    Attributes:
        record: what is stored.
        begins_in_sight: False when it was there already in the oldest state that was read, and that is not the first.
    """

    record: LockedVersion
    begins_in_sight: bool


@dataclass(slots=True)
class _Open:
    since_at: dt.datetime
    since_sha: str
    begins_in_sight: bool
    last: Locked = field(default_factory=lambda: Locked("", "", "", "", "", 0))


_Key = tuple[str, str, str]


def stretches(source: str, repository: str, lineage: ReadLineage) -> list[Stretch]:
    """The stretches of one lock file, in order of their end; open ones last.

    Args:
        source: identifier of the git source.
        repository: the repository.
        lineage: states, newest first.
    """
    held: dict[_Key, _Open] = {}
    done: list[Stretch] = []

    def record(key: _Key, one: _Open, until: Content | None) -> Stretch:
        ecosystem, package, version = key
        return Stretch(
            LockedVersion(
                source=source,
                repository=repository,
                path=shown(lineage.path),
                ecosystem=ecosystem,
                package=package,
                version=version,
                relation=one.last.relation,
                scope=one.last.scope,
                line=one.last.line,
                since_at=one.since_at,
                since_sha=one.since_sha,
                until_at=until.state.at if until else None,
                until_sha=until.state.commit if until else "",
            ),
            one.begins_in_sight,
        )

    is_first = True
    for content in reversed(lineage.contents):
        if content.locked is None:
            continue
        now = {(one.ecosystem, one.name, one.version): one for one in content.locked}
        ended = [key for key in held if key not in now]
        done += [record(key, held.pop(key), content) for key in ended]
        for key, locked in now.items():
            if key not in held:
                in_sight = lineage.is_whole or not is_first
                held[key] = _Open(content.state.at, content.state.commit, in_sight)
            held[key].last = locked
        is_first = False
    done += [record(key, one, None) for key, one in held.items()]
    return done


def shown(path: str) -> str:
    """A path as it may be stored and shown: what is no text is escaped."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in path
    )
