"""Release dates from package indexes: asked only where ``guard.indexes`` names one, and kept in a file for a day.

Formats: PyPI's simple API as JSON (PEP 691 and 700, ``upload-time``), npm's package documents (``time``), the API of
crates.io (``created_at``), the Go module proxy (``@v/list``, ``.info``). An index is told the names of dependencies.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from ktlo.guard.vulnerabilities.advisory import moment

LIFE = 86_400.0
"""Seconds for which an answer is kept."""
MOST_REQUESTS = 300
"""Packages that are asked for in one run; the rest waits for the next."""
TIMEOUT = 15.0
_LARGEST = 64 << 20
_FORMAT = 1


class Release(msgspec.Struct, frozen=True, array_like=True):
    """One version that an index offers.

    Attributes:
        version: as the index writes it.
        at: when it was published, ISO 8601; empty when the index does not tell.
        is_withdrawn: yanked, deprecated or retracted.
    """

    version: str
    at: str
    is_withdrawn: bool


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What an index says of a package.

    Attributes:
        releases: in no order.
        problem: why there are none; empty when there are.
        asked_at: ISO 8601.
    """

    releases: tuple[Release, ...]
    problem: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class Named:
    """A package to ask for, with the versions that are locked (the Go proxy tells dates one by one)."""

    ecosystem: str
    name: str
    versions: tuple[str, ...] = ()


ECOSYSTEMS = ("PyPI", "npm", "crates.io", "Go")
"""Ecosystems whose indexes are understood."""


class Indexes:
    """The indexes that a person named, behind a cache.

    Args:
        addresses: by ecosystem.
        file: of the cache.
        now: the moment.
        client: to ask with; made when not given.
    """

    def __init__(
        self, addresses: Mapping[str, str], file: Path, now: dt.datetime, client: httpx.Client | None = None
    ) -> None:
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items() if address}
        self._now = now
        self._client = client or httpx.Client(
            timeout=TIMEOUT, follow_redirects=True, headers={"User-Agent": "ktlo"}
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._cache = _cache(file)
        except sqlite3.DatabaseError:
            file.unlink(missing_ok=True)
            self._cache = _cache(file)

    def ask(self, wanted: Iterable[Named], seconds: float) -> dict[tuple[str, str], Answer]:
        """What is known of packages: kept answers, then as many new ones as time and limit allow.

        Args:
            wanted: the packages; those of ecosystems without an index are left out.
            seconds: time for asking.
        """
        until = time.monotonic() + seconds
        known: dict[tuple[str, str], Answer] = {}
        missing: list[Named] = []
        for one in wanted:
            if one.ecosystem not in self._addresses:
                continue
            kept = self._kept(one)
            if kept is not None:
                known[one.ecosystem, one.name] = kept
            if kept is None or self._is_old(kept):
                missing.append(one)
        for one in missing[:MOST_REQUESTS]:
            if time.monotonic() > until:
                break
            answer = self._fetched(one)
            if answer.problem and (one.ecosystem, one.name) in known:
                continue  # an older answer is better than none
            known[one.ecosystem, one.name] = answer
            self._cache.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?)",
                (_key(one, self._addresses), msgspec.msgpack.encode(answer)),
            )
        return known

    def close(self) -> None:
        """Close connections and the cache."""
        self._client.close()
        with contextlib.suppress(sqlite3.Error):
            self._cache.close()

    def _kept(self, one: Named) -> Answer | None:
        row = self._cache.execute(
            "SELECT content FROM answer WHERE key = ?", (_key(one, self._addresses),)
        ).fetchone()
        return _DECODER.decode(row[0]) if row else None

    def _is_old(self, answer: Answer) -> bool:
        asked = moment(answer.asked_at)
        return asked is None or (self._now - asked).total_seconds() > LIFE

    def _fetched(self, one: Named) -> Answer:
        asked_at = self._now.isoformat()
        try:
            releases = tuple(_READERS[one.ecosystem](self._get, self._addresses[one.ecosystem], one))
        except _NoAnswerError as error:
            return Answer((), str(error), asked_at)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Answer((), "the index answers in a form that is not understood", asked_at)
        return Answer(releases, "" if releases else "the index has no version of it", asked_at)

    def _get(self, url: str, accept: str = "application/json") -> Any:
        try:
            with self._client.stream("GET", url, headers={"Accept": accept}) as answer:
                if answer.status_code in (404, 410):
                    raise _NoAnswerError("the index does not know it")
                if answer.status_code != 200:
                    raise _NoAnswerError(f"the index answered {answer.status_code}")
                data = bytearray()
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > _LARGEST:
                        raise _NoAnswerError("the index's answer is larger than 64 MiB")
        except httpx.HTTPError as error:
            raise _NoAnswerError(f"the index cannot be reached ({type(error).__name__})") from None
        if accept.startswith("text/"):
            return data.decode("utf-8", "replace")
        return msgspec.json.decode(bytes(data))


class _NoAnswerError(Exception):
    """The index gave none; the message says why."""


def _cache(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=10)
    connection.execute("CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, content BLOB NOT NULL)")
    return connection


_DECODER = msgspec.msgpack.Decoder(Answer)


def _key(one: Named, addresses: Mapping[str, str]) -> str:
    return f"{_FORMAT} {addresses[one.ecosystem]} {one.name}"


def _pypi(get: Any, base: str, one: Named) -> Iterable[Release]:
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    told = get(f"{base}/{quote(one.name)}/", "application/vnd.pypi.simple.v1+json")
    first: dict[str, tuple[str, bool]] = {}
    for file in told["files"]:
        name = str(file["filename"])
        try:
            version = str(
                parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
            )
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
        at, withdrawn = str(file.get("upload-time") or ""), bool(file.get("yanked"))
        before = first.get(version)
        earliest = min((moment for moment in (at, before[0] if before else "") if moment), default="")
        first[version] = (earliest, withdrawn and (before is None or before[1]))
    return [Release(version, at, withdrawn) for version, (at, withdrawn) in first.items()]


def _npm(get: Any, base: str, one: Named) -> Iterable[Release]:
    told = get(f"{base}/{quote(one.name, safe='@')}")
    times = told.get("time") or {}
    return [
        Release(
            version, str(times.get(version) or ""), bool(isinstance(about, dict) and about.get("deprecated"))
        )
        for version, about in told["versions"].items()
    ]


def _crates(get: Any, base: str, one: Named) -> Iterable[Release]:
    told = get(f"{base}/{quote(one.name)}")
    return [
        Release(str(about["num"]), str(about.get("created_at") or ""), bool(about.get("yanked")))
        for about in told["versions"]
    ]


def _go(get: Any, base: str, one: Named) -> Iterable[Release]:
    module = "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in one.name)
    listed = str(get(f"{base}/{quote(module)}/@v/list", "text/plain")).split()
    wanted = {f"v{version.removeprefix('v')}" for version in one.versions}
    latest = get(f"{base}/{quote(module)}/@latest")
    dated = {str(latest["Version"]): str(latest.get("Time") or "")}
    for version in wanted - dated.keys():
        told = get(f"{base}/{quote(module)}/@v/{quote(version)}.info")
        dated[version] = str(told.get("Time") or "")
    return [
        Release(version.removeprefix("v"), dated.get(version, ""), False)
        for version in dict.fromkeys((*listed, *dated))
    ]


_READERS = {"PyPI": _pypi, "npm": _npm, "crates.io": _crates, "Go": _go}
