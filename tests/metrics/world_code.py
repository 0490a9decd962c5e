"""The code of the small world: what is changed and when, what is owed, and what was found in it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from world_making import NOW, at, made

from ktlo.records import code
from ktlo.records.findings import Finding, Freshness, LockedVersion


def _found(name: str, repository: str, opened: str, resolved: str | None, **given: Any) -> Any:
    return made(
        Finding,
        **{
            "source": "git:world",
            "repository": repository,
            "check": "vulnerabilities",
            "fingerprint": name,
            "episode": 1,
            "rule": name,
            "level": "high",
            "opened_at": at(opened),
            "resolved_at": None if resolved is None else at(resolved),
            **given,
        },
    )


def findings() -> list[Any]:
    return [
        _found("F1", "acme/shop", "01-01", "01-10", level="critical"),
        _found("F2", "acme/shop", "01-08", "01-18"),
        _found("F3", "acme/search", "01-12", None),
        _found("F4", "acme/tools", "01-20", "02-10", level="low", check="secrets"),
        _found("F5", "acme/shop", "01-15", None, tolerated="ignored by Ann until 2026-12-31: not reachable"),
        _found("F2", "acme/shop", "01-20", None, source="check:acme/shop"),
    ]


def locked() -> list[Any]:
    return [
        made(LockedVersion, source="git:world", repository="acme/shop", path="uv.lock", **facts)
        for facts in (
            {"package": "left", "version": "1", "since_at": at("01-01"), "since_sha": "a"},
            {"package": "right", "version": "2", "since_at": at("02-01"), "since_sha": "b"},
            {
                "package": "gone",
                "version": "3",
                "since_at": at("01-01"),
                "until_at": at("01-20"),
                "since_sha": "a",
            },
        )
    ]


def freshness() -> list[Any]:
    return [
        made(Freshness, repository="acme/shop", path="uv.lock", **facts)
        for facts in (
            {"package": "left", "version": "1", "behind": 3, "libyears": 1.5},
            {"package": "right", "version": "2", "behind": 0, "libyears": 0.0},
            {"package": "own", "version": "1", "unknown": "the index does not know it"},
        )
    ]


def changes() -> list[Any]:
    def change(repository: str, path: str, sha: str, when: str, author: str, source: str = "git") -> Any:
        return made(
            code.FileChange, source=source, repository=repository, sha=sha, path=path, authored_at=at(when),
            author_email=author, lines_added=3, lines_deleted=1,
        )  # fmt: skip

    ann, ann_at_home, bob = "ann@acme.test", "Ann@Home.test", "bob@acme.test"
    return [
        change("acme/shop", "a.py", "c10", "01-04 23:59", ann),
        change("acme/shop", "a.py", "c1", "01-05 00:00", ann),
        change("acme/shop", "a.py", "c1", "01-05 00:00", ann, source="git-2"),
        change("acme/shop", "a.py", "c2", "01-06 10:00", ann),
        change("acme/shop", "a.py", "c5", "02-01 23:59", ann_at_home),
        change("acme/shop", "a.py", "c9", "02-02 00:00", bob),
        change("acme/shop", "b.py", "c1", "01-05 00:00", ann),
        change("acme/shop", "b.py", "c11", "01-13 09:00", bob),
        change("acme/shop", "t.py", "c1", "01-05 00:00", ann),
        change("acme/shop", "gone.py", "c1", "01-05 00:00", ann),
        change("acme/search", "s.py", "c3", "01-12 09:00", bob),
        change("acme/tools", "c.py", "c4", "01-20 09:00", bob),
        change("acme/tools", "c.py", "c6", "01-21 09:00", bob),
        change("acme/tools", "c.py", "c7", "01-22 09:00", ann),
    ]


def files() -> list[Any]:
    def file(repository: str, path: str, complexity: float, role: str = "source", source: str = "git") -> Any:
        return made(
            code.File, source=source, repository=repository, path=path, language="Python", lines=50,
            complexity=complexity, role=role,
        )  # fmt: skip

    return [
        file("acme/shop", "a.py", 10.0),
        file("acme/shop", "a.py", 10.0, source="git-2"),
        file("acme/shop", "b.py", 5.0),
        file("acme/shop", "t.py", 100.0, role="test"),
        file("acme/search", "s.py", 0.0),
        file("acme/tools", "c.py", 20.0),
    ]


def debt() -> list[Any]:
    def ago(days: int) -> dt.datetime:
        return NOW - dt.timedelta(days=days)

    def dependency(name: str, changed: dt.datetime | None, source: str = "git") -> Any:
        return made(
            code.Dependency, source=source, repository="acme/shop", manifest="pyproject.toml",
            ecosystem="PyPI", name=name, requirement=">=1", changed_at=changed,
        )  # fmt: skip

    def marker(repository: str, line: int, days: int, source: str = "git") -> Any:
        return made(
            code.Marker, source=source, repository=repository, path="a.py", line=line, word="TODO",
            text="# TODO mend", introduced_at=ago(days), author_email="ann@acme.test",
        )  # fmt: skip

    quarters = [at(text) for text in ("2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01")]
    samples = [
        made(code.CodeSample, source="git", repository="acme/shop", sampled_at=moment, files=2, lines=100,
             complexity=100.0 + 10 * index)
        for index, moment in enumerate(quarters)
    ]  # fmt: skip
    return [
        dependency("httpx", ago(10)),
        dependency("httpx", ago(10), source="git-2"),
        dependency("numpy", ago(30)),
        dependency("rich", None),
        marker("acme/shop", 7, 100),
        marker("acme/shop", 7, 100, source="git-2"),
        marker("acme/tools", 8, 200),
        marker("acme/tools", 9, 300),
        *samples,
        made(code.CodeSample, source="git", repository="acme/tools", sampled_at=quarters[0]),
    ]
