"""Tags: most teams tag what they release. All of the repository's, whichever branch they are on.

Reads ``git for-each-ref``; tags of trees and blobs are left out (nothing was released at a commit).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import replace

from ktlo.records.arrow import to_arrow
from ktlo.records.code import Tag
from ktlo.sources.git.dates import moment
from ktlo.sources.git.program import Git
from ktlo.sources.git.run import Run
from ktlo.sources.git.text import text
from ktlo.sources.protocol import Batch

# for-each-ref ends its lines with a newline, which a ref's name cannot contain (git-check-ref-format).
_FORMAT = "%(objecttype) %(*objecttype) %00%(objectname)%00%(*objectname)%00%(creatordate:raw)%00%(refname)"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _read(run: Run, git: Git) -> tuple[list[Tag], str]:
    output = git.run("for-each-ref", f"--format={_FORMAT}", "refs/tags")
    tags = []
    for line in output.splitlines():
        kinds, own, peeled, created, ref = line.split(b"\0", 4)
        if not kinds.rstrip().endswith(b"commit"):
            continue
        tags.append(
            Tag(
                source=run.name.source_id,
                repository=run.name.repository,
                name=text(ref.removeprefix(b"refs/tags/")),
                sha=text(peeled or own),
                tagged_at=_EPOCH + dt.timedelta(seconds=moment(created)[0]),
            )
        )
    return tags, hashlib.sha256(output).hexdigest()


def collect_tags(run: Run, git: Git) -> Iterator[Batch]:
    """Make the store's tags those of the repository; nothing when none changed.

    Args:
        run: the collection; its cursor is advanced.
        git: the repository itself, which has the refs.
    """
    tags, state = _read(run, git)
    if state == run.cursor.tags_state:
        return
    names = {tag.name for tag in tags}
    gone = sorted(set(run.cursor.tags) - names)
    run.cursor = replace(run.cursor, tags=tuple(sorted(names.union(gone))), tags_state="")
    yield run.batch()
    if gone:
        removed = [
            Tag(
                source=run.name.source_id,
                repository=run.name.repository,
                name=name,
                sha="",
                tagged_at=_EPOCH,
            )
            for name in gone
        ]
        yield run.batch({"tags": to_arrow(removed, Tag, version=run.versions.next(), deleted=True)})
    rows = to_arrow(tags, Tag, version=run.versions.next())
    run.cursor = replace(run.cursor, tags=tuple(sorted(names)), tags_state=state)
    yield run.batch({"tags": rows})
