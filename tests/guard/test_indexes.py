"""Release dates from indexes, as their documentation says they answer, and how far behind that makes a version."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import httpx
import pytest

from ktlo.guard.freshness import freshness, is_stable
from ktlo.guard.indexes import Indexes, Named
from ktlo.records.findings import LockedVersion

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
BASES = {
    name: f"https://{name.lower().replace('.', '-')}.test/base" for name in ("PyPI", "npm", "crates.io", "Go")
}


class Told:
    """Indexes that answer from a table and count what they are asked."""

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers, self.asked = answers, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        answer = self.answers.get(request.url.path)
        if answer is None:
            return httpx.Response(404)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer)
        return (
            httpx.Response(200, text=answer) if isinstance(answer, str) else httpx.Response(200, json=answer)
        )


PYPI = {
    "meta": {"api-version": "1.1"}, "name": "left", "versions": ["1.0", "1.1", "2.0", "3.0rc1"],
    "files": [
        {"filename": "left-1.0.tar.gz", "upload-time": "2024-01-01T00:00:00Z", "yanked": False},
        {"filename": "left-1.0-py3-none-any.whl", "url": "u", "hashes": {}, "upload-time": "2024-01-02T00:00:00Z"},
        {"filename": "left-1.1.tar.gz", "upload-time": "2025-01-01T00:00:00Z", "yanked": "broken"},
        {"filename": "left-2.0.tar.gz", "url": "u", "hashes": {}, "upload-time": "2026-01-01T00:00:00Z"},
        {"filename": "left-3.0rc1.tar.gz", "url": "u", "hashes": {}, "upload-time": "2026-05-01T00:00:00Z"},
        {"filename": "notes.txt", "url": "u", "hashes": {}},
    ],
}  # fmt: skip
NPM = {
    "name": "@acme/left", "dist-tags": {"latest": "2.0.0"},
    "versions": {"1.0.0": {}, "1.5.0": {"deprecated": "use 2"}, "2.0.0": {}, "3.0.0-beta.1": {}},
    "time": {"created": "2024-01-01T00:00:00.000Z", "1.0.0": "2024-01-01T00:00:00.000Z",
             "1.5.0": "2024-06-01T00:00:00.000Z", "2.0.0": "2026-01-01T00:00:00.000Z",
             "3.0.0-beta.1": "2026-05-01T00:00:00.000Z"},
}  # fmt: skip
CRATES = {
    "crate": {"id": "left"},
    "versions": [
        {"num": "2.0.0", "created_at": "2026-01-01T00:00:00.000000+00:00", "yanked": False},
        {"num": "1.9.0", "created_at": "2025-01-01T00:00:00.000000+00:00", "yanked": True},
        {"num": "1.0.0", "created_at": "2024-01-01T00:00:00.000000+00:00", "yanked": False},
    ],
}
ANSWERS: dict[str, object] = {
    "/base/left/": PYPI,
    "/base/@acme/left": NPM,
    "/base/@acme%2Fleft": NPM,
    "/base/left": CRATES,
    "/base/github.com/!acme/left/@v/list": "v1.0.0\nv1.1.0\nv2.0.0\n",
    "/base/github.com/!acme/left/@latest": {"Version": "v2.0.0", "Time": "2026-01-01T00:00:00Z"},
    "/base/github.com/!acme/left/@v/v1.0.0.info": {"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"},
}


def opened(tmp_path: Path, told: Told, now: dt.datetime = NOW) -> Indexes:
    client = httpx.Client(transport=httpx.MockTransport(told))
    return Indexes(BASES, tmp_path / "indexes.sqlite", now, client)


def locked(ecosystem: str, package: str, version: str) -> LockedVersion:
    return LockedVersion(
        source="git:acme/shop", repository="acme/shop", path="lock", ecosystem=ecosystem, package=package,
        version=version, relation="direct", scope="production", line=0, since_at=NOW, since_sha="a",
        until_at=None, until_sha="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ecosystem", "package", "version", "newest", "behind"),
    [
        ("PyPI", "left", "1.0", "2.0", 1),
        ("npm", "@acme/left", "1.0.0", "2.0.0", 1),
        ("crates.io", "left", "1.0.0", "2.0.0", 1),
        ("Go", "github.com/Acme/left", "1.0.0", "2.0.0", 2),
    ],
)
def test_two_years_between_releases_are_two_libyears(
    tmp_path: Path, ecosystem: str, package: str, version: str, newest: str, behind: int
) -> None:
    """Withdrawn versions and pre-releases are none that one could move to."""
    indexes = opened(tmp_path, Told(ANSWERS))
    answers = indexes.ask([Named(ecosystem, package, (version,))], 10)
    indexes.close()
    (one,) = freshness([locked(ecosystem, package, version)], answers, "")
    assert one.unknown == ""
    assert (one.newest, one.behind) == (newest, behind)
    assert one.libyears == pytest.approx(2.0, abs=0.01)


def test_the_newest_version_is_not_behind(tmp_path: Path) -> None:
    indexes = opened(tmp_path, Told(ANSWERS))
    answers = indexes.ask([Named("npm", "@acme/left")], 10)
    indexes.close()
    (one,) = freshness([locked("npm", "@acme/left", "2.0.0")], answers, "")
    assert (one.newest, one.behind, one.libyears) == ("2.0.0", 0, 0.0)


def test_an_answer_is_kept_for_a_day(tmp_path: Path) -> None:
    told = Told(ANSWERS)
    for hours in (0, 1, 23):
        indexes = opened(tmp_path, told, NOW + dt.timedelta(hours=hours))
        indexes.ask([Named("PyPI", "left")], 10)
        indexes.close()
    assert len(told.asked) == 1
    indexes = opened(tmp_path, told, NOW + dt.timedelta(hours=25))
    indexes.ask([Named("PyPI", "left")], 10)
    indexes.close()
    assert len(told.asked) == 2


def test_an_old_answer_is_better_than_none(tmp_path: Path) -> None:
    told = Told(dict(ANSWERS))
    indexes = opened(tmp_path, told)
    indexes.ask([Named("PyPI", "left")], 10)
    indexes.close()
    told.answers["/base/left/"] = 503
    indexes = opened(tmp_path, told, NOW + dt.timedelta(days=3))
    answers = indexes.ask([Named("PyPI", "left")], 10)
    indexes.close()
    assert len(answers["PyPI", "left"].releases) == 4


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (404, "does not know it"),
        (503, "answered 503"),
        (httpx.ConnectError("nobody there"), "cannot be reached"),
        ({"files": "none"}, "not understood"),
        ({"files": []}, "no version of it"),
        ("<html>", "not understood"),
    ],
)
def test_an_index_that_gives_nothing_is_told(tmp_path: Path, answer: object, sentence: str) -> None:
    indexes = opened(tmp_path, Told({"/base/left/": answer}))
    answers = indexes.ask([Named("PyPI", "left")], 10)
    indexes.close()
    (one,) = freshness([locked("PyPI", "left", "1.0")], answers, "")
    assert sentence in one.unknown
    assert one.libyears is None
    assert one.behind is None


def test_nobody_is_asked_without_an_address(tmp_path: Path) -> None:
    told = Told(ANSWERS)
    client = httpx.Client(transport=httpx.MockTransport(told))
    indexes = Indexes({"npm": "https://npm.test"}, tmp_path / "i.sqlite", NOW, client)
    assert indexes.ask([Named("PyPI", "left")], 10) == {}
    indexes.close()
    assert told.asked == []


def test_a_version_that_the_index_does_not_offer_is_told(tmp_path: Path) -> None:
    indexes = opened(tmp_path, Told(ANSWERS))
    answers = indexes.ask([Named("PyPI", "left")], 10)
    indexes.close()
    (one,) = freshness([locked("PyPI", "left", "1.7")], answers, "")
    assert one.unknown == "the index does not offer the locked version"


@pytest.mark.parametrize(
    ("ecosystem", "version", "stable"),
    [
        ("PyPI", "1.0", True), ("PyPI", "1.0rc1", False), ("PyPI", "1.0.post1", True), ("PyPI", "nonsense", False),
        ("npm", "1.0.0", True), ("npm", "1.0.0-beta.1", False), ("npm", "1.0.0+build-1", True),
        ("Go", "0.0.0-20240101000000-abcdefabcdef", False), ("Maven", "1.0-RC1", False), ("Maven", "1.0.Final", True),
        ("RubyGems", "1.0.beta2", False),
    ],
)  # fmt: skip
def test_pre_releases_are_told_from_releases(ecosystem: str, version: str, stable: bool) -> None:
    assert is_stable(ecosystem, version) is stable
