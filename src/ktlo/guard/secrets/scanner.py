"""Scans one file at a known place: its name, its text or the members of the archive it is."""

from __future__ import annotations

from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.gathering import Gathering
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.texts import Binary, Text, Unread, texts

MANY = "it holds so many matches that the rest of it was not looked at"


def scan_file(
    engine: Engine,
    gathering: Gathering,
    limits: Limits,
    data: bytes,
    path: str,
    *,
    before: frozenset[tuple[str, bytes]] = frozenset(),
) -> None:
    """Scan a file's bytes and gather what is seen.

    Args:
        engine: the rules.
        gathering: where it goes.
        limits: for archives.
        data: the whole file.
        path: relative to the root, as git names it; bytes that are no text as surrogates.
        before: secrets that were there already, with their rules: not gathered.
    """
    gathering.bytes += len(data)
    for sighting in engine.read_name(path):
        if (sighting.rule.id, b"") not in before:
            gathering.sighted(sighting, path)
    for part in texts(data, limits):
        place = path + part.inner
        if isinstance(part, Unread):
            gathering.unchecked(place, part.reason)
        elif isinstance(part, Binary):
            gathering.binaries += 1
        else:
            gathering.texts += 1
            reading = engine.read(part.data, place)
            gathering.dismissed.update(reading.dismissed)
            if not reading.is_full:
                gathering.unchecked(place, MANY)
            for sighting in reading.sightings:
                if (sighting.rule.id, sighting.secret) in before:
                    continue
                gathering.sighted(sighting, place)


def secrets_in(engine: Engine, limits: Limits, data: bytes, path: str) -> frozenset[tuple[str, bytes]]:
    """Rule and secret of all that a file holds; kept in memory only, to tell what a change adds."""
    held = {(sighting.rule.id, b"") for sighting in engine.read_name(path)}
    for part in texts(data, limits):
        if isinstance(part, Text):
            reading = engine.read(part.data, path + part.inner)
            held.update((sighting.rule.id, sighting.secret) for sighting in reading.sightings)
    return frozenset(held)
