"""How large and complex the code was at past quarters, for the trend: the last three years.

Measures source files of the tree at each quarter's beginning; a file that did not change is measured once.
In a large repository only a part of the files, chosen by their path, is measured and scaled up; a note says
so.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import replace

from ktlo.records.arrow import to_arrow
from ktlo.records.code import CodeSample
from ktlo.sources.git.blobs import LARGEST, Entry, list_tree, read_blobs
from ktlo.sources.git.dates import EARLIEST
from ktlo.sources.git.languages import is_machine_made, language, role
from ktlo.sources.git.measure import is_binary, markers, measure
from ktlo.sources.git.run import Run
from ktlo.sources.git.text import text
from ktlo.sources.protocol import Batch

RULES = 1
"""Raise this when the rules of measuring or of roles change: past quarters are measured anew."""
QUARTERS = 12
BLOBS = 30_000
"""File contents measured in one run, at most."""
_PARTS = 1024
_SAMPLED = (
    "The repository has more source files than are measured for past quarters, so the trend of size and"
    " complexity rests on a fixed part of them, scaled up"
)

_Sums = tuple[int, float, int]


def quarters(now: dt.datetime) -> list[dt.datetime]:
    """Beginnings of the current and the eleven quarters before, oldest first."""
    current = now.year * 4 + (now.month - 1) // 3
    return [
        dt.datetime(quarter // 4, quarter % 4 * 3 + 1, 1, tzinfo=dt.UTC)
        for quarter in range(current - QUARTERS + 1, current + 1)
    ]


def collect_samples(run: Run, head: str) -> Iterator[Batch]:
    """Measure the quarters that are not in the store, or whose commit is another one now.

    Args:
        run: the collection; its cursor is advanced.
        head: the commit whose first-parent line is followed back.
    """
    moments = quarters(run.now)
    wanted = _commits_at(run, head, moments)
    known_before = dict(run.cursor.samples)
    missing = {
        moment: commit for moment, commit in wanted.items() if known_before.get(moment) != _mark(commit)
    }
    gone = {moment.isoformat() for moment in moments} & known_before.keys() - wanted.keys()
    if gone:
        removed = [_nothing(run, dt.datetime.fromisoformat(moment)) for moment in sorted(gone)]
        yield run.batch(
            {"code_samples": to_arrow(removed, CodeSample, version=run.versions.next(), deleted=True)}
        )
        kept = {moment: mark for moment, mark in known_before.items() if moment not in gone}
        run.cursor = replace(run.cursor, samples=kept)
        yield run.batch()
    if not missing:
        return
    trees = {commit: _sources(run, commit) for commit in sorted(set(missing.values()))}
    blobs = {entry.blob: entry for listed in trees.values() for entry in listed}
    part = _PARTS
    while len(blobs) > BLOBS and part > 1:
        part //= 2
        blobs = {e.blob: e for listed in trees.values() for e in listed if _bucket(e) < part}
    known = dict(_measure(run, blobs))
    rows = [_sample(run, dt.datetime.fromisoformat(m), c, trees[c], known, part) for m, c in missing.items()]
    notes = run.note(run.name.repository, _SAMPLED, f"{part} of {_PARTS} parts") if part < _PARTS else []
    run.cursor = replace(
        run.cursor, samples=dict(run.cursor.samples) | {m: _mark(c) for m, c in missing.items()}
    )
    yield run.batch({"code_samples": to_arrow(rows, CodeSample, version=run.versions.next())}, rejected=notes)


def _mark(commit: str) -> str:
    return f"{commit} {RULES}"


def _commits_at(run: Run, head: str, moments: list[dt.datetime]) -> dict[str, str]:
    """The newest commit on the first-parent line at each moment; moments before the first have none."""
    pending = sorted(moments)
    found: dict[str, str] = {}
    rest = b""
    pieces = run.git.stream("rev-list", "--first-parent", "--timestamp", head)
    with contextlib.closing(pieces):
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                at, _, commit = line.partition(b" ")
                if int(at) < EARLIEST:
                    continue
                while pending and int(at) <= pending[-1].timestamp():
                    found[pending.pop().isoformat()] = commit.decode("ascii")
            if not pending:
                break
    return found


def _nothing(run: Run, moment: dt.datetime) -> CodeSample:
    return CodeSample(
        source=run.name.source_id,
        repository=run.name.repository,
        sampled_at=moment,
        sha="",
        files=0,
        lines=0,
        complexity=0.0,
        markers=0,
    )


def _sources(run: Run, commit: str) -> list[Entry]:
    listed = []
    for entry in list_tree(run.git, commit):
        shown = text(entry.path)
        spoken = language(shown)
        if spoken and entry.size <= LARGEST and role(shown, spoken) == "source":
            listed.append(entry)
    return listed


def _bucket(entry: Entry) -> int:
    """A number under ``_PARTS`` that depends on the path alone, so that all quarters share their files."""
    return zlib.crc32(entry.path) % _PARTS


def _measure(run: Run, blobs: dict[str, Entry]) -> Iterator[tuple[str, _Sums]]:
    for blob, content in read_blobs(run.git, blobs):
        if content is None or is_binary(content) or is_machine_made(content):
            continue
        measured = measure(content)
        marked = markers(content, language(text(blobs[blob].path)))
        yield blob, (measured.lines, measured.complexity, len(marked))


def _sample(
    run: Run, moment: dt.datetime, commit: str, listed: list[Entry], known: dict[str, _Sums], part: int
) -> CodeSample:
    measured = [known[entry.blob] for entry in listed if entry.blob in known and _bucket(entry) < part]
    scale = _PARTS / part
    return CodeSample(
        source=run.name.source_id,
        repository=run.name.repository,
        sampled_at=moment,
        sha=commit,
        files=round(len(measured) * scale),
        lines=round(sum(lines for lines, _, _ in measured) * scale),
        complexity=sum(complexity for _, complexity, _ in measured) * scale,
        markers=round(sum(count for _, _, count in measured) * scale),
    )
