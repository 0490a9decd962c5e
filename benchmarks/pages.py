"""How long each page's section takes on a large store, against counting the rows it rests on.

``python benchmarks/pages.py FOLDER`` fills a store of 5 million file changes, 300,000 rows of effort and
20,000 incidents once, then prints seconds, processor seconds, and the ratio to a plain ``SELECT count()`` of
file changes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ktlo.metrics.ask import ask
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definitions
from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.records.effort import Category, Layer
from ktlo.report.bugs import bugs
from ktlo.report.effort import effort
from ktlo.report.hotspots import hotspots
from ktlo.report.overview import overview
from ktlo.report.reliability import reliability
from ktlo.report.sections import NoLinks, Section
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.protocol import Queryable

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
YEARS = 4
FILE_CHANGES, EFFORT, INCIDENTS, ISSUES = 5_000_000, 300_000, 20_000, 40_000
REPOSITORIES, SERVICES, FILES, PEOPLE = 40, 25, 1_000, 300
"""``FILES`` is for each repository."""

_SECTIONS: tuple[Callable[[Queryable, Question, NoLinks], Section], ...] = (
    overview,
    effort,
    reliability,
    bugs,
    hotspots,
)


def _moments(rng: np.random.Generator, rows: int) -> pa.Array:
    """Instants of the last four years, ascending."""
    end = int(NOW.timestamp() * 1e6)
    span = int(YEARS * 365.25 * 86400e6)
    return pa.array(np.sort(rng.integers(end - span, end, rows)), pa.timestamp("us", "UTC"))


def _later(moments: pa.Array, seconds: np.ndarray, missing: np.ndarray) -> pa.Array:  # type: ignore[type-arg]
    values = moments.cast(pa.int64()).to_numpy() + (seconds * 1e6).astype(np.int64)
    return pa.array(values, mask=missing).cast(pa.timestamp("us", "UTC"))


def _named(rng: np.random.Generator, rows: int, prefix: str, many: int) -> pa.Array:
    """Names of which few are frequent, as in life."""
    weights = 1 / np.arange(1, many + 1)
    drawn = rng.choice(many, rows, p=weights / weights.sum())
    return pa.array(np.array([f"{prefix}{index}" for index in range(many)], dtype=object)[drawn])


def _batch(table: str, rows: int, given: dict[str, object]) -> pa.RecordBatch:
    """A batch of a table with the given columns; the rest empty, zero or null."""
    columns = []
    for field in schema(TABLES[table]):
        value = given.get(field.name)
        if isinstance(value, pa.Array):
            columns.append(value.cast(field.type))
        elif value is not None:
            columns.append(pa.array([value], field.type).take(pa.array(np.zeros(rows, dtype=np.int64))))
        elif field.nullable:
            columns.append(pa.nulls(rows, field.type))
        else:
            blank = {pa.string(): "", pa.bool_(): False}.get(
                field.type, [] if pa.types.is_list(field.type) else 0
            )
            columns.append(pa.array([blank], field.type).take(pa.array(np.zeros(rows, dtype=np.int64))))
    return pa.RecordBatch.from_arrays(columns, schema=schema(TABLES[table]))


def _numbers(prefix: str, first: int, rows: int) -> pa.Array:
    return pa.array([f"{prefix}{index}" for index in range(first, first + rows)])


def _file_changes(rng: np.random.Generator) -> Iterator[pa.RecordBatch]:
    step = 500_000
    for first in range(0, FILE_CHANGES, step):
        yield _batch(
            "file_changes",
            step,
            {
                "source": "git",
                "repository": _named(rng, step, "acme/repository-", REPOSITORIES),
                "sha": pa.array([f"{index // 4:040x}" for index in range(first, first + step)]),
                "path": _named(rng, step, "src/package/some_module_", FILES),
                "authored_at": _moments(rng, step),
                "author_email": _named(rng, step, "person", PEOPLE),
                "lines_added": pa.array(rng.integers(0, 90, step)),
                "lines_deleted": pa.array(rng.integers(0, 60, step)),
            },
        )


def _effort(rng: np.random.Generator) -> Iterator[pa.RecordBatch]:
    days = _moments(rng, EFFORT).cast(pa.timestamp("us")).cast(pa.date32())
    categories, layers = np.array(list(Category), dtype=object), np.array(list(Layer), dtype=object)
    yield _batch(
        "effort",
        EFFORT,
        {
            "day": days,
            "person": _named(rng, EFFORT, "person", PEOPLE),
            "team": _named(rng, EFFORT, "team-", 12),
            "item_kind": "commit",
            "source": "git",
            "item_id": _numbers("", 0, EFFORT),
            "repository": _named(rng, EFFORT, "acme/repository-", REPOSITORIES),
            "service": _named(rng, EFFORT, "service-", SERVICES),
            "category": pa.array([str(name) for name in rng.choice(categories, EFFORT)]),
            "layer": pa.array([str(name) for name in rng.choice(layers, EFFORT)]),
            "person_days": pa.array(rng.random(EFFORT)),
        },
    )


def _verdicts(rng: np.random.Generator) -> Iterator[pa.RecordBatch]:
    categories = np.array(list(Category), dtype=object)
    yield _batch(
        "verdicts",
        EFFORT,
        {
            "item_kind": "commit",
            "source": "git",
            "item_id": _numbers("", 0, EFFORT),
            "repository": _named(rng, EFFORT, "acme/repository-", REPOSITORIES),
            "title": _named(rng, EFFORT, "Mend what broke in part ", 5000),
            "category": pa.array([str(name) for name in rng.choice(categories, EFFORT)]),
            "layer": "model",
            "confidence": 0.8,
            "occurred_at": _moments(rng, EFFORT),
        },
    )
    yield _batch(
        "verdicts",
        ISSUES,
        {
            "item_kind": "issue",
            "source": "tracker",
            "item_id": _numbers("", 0, ISSUES),
            "category": "bug_fix",
            "layer": "built_in_rule",
            "confidence": 0.9,
            "occurred_at": _moments(rng, ISSUES),
        },
    )


def fill(store: EmbeddedStore) -> None:
    """Write the records of four busy years."""
    rng = np.random.default_rng(20261124)
    for batch in _file_changes(rng):
        store.insert(TABLES["file_changes"], batch)
    files = REPOSITORIES * FILES
    store.insert(
        TABLES["files"],
        _batch(
            "files",
            files,
            {
                "source": "git",
                "repository": pa.array([f"acme/repository-{index // FILES}" for index in range(files)]),
                "path": pa.array([f"src/package/some_module_{index % FILES}" for index in range(files)]),
                "language": "Python",
                "role": "source",
                "lines": pa.array(rng.integers(10, 900, files)),
                "complexity": pa.array(rng.random(files) * 900),
            },
        ),
    )
    detected = _moments(rng, INCIDENTS)
    lasting, open_still = rng.lognormal(9, 2, INCIDENTS), rng.random(INCIDENTS) < 0.03
    store.insert(
        TABLES["incidents"],
        _batch(
            "incidents",
            INCIDENTS,
            {
                "source": "pager",
                "external_id": _numbers("I", 0, INCIDENTS),
                "service": _named(rng, INCIDENTS, "service-", SERVICES),
                "severity": _named(rng, INCIDENTS, "sev", 4),
                "team": _named(rng, INCIDENTS, "team-", 12),
                "state": pa.array(np.where(open_still, "open", "resolved")),
                "detected_at": detected,
                "acknowledged_at": _later(detected, lasting / 10, open_still),
                "resolved_at": _later(detected, lasting, open_still),
            },
        ),
    )
    opened = _moments(rng, ISSUES)
    store.insert(
        TABLES["issues"],
        _batch(
            "issues",
            ISSUES,
            {
                "source": "tracker",
                "external_id": _numbers("", 0, ISSUES),
                "repository": _named(rng, ISSUES, "acme/repository-", REPOSITORIES),
                "state": pa.array(np.where(rng.random(ISSUES) < 0.1, "open", "closed")),
                "created_at": opened,
                "updated_at": opened,
                "closed_at": _later(opened, rng.lognormal(13, 2, ISSUES), rng.random(ISSUES) < 0.1),
            },
        ),
    )
    store.replace(TABLES["effort"], _effort(rng))
    store.replace(TABLES["verdicts"], _verdicts(rng))


def _told(name: str, run: Callable[[], object], times: int, floor: float = 0.0) -> float:
    """Print the median of several runs, the processor's seconds of the least, and the ratio to a floor."""
    run()  # what is read from disk once is read before
    taken, worked = [], []
    for _ in range(times):
        begun, busy = time.perf_counter(), time.process_time()
        run()
        taken.append(time.perf_counter() - begun)
        worked.append(time.process_time() - busy)
    median = statistics.median(taken)
    print(f"{name:35} {median:7.3f} s {min(worked):7.3f} cpu {median / (floor or median):6.2f}", flush=True)
    return median


def main() -> None:
    """Fill the store if it is new, then time every section and every metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the store is, or is to be made")
    parser.add_argument("--days", type=int, default=365, help="length of the period")
    parser.add_argument("--times", type=int, default=3, help="runs of which the median is told")
    parser.add_argument("--metrics", action="store_true", help="time each metric too")
    given = parser.parse_args()
    store = EmbeddedStore(given.folder)
    store.migrate()
    if not store.query("SELECT count() AS n FROM ktlo.file_changes_log")["n"][0].as_py():
        fill(store)
    floor = _told(
        "SELECT count() of file changes",
        lambda: store.query("SELECT count() AS n FROM ktlo.file_changes"),
        given.times,
    )
    question = Question(NOW - dt.timedelta(days=given.days), NOW, NOW, downtime_severities=("sev0",))
    for section in _SECTIONS:
        _told(section.__name__, functools.partial(section, store, question, NoLinks()), given.times, floor)
    for defined in definitions().values() if given.metrics else ():
        _told(f"  {defined.name}", functools.partial(ask, store, defined, question), given.times, floor)
    store.close()


if __name__ == "__main__":
    main()
