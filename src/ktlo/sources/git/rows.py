"""Turns blocks of git's log into the ``commits`` and ``file_changes`` columns of the store.

No object per row: each column goes into Arrow as one list. The shapes are declared in
``ktlo.records.code``; the mapping is described in docs/sources/git.md.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, VERSION, now_version, schema
from ktlo.sources.git.dates import dated_by, moment
from ktlo.sources.git.log import Block
from ktlo.sources.git.place import Name
from ktlo.sources.git.program import Git, GitError
from ktlo.sources.git.text import Column, text, text_column

BODY = 4000
"""Characters of a message that are kept after its first line."""
PATHS = 50
"""Touched paths kept with a commit."""
REMEMBERED = 200_000
"""Co-authors whose mapping is remembered at once, so that memory stays flat."""
_CONTACT = re.compile(rb"^[^<>\n]*<[^<>\n]*>$")


@dataclass(slots=True)
class Versions:
    """Versions that only rise, whatever the clock does; the last one is kept in the cursor."""

    last: int = 0

    def next(self) -> int:
        """A version above every earlier one."""
        self.last = max(self.last + 1, now_version())
        return self.last


@dataclass(slots=True)
class Mailmap:
    """Applies the mailmap to co-authors, which git's log does not do; remembers its answers."""

    git: Git
    blob: str
    known: dict[bytes, str] = field(default_factory=dict)

    def apply(self, contacts: Iterable[bytes]) -> None:
        """Learn the mapping of these 'Name <mail>' texts; what is no such text stays as it is."""
        if len(self.known) > REMEMBERED:
            self.known.clear()
        new = sorted(set(contacts) - self.known.keys())
        self.known.update((contact, text(contact)) for contact in new)
        askable = [contact for contact in new if _CONTACT.match(contact)]
        if askable and self.blob:
            with contextlib.suppress(GitError):  # then they keep the names that they were given
                answers = self.git.run(
                    "-c", f"mailmap.blob={self.blob}", "check-mailmap", "--stdin", stdin=askable
                ).split(b"\n")
                self.known.update(zip(askable, map(text, answers), strict=False))


@dataclass(frozen=True, slots=True)
class Odd:
    """A commit whose date cannot be believed."""

    sha: str
    authored: int
    committed: int
    dated_by: str


def _instants(seconds: list[int]) -> Column:
    return pa.array([at * 1_000_000 for at in seconds], pa.int64()).cast(pa.timestamp("us", "UTC"))


def _strings(lists: list[list[str]]) -> Column:
    return pa.array(lists, pa.list_(pa.string()))


def _body(raw: bytes) -> bytes:
    raw = raw.rstrip()
    if len(raw) <= BODY:
        return raw
    return text(raw[: BODY * 4])[:BODY].encode()


def _co_authors(raw: bytes) -> list[bytes]:
    return [line.strip() for line in raw.split(b"\n") if line.strip()]


