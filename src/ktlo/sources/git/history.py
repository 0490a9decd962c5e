"""Brings the history in: commits and file changes, only what is new, from where the last run stopped.

A run turns "complete up to these tips" into "complete up to those": one walk adds ``new ^old``, one removes
``old ^new`` (what a rebase, amend or force push dropped). Reads ``git log``; see ``cursor`` for why a kill
at any moment is harmless.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ktlo.records.collection import Rejection
from ktlo.sources.git.cursor import Walk
from ktlo.sources.git.log import ARGUMENTS, Block, Limits, read_log
from ktlo.sources.git.program import Git, GitError
from ktlo.sources.git.rows import Columns, Mailmap, Odd
from ktlo.sources.git.run import Run
from ktlo.sources.git.tips import Cut, existing
from ktlo.sources.protocol import Batch, Progress

UNREADABLE = 50
"""Commits whose changes cannot be read that are stepped over in one run, before giving up."""

_IMPOSSIBLE = {
    "committer": "The author's date is impossible, so the commit's own date counts;"
    " whoever wrote it should check their clock",
    "none": "Both of the commit's dates are impossible, so it is left out of every number over time;"
    " nothing else is lost",
}
_GONE = (
    "The repository no longer has this commit, to which it was collected before (history was rewritten and"
    " cleaned up, or the clone was replaced), so commits that only it led to cannot be found out and stay in"
    " the numbers; to drop them, remove this source with its records and add it again"
)
_UNREADABLE = (
    "What this commit changed cannot be read, so it counts without its files and lines;"
    " `git fsck` says what is damaged, a fresh clone mends it"
)
_WITHOUT_BLOBS = (
    "This is a partial clone without file contents, so commits count without their files and lines;"
    " `git fetch --refetch --no-filter` completes it"
)


@dataclass(slots=True)
class _Counting:
    """Counts a walk's commits beside the reading of it."""

    git: Git
    walk: Walk
    total: int | None = None

    def start(self) -> None:
        threading.Thread(target=self._count, name="ktlo-git-count", daemon=True).start()

    def _count(self) -> None:
        try:
            self.total = int(self.git.run("rev-list", "--count", "--stdin", stdin=revisions(self.walk)))
        except (GitError, ValueError, OSError):
            self.total = None


def revisions(walk: Walk) -> list[bytes]:
    """The walk's commits as git reads them from standard input."""
    return [tip.encode() for tip in walk.tips] + [f"^{tip}".encode() for tip in walk.excluded]


def collect_history(
    run: Run, tips: Sequence[str], cut: Cut, mailmap: str, limits: Limits | None = None
) -> Iterator[Batch]:
    """Make the store's history that of ``tips``.

    Args:
        run: the collection; its cursor is advanced.
        tips: what the source follows now, sorted.
        cut: where history is missing.
        mailmap: object id of the mailmap to apply.
        limits: size of a batch.

    Raises:
        GitError: git failed; batches before it stay valid.
    """
    if cut.without_blobs:
        yield run.batch(rejected=run.note(run.name.repository, _WITHOUT_BLOBS))
    yield from _finish_interrupted(run, cut, limits)
    known = existing(run.git, list(run.cursor.complete))
    lost = set(run.cursor.complete) - set(known)
    if lost and not cut.boundary:
        yield run.batch(rejected=[n for tip in sorted(lost) for n in run.note(run.where(tip), _GONE)])
    if known and run.cursor.boundary and run.cursor.boundary != cut.boundary:
        reopened = _reachable(run.git, known, set(run.cursor.boundary))
        if reopened:
            walk = Walk(tips=reopened, mailmap=mailmap, boundary=cut.boundary)
            yield from _walk(run, walk, cut, limits)
    if not tips:
        return
    reread = bool(known) and run.cursor.mailmap != mailmap
    if reread or not set(tips) <= set(known):
        walk = Walk(
            tips=tuple(tips),
            excluded=() if reread else tuple(sorted(known)),
            mailmap=mailmap,
            boundary=cut.boundary,
        )
        yield from _walk(run, walk, cut, limits)
    left = tuple(sorted(set(known) - set(tips)))
    if left and _diverged(run.git, left, tips, cut):
        walk = Walk(tips=left, excluded=tuple(tips), removing=True, mailmap=mailmap, boundary=cut.boundary)
        yield from _walk(run, walk, cut, limits)
    settled = replace(run.cursor, complete=tuple(tips), boundary=cut.boundary, mailmap=mailmap)
    if settled != run.cursor:
        run.cursor = settled
        yield run.batch()


def _finish_interrupted(run: Run, cut: Cut, limits: Limits | None) -> Iterator[Batch]:
    walk = run.cursor.walk
    if walk is None:
        return
    tips = tuple(existing(run.git, list(walk.tips)))
    lost = sorted(set(walk.tips) - set(tips))
    if lost or walk.boundary != cut.boundary:
        notes = [] if cut.boundary else [n for tip in lost for n in run.note(run.where(tip), _GONE)]
        walk = replace(
            walk,
            tips=tips,
            excluded=tuple(existing(run.git, list(walk.excluded))),
            boundary=cut.boundary,
            handled=0,
            last="",
        )
        run.cursor = replace(run.cursor, walk=walk)
        yield run.batch(rejected=notes)
    if tips:
        yield from _walk(run, walk, cut, limits)
    else:
        run.cursor = replace(run.cursor, walk=None)
        yield run.batch()


