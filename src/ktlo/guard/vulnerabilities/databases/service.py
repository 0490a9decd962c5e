"""Asks a service of the OSV API: ``POST /v1/querybatch`` for ids, ``GET /v1/vulns/{id}`` for the records.

Every answer is held to its published shape: one result per query, all pages followed, every id resolved. Anything
else is an error, because a missing answer would look clean. Source: OSV's API, version 1.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from ktlo.errors import UserError
from ktlo.guard.vulnerabilities.advisory import Advisory, read_advisory
from ktlo.guard.vulnerabilities.aliases import close_aliases
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, DatabaseError, Package, State
from ktlo.wording import counted

if TYPE_CHECKING:
    import httpx

PUBLIC = "https://api.osv.dev"
_QUERIES_AT_ONCE = 1000
_MOST_PAGES = 100
_MOST_ADVISORIES = 20_000
_LARGEST_ANSWER = 64 * 1024 * 1024


class _Id(msgspec.Struct):
    id: str


class _Result(msgspec.Struct):
    vulns: tuple[_Id, ...] = ()
    next_page_token: str = ""


class _Batch(msgspec.Struct):
    results: tuple[_Result, ...]


class OsvService:
    """A service that speaks the OSV API.

    Args:
        address: base URL.
        timeout: seconds for one request.
    """

    def __init__(self, address: str, timeout: float = 20.0) -> None:
        import httpx

        self._address = address.rstrip("/")
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)

    def state(self) -> State:
        """A service answers for every ecosystem, from its data of this moment."""
        return State(place=self._address, ecosystems=None, records=None, newest=None)

    def candidates(self, packages: Sequence[Package]) -> Mapping[Package, tuple[Candidate, ...]]:
        """Advisories the service holds to apply to each version."""
        named: dict[Package, list[str]] = defaultdict(list)
        for start in range(0, len(packages), _QUERIES_AT_ONCE):
            for package, identifier in self._ids(packages[start : start + _QUERIES_AT_ONCE]):
                named[package].append(identifier)
        wanted = sorted({identifier for found in named.values() for identifier in found})
        if len(wanted) > _MOST_ADVISORIES:
            raise self._wrong(f"names {counted(len(wanted), 'advisories')} at once")
        with ThreadPoolExecutor(max_workers=8) as pool:
            records = dict(zip(wanted, pool.map(self._record, wanted), strict=True))
        identities = close_aliases((record.id, record.aliases) for record in records.values())
        return {
            package: tuple(
                Candidate(records[name], identities[records[name].id], is_asserted=True)
                for name in dict.fromkeys(named[package])
            )
            for package in packages
        }

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ids(self, packages: Sequence[Package]) -> Iterator[tuple[Package, str]]:
        asked = [(package, "") for package in packages]
        for _ in range(_MOST_PAGES):
            if not asked:
                return
            queries = [_query(package, token) for package, token in asked]
            body = self._fetch("POST", "/v1/querybatch", {"queries": queries})
            try:
                results = msgspec.json.decode(body, type=_Batch).results
            except (msgspec.DecodeError, RecursionError) as error:
                raise self._wrong(f"gives an answer of another shape: {error}") from error
            if len(results) != len(asked):
                raise self._wrong(
                    f"gives {counted(len(results), 'results')} for {counted(len(asked), 'questions')}"
                )
            following = []
            for (package, _token), result in zip(asked, results, strict=True):
                yield from ((package, found.id) for found in result.vulns)
                if result.next_page_token:
                    following.append((package, result.next_page_token))
            asked = following
        raise self._wrong(f"gives more than {_MOST_PAGES} pages")

    def _record(self, identifier: str) -> Advisory:
        path = f"/v1/vulns/{quote(identifier, safe='')}"
        try:
            return read_advisory(msgspec.json.decode(self._fetch("GET", path)), where=self._address + path)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._wrong(f"gives no JSON for {identifier}") from error
        except UserError as error:
            raise self._wrong(f"gives a record that cannot be read for {identifier}: {error.what}") from error

    def _fetch(self, method: str, path: str, body: object = None) -> bytes:
        import httpx

        attempts = 3
        for left in reversed(range(attempts)):
            with contextlib.suppress(httpx.TransportError):
                with self._client.stream(method, self._address + path, json=body) as answer:
                    if answer.status_code == 200:
                        return self._read(answer)
                if answer.status_code not in (429, 500, 502, 503, 504):
                    raise self._wrong(f"answers {answer.status_code} to {path}")
                if not left:
                    raise self._wrong(f"answers {answer.status_code} to {path}")
        raise self._wrong("cannot be reached")

    def _read(self, answer: httpx.Response) -> bytes:
        parts = bytearray()
        for part in answer.iter_bytes():
            parts += part
            if len(parts) > _LARGEST_ANSWER:
                raise self._wrong("gives an answer that is too large")
        return bytes(parts)

    def _wrong(self, what: str) -> DatabaseError:
        return DatabaseError(
            f"the advisory service {what}",
            where=self._address,
            fix="Try again, or name another database under guard.databases in ktlo.yaml",
        )


def _query(package: Package, token: str) -> dict[str, object]:
    asked: dict[str, object] = {
        "package": {"ecosystem": package.ecosystem, "name": package.name},
        "version": package.version,
    }
    if token:
        asked["page_token"] = token
    return asked