@dataclass(slots=True)
class Columns:
    """Builds rows of one repository.

    Args:
        name: what the rows carry.
        mailmap: for co-authors.
        versions: where the rows' versions come from.
        boundary: commits of a shallow clone whose parents are missing, with the parents their objects
            name; what they changed is unknown, so they get no file changes.
    """

    name: Name
    mailmap: Mailmap
    versions: Versions
    boundary: Mapping[str, tuple[str, ...]]

    def build(self, block: Block, *, deleted: bool) -> tuple[dict[str, pa.RecordBatch], list[Odd]]:
        """Rows of a block by table, and the commits with impossible dates.

        Args:
            block: what git said.
            deleted: rows that remove these commits and changes instead of adding them.
        """
        now = int(time.time())
        sha, parents, authored, committed, a_name, a_mail, c_name, c_mail, trailers, subject, body, _ = zip(
            *block.headers, strict=True
        )
        shas = [one.decode("ascii") for one in sha]
        author_moments = [moment(raw) for raw in authored]
        authored_at = [at for at, _ in author_moments]
        committed_at = [moment(raw)[0] for raw in committed]
        dating = [dated_by(a, c, now) for a, c in zip(authored_at, committed_at, strict=True)]
        parent_lists = [one.decode("ascii").split() for one in parents]
        if self.boundary:
            for index, one in enumerate(shas):
                if one in self.boundary:
                    parent_lists[index] = list(self.boundary[one])
            block.keep_changes([one not in self.boundary for one in shas])
        co_authors = [_co_authors(one) for one in trailers]
        self.mailmap.apply(one for listed in co_authors for one in listed)
        paths = text_column(block.path)
        count, plus, minus = _sums(block)
        size = len(shas)
        version = self.versions.next()
        mails = text_column(a_mail)
        instants = _instants(authored_at)
        sha_column = pa.array(shas, pa.string())
        commits = {
            "source": pa.repeat(self.name.source_id, size),
            "repository": pa.repeat(self.name.repository, size),
            "sha": sha_column,
            "parents": _strings(parent_lists),
            "authored_at": instants,
            "committed_at": _instants(committed_at),
            "authored_offset": pa.array([offset for _, offset in author_moments], pa.int64()),
            "author_name": text_column(a_name),
            "author_email": mails,
            "committer_name": text_column(c_name),
            "committer_email": text_column(c_mail),
            "co_authors": _strings([[self.mailmap.known[one] for one in listed] for listed in co_authors]),
            "subject": text_column(subject),
            "body": text_column([_body(one) for one in body]),
            "is_merge": pa.array([len(listed) > 1 for listed in parent_lists], pa.bool_()),
            "files_changed": pa.array(count, pa.int64()),
            "lines_added": pa.array(plus, pa.int64()),
            "lines_deleted": pa.array(minus, pa.int64()),
            "paths": _first_paths(count, paths),
            "dated_by": pa.array(dating, pa.string()),
        }
        rows = {"commits": _batch("commits", commits, size, version, deleted)}
        if block.path:
            touched = pa.array(block.change_commit, pa.int64())
            size = len(block.path)
            changes = {
                "source": pa.repeat(self.name.source_id, size),
                "repository": pa.repeat(self.name.repository, size),
                "sha": sha_column.take(touched),
                "path": paths,
                "old_path": text_column(block.old_path),
                "authored_at": instants.take(touched),
                "author_email": mails.take(touched),
                "lines_added": pa.array([max(lines, 0) for lines in block.added], pa.int64()),
                "lines_deleted": pa.array(block.deleted, pa.int64()),
                "is_binary": pa.array([lines < 0 for lines in block.added], pa.bool_()),
            }
            rows["file_changes"] = _batch("file_changes", changes, size, version, deleted)
        odd = [
            Odd(shas[i], authored_at[i], committed_at[i], by) for i, by in enumerate(dating) if by != "author"
        ]
        return rows, odd


def _batch(table: str, columns: dict[str, Column], size: int, version: int, deleted: bool) -> pa.RecordBatch:
    columns[VERSION] = pa.repeat(pa.scalar(version, pa.uint64()), size)
    columns[DELETED] = pa.repeat(pa.scalar(int(deleted), pa.uint8()), size)
    return pa.RecordBatch.from_pydict(columns, schema=schema(TABLES[table]))


def _sums(block: Block) -> tuple[list[int], list[int], list[int]]:
    size = len(block.headers)
    count, plus, minus = [0] * size, [0] * size, [0] * size
    for commit, added, deleted in zip(block.change_commit, block.added, block.deleted, strict=True):
        count[commit] += 1
        if added > 0:
            plus[commit] += added
        minus[commit] += deleted
    return count, plus, minus


def _first_paths(count: list[int], paths: Column) -> Column:
    """The first touched paths of each commit; changes are in the order of their commits."""
    if not count or max(count) <= PATHS:
        offsets = list(accumulate(count, initial=0))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), paths)
    taken: list[int] = []
    offsets, start = [0], 0
    for of_commit in count:
        taken.extend(range(start, start + min(of_commit, PATHS)))
        start += of_commit
        offsets.append(len(taken))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), paths.take(pa.array(taken, pa.int64())))
