"""A shop whose debt is worked out by hand in ``tests/golden/debt_register.txt``.

Ten files of 300 lines, each changed four times for features in the year before 2 March 2026. One of them,
``till.py``, was mended twenty times meanwhile, two hours each; it was called ``cash.py`` until November.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from world import made, put

from ktlo.metrics.question import Question
from ktlo.records import code, effort, findings, people, services, work
from ktlo.records.effort import Category, ItemKind, Layer
from ktlo.settings import Settings
from ktlo.store.protocol import Store

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
START = NOW - dt.timedelta(days=364)
QUESTION = Question(NOW - dt.timedelta(days=90), NOW, NOW)
SETTINGS = Settings()
SHOP = "acme/shop"
ANN, BOB = "ann@acme.test", "bob@acme.test"
RENAMED = NOW - dt.timedelta(days=110)


def day(number: float) -> dt.datetime:
    """So many days into the year that is measured."""
    return START + dt.timedelta(days=number)


def commit(
    sha: str,
    at: dt.datetime,
    category: Category,
    *paths: str,
    days: float = 0.25,
    lines: int = 9,
    author: str = ANN,
    repository: str = SHOP,
    subject: str = "",
    old_path: str = "",
    deleted: int = 0,
) -> list[Any]:
    """A commit with its files, its category and its effort."""
    return [
        made(
            code.Commit, source="git", repository=repository, sha=sha, authored_at=at, committed_at=at,
            author_email=author, subject=subject or sha, dated_by="author", paths=paths,
        ),
        *(
            made(
                code.FileChange, source="git", repository=repository, sha=sha, path=path, old_path=old_path,
                authored_at=at, author_email=author, lines_added=lines, lines_deleted=deleted,
            )
            for path in paths
        ),
        made(
            effort.EffortShare, day=at.date(), person=author, item_kind=ItemKind.COMMIT, source="git",
            item_id=sha, repository=repository, category=category, layer=Layer.CORRECTION,
            activities=("commit",), person_days=days,
        ),
    ]  # fmt: skip


def file(path: str, lines: int = 300, role: str = "source", repository: str = SHOP) -> Any:
    """A file of today."""
    return made(
        code.File, source="git", repository=repository, path=path, language="Python", lines=lines,
        complexity=2.0 * lines, role=role,
    )  # fmt: skip


def _code() -> list[Any]:
    rows: list[Any] = [file("till.py"), *(file(f"part{n}.py") for n in range(1, 10)), file("src/a.py"),
                       file("src/b.py", role="test")]  # fmt: skip
    # Born before the year begins.
    for name in ("cash.py", *(f"part{n}.py" for n in range(1, 10)), "src/a.py"):
        rows += commit(f"born-{name}", START - dt.timedelta(days=400), Category.FEATURE, name, lines=300)
    for n in range(1, 10):
        for turn in range(4):
            rows += commit(f"feat-{n}-{turn}", day(20 + 80 * turn + n), Category.FEATURE, f"part{n}.py")
    till = [day(40 + 70 * turn) for turn in range(4)]
    for turn, at in enumerate(till):
        rows += commit(f"feat-till-{turn}", at, Category.FEATURE, "till.py" if at >= RENAMED else "cash.py")
    rows += commit("feat-src", day(33), Category.FEATURE, "src/a.py")
    for turn in range(20):
        at = day(15 + 17 * turn)
        rows += commit(
            f"fix-{turn}", at, Category.BUG_FIX, "till.py" if at >= RENAMED else "cash.py",
            author=BOB if turn % 4 else ANN,
        )  # fmt: skip
    rows += commit("move", RENAMED, Category.UNATTRIBUTED, "till.py", old_path="cash.py", lines=0, days=0.0)
    # A formatter went over everything: it says nothing about any file.
    rows += commit(
        "format", day(200), Category.BUG_FIX, *(f"part{n}.py" for n in range(1, 10)),
        *(f"other{n}.py" for n in range(60)), days=1.0,
    )  # fmt: skip
    return rows


def _manifests() -> list[Any]:
    def declared(name: str, days: int) -> Any:
        return made(
            code.Dependency, source="git", repository=SHOP, manifest="pyproject.toml", ecosystem="PyPI",
            name=name, requirement=">=1", changed_at=NOW - dt.timedelta(days=days),
        )  # fmt: skip

    return [declared("httpx", 400), declared("numpy", 900), declared("rich", 366), declared("new", 30)]


def _markers() -> list[Any]:
    return [
        made(
            code.Marker, source="git", repository=SHOP, path=path, line=line, word=word, text=f"# {word} mend",
            introduced_at=NOW - dt.timedelta(days=500), author_email=ANN,
        )
        for path, line, word in (
            ("src/a.py", 3, "TODO"), ("src/a.py", 9, "FIXME"), ("src/b.py", 1, "TODO"), ("part1.py", 1, "TODO"),
        )
    ]  # fmt: skip


def run(name: str, sha: str, conclusion: str, attempt: int = 1, workflow: str = "tests") -> Any:
    """A workflow run of ten minutes."""
    at = day(300)
    return made(
        work.WorkflowRun, source="github", external_id=name, repository=SHOP, workflow=workflow, sha=sha,
        attempt=attempt, status="completed", conclusion=conclusion, started_at=at,
        finished_at=at + dt.timedelta(minutes=10),
    )  # fmt: skip


def _runs() -> list[Any]:
    steady = [run(f"ok-{n}", f"s{n}", "success") for n in range(40)]
    again = [run(f"again-{n}", f"a{n}", "success", attempt=3) for n in range(5)]
    both = [
        each
        for n in range(2)
        for each in (run(f"red-{n}", f"b{n}", "failure"), run(f"green-{n}", f"b{n}", "success"))
    ]
    broken = [run("broken", "c0", "failure"), run("once", "d0", "success", attempt=2, workflow="docs")]
    return [*steady, *again, *both, *broken]


def _findings() -> list[Any]:
    def finding(rule: str, level: str, **given: Any) -> Any:
        return made(
            findings.Finding,
            **{
                "source": "check:ci", "repository": SHOP, "check": "vulnerabilities", "fingerprint": rule, "episode": 1,
                "rule": rule, "level": level, "path": "uv.lock", "ecosystem": "PyPI", "package": "httpx",
                "version": "0.20", "fixed_version": "0.23", "opened_at": day(340), "last_seen_at": day(360), **given,
            },
        )  # fmt: skip

    return [
        finding("CVE-1", "high"),
        finding("CVE-2", "low"),
        finding("CVE-3", "critical", package="rich", resolved_at=day(350)),
        finding("CVE-4", "critical", package="numpy", tolerated="until May"),
        made(findings.Scan, source="check:ci", repository=SHOP, scan_id="1", checks=("vulnerabilities",)),
    ]


def fill(store: Store) -> None:
    """Put the whole world into a store."""
    put(
        store,
        [
            *_code(), *_manifests(), *_markers(), *_runs(), *_findings(),
            services.ServiceMember(kind="repository", member=SHOP, service="shop", team="storefront", found_in="x"),
            people.Alias(kind="mail", alias=ANN, person=ANN),
            people.Alias(kind="mail", alias=BOB, person=BOB),
        ],
    )  # fmt: skip