def _reachable(git: Git, tips: Sequence[str], wanted: set[str]) -> tuple[str, ...]:
    found: set[str] = set()
    rest = b""
    for piece in git.stream("rev-list", "--stdin", stdin=[tip.encode() for tip in tips]):
        *lines, rest = (rest + piece).split(b"\n")
        found.update(one for one in (line.decode() for line in lines) if one in wanted)
    return tuple(sorted(found))


def _diverged(git: Git, left: Sequence[str], tips: Sequence[str], cut: Cut) -> bool:
    """True when commits were dropped. Where history is cut, only a common ancestor proves that."""
    walk = Walk(tips=tuple(left), excluded=tuple(tips))
    if not git.run("rev-list", "--max-count=1", "--stdin", stdin=revisions(walk)):
        return False
    return not cut.boundary or all(git.ask("merge-base", one, *tips) for one in left)


def _walk(run: Run, walk: Walk, cut: Cut, limits: Limits | None) -> Iterator[Batch]:
    """Deliver a walk from its position to its end, then count its tips as complete."""
    walk = _checked(run.git, walk)
    run.cursor = replace(run.cursor, walk=walk)
    yield run.batch()
    counting = _Counting(run.git, walk)
    counting.start()
    columns = Columns(
        run.name, Mailmap(run.git, walk.mailmap), run.versions, _raw_parents(run.git, walk.boundary)
    )
    stepped_over = 0
    while True:
        failure: GitError | None = None
        try:
            for block in _blocks(run.git, walk, numstat=not cut.without_blobs, limits=limits):
                walk = replace(walk, handled=walk.handled + len(block.headers), last=block.last)
                yield _deliver(run, walk, columns, block, counting.total)
        except GitError as error:
            failure = error
        if failure is None:
            break
        stepped_over += 1
        if not failure.by_itself or stepped_over > UNREADABLE:
            raise failure
        alone = next(_blocks(run.git, walk, numstat=False, at_most=1), None)
        if alone is None:
            raise failure
        walk = replace(walk, handled=walk.handled + 1, last=alone.last)
        notes = run.note(run.where(alone.last), _UNREADABLE, failure.what)
        yield _deliver(run, walk, columns, alone, counting.total, notes)
    complete = walk.excluded if walk.removing else tuple(sorted({*run.cursor.complete, *walk.tips}))
    run.cursor = replace(
        run.cursor, walk=None, complete=complete, mailmap=walk.mailmap, boundary=walk.boundary
    )
    yield run.batch(progress=Progress(walk.handled, walk.handled, "commits"))


def _deliver(
    run: Run,
    walk: Walk,
    columns: Columns,
    block: Block,
    total: int | None,
    notes: Sequence[Rejection] = (),
) -> Batch:
    rows, odd = columns.build(block, deleted=walk.removing)
    told = list(notes)
    if not walk.removing:
        told += itertools.chain.from_iterable(_impossible(run, one) for one in odd)
    run.cursor = replace(run.cursor, walk=walk)
    return run.batch(rows, rejected=told, progress=Progress(walk.handled, total, "commits"))


def _impossible(run: Run, odd: Odd) -> list[Rejection]:
    said = f"authored {odd.authored}, committed {odd.committed}, in seconds since 1970"
    return run.note(run.where(odd.sha), _IMPOSSIBLE[odd.dated_by], said)


def _blocks(
    git: Git, walk: Walk, *, numstat: bool, limits: Limits | None = None, at_most: int | None = None
) -> Iterator[Block]:
    """Blocks of a walk after its position.

    Raises:
        GitError: git failed.
    """
    arguments = ["-c", f"mailmap.blob={walk.mailmap}", *ARGUMENTS]
    arguments += ["--numstat"] if numstat else ["--no-patch"]
    arguments.append(f"--skip={walk.handled}")
    if at_most is not None:
        arguments.append(f"--max-count={at_most}")
    return read_log(git.stream(*arguments, "--stdin", stdin=revisions(walk)), limits)


def _checked(git: Git, walk: Walk) -> Walk:
    """The walk, from its beginning if git orders it otherwise than when it was interrupted."""
    if not walk.handled:
        return walk
    at = git.run("rev-list", f"--skip={walk.handled - 1}", "--max-count=1", "--stdin", stdin=revisions(walk))
    return walk if at.strip().decode("ascii") == walk.last else replace(walk, handled=0, last="")


def _raw_parents(git: Git, boundary: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Parents that the boundary's commit objects name, though they were not fetched."""
    found: dict[str, tuple[str, ...]] = {}
    for commit in boundary:
        listed = git.ask("cat-file", "commit", commit).split("\n\n", 1)[0].splitlines()
        found[commit] = tuple(line.split()[1] for line in listed if line.startswith("parent "))
    return found
