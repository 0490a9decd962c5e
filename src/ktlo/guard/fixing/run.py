"""Mends a repository: one change at a time, looked at again, tested, committed or taken back.

The command line is the only caller. What a change did is read from the lock file, never from what its tool said.
"""

from __future__ import annotations

import enum
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.errors import UserError
from ktlo.guard.finding import Unchecked
from ktlo.guard.fixing.choice import Judge
from ktlo.guard.fixing.plan import Change
from ktlo.guard.fixing.updaters import CannotUpdateError, Updater, updaters_of
from ktlo.guard.fixing.worktree import WorkTree
from ktlo.guard.lockfiles import read_lock_files
from ktlo.guard.lockfiles.wording import printable


class State(enum.StrEnum):
    """What became of a change."""

    PLANNED = "planned"
    DONE = "done"
    UNDONE = "undone"
    NOT_POSSIBLE = "not possible"


@dataclass(frozen=True, slots=True)
class Result:
    """A change and what became of it.

    Attributes:
        change: the change.
        state: what became of it.
        reason: why it was undone or not possible, a sentence; empty otherwise.
        commit: its commit.
        version: the version that is locked now, which a tool may have chosen above the smallest.
    """

    change: Change
    state: State
    reason: str = ""
    commit: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to mend.

    Attributes:
        root: the folder.
        test: command that must succeed after each change; empty for none.
        test_seconds: time for it.
        branch: branch to make for the commits; empty for the one that is checked out.
        is_rehearsal: only say what would be done.
    """

    root: Path
    test: str
    test_seconds: float
    branch: str = ""
    is_rehearsal: bool = False


Told = Callable[[Result], None]


def rehearse(changes: tuple[Change, ...], root: Path) -> tuple[Result, ...]:
    """What would be done; nothing is run or changed."""
    results = []
    for change in changes:
        reason = _impossible(change, root)
        state = State.NOT_POSSIBLE if reason else State.PLANNED
        results.append(Result(change, state, reason, version=change.version))
    return tuple(results)


def mend(changes: tuple[Change, ...], wish: Wish, judge: Judge, told: Told) -> tuple[Result, ...]:
    """Make every change that can be made.

    Args:
        changes: in this order.
        wish: how.
        judge: what advisories say about a version.
        told: hears of every result as it comes.

    Raises:
        UserError: the working tree is not clean, or the tests fail before anything is changed.
    """
    if wish.is_rehearsal:
        results = rehearse(changes, wish.root)
        for one in results:
            told(one)
        return results
    tree = WorkTree(wish.root)
    tree.require_clean()
    if wish.test and any(one.version for one in changes):
        failed = _tests(wish)
        if failed:
            raise UserError(f"the tests fail before anything is changed: {failed}", fix="Mend them first")
    if wish.branch:
        tree.start_branch(wish.branch)
    done = []
    for change in changes:
        result = _one(change, wish, tree, judge)
        told(result)
        done.append(result)
    return tuple(done)


def _one(change: Change, wish: Wish, tree: WorkTree, judge: Judge) -> Result:
    reason = _impossible(change, wish.root)
    if reason:
        return Result(change, State.NOT_POSSIBLE, reason)
    ours, version, left = frozenset[str](), "", ""
    for way in updaters_of(wish.root, change):
        ours, version, left = _by(way, change, wish.root, tree, judge)
        if not left:
            break
    if left:
        return Result(change, State.NOT_POSSIBLE, left)
    try:
        failed = _tests(wish) if wish.test else ""
        if not failed:
            commit = tree.commit(ours, _message(change, version))
            return Result(change, State.DONE, "", commit, version)
    except BaseException:
        tree.take_back(ours)
        raise
    tree.take_back(ours)
    return Result(change, State.UNDONE, f"The tests fail with it: {failed}", version=version)


def _by(
    way: Updater, change: Change, root: Path, tree: WorkTree, judge: Judge
) -> tuple[frozenset[str], str, str]:
    """Change the lock file one way: paths that changed, the version now, and why it did not help.

    When it did not help, everything is as before.
    """
    before = tree.changed()
    locked_before = _unchecked(change, root)
    try:
        way(root, change)
        version, left = _look(change, root, judge, locked_before)
    except (CannotUpdateError, OSError) as error:
        tree.take_back(tree.changed() - before)
        return frozenset(), "", str(error)
    except BaseException:
        tree.take_back(tree.changed() - before)
        raise
    ours = tree.changed() - before
    # A tool may leave files of its own in the folder (`.pdm-python`): no part of the update.
    strays = frozenset(one for one in tree.untracked(ours) if PurePosixPath(one).name not in _MADE_BY_TOOLS)
    tree.take_back(strays)
    ours -= strays
    if left or not ours:
        tree.take_back(ours)
        return frozenset(), "", left or "Its tool changed nothing: something else holds it back."
    return ours, version, ""


_MADE_BY_TOOLS = frozenset({"go.sum"})
"""New files that belong to an update: a module without one gets it."""


def _impossible(change: Change, root: Path) -> str:
    if not change.version:
        return f"There is nothing to update to: {change.reason}."
    try:
        updaters_of(root, change)
    except CannotUpdateError as error:
        return str(error)
    return ""


def _look(change: Change, root: Path, judge: Judge, before: frozenset[Unchecked]) -> tuple[str, str]:
    """The versions that are locked now, and why that is not good enough; empty when it is."""
    versions: list[str] = []
    unchecked: set[Unchecked] = set()
    for path, inventory in read_lock_files(root):
        if path == change.lock_file:
            unchecked |= set(inventory.unchecked)
            versions += [
                one.version
                for one in inventory.dependencies
                if (one.ecosystem, one.name) == (change.ecosystem, change.package)
            ]
    new = [one for one in unchecked - before if change.lock_file in one.what]
    if len(unchecked) > len(before) and new:
        return "", f"The lock file cannot be checked any more: {printable(new[0].reason, 200)}"
    for version in versions:
        left = judge(change.ecosystem, change.package, version)
        if left:
            return "", f"Its tool locks {version}, which has {left[0][0]}: something holds it back."
    return " and ".join(dict.fromkeys(versions)), ""


def _unchecked(change: Change, root: Path) -> frozenset[Unchecked]:
    return frozenset(
        one
        for path, inventory in read_lock_files(root)
        if path == change.lock_file
        for one in inventory.unchecked
    )


def _message(change: Change, version: str) -> str:
    title = change.title(version)
    if not version:
        title = f"Remove {change.package} {' and '.join(change.current)}"
    ends = ", ".join(change.advisories)
    return f"{title}\n\nEnds {ends}\nin {change.lock_file}. Made by ktlo check fix.\n"


def _tests(wish: Wish) -> str:
    """Run the tests; why they failed, or empty."""
    try:
        # A line for the shell, as the person wrote it; a group of its own, so that a late child ends with it.
        with subprocess.Popen(  # noqa: S602
            wish.test,
            shell=True,
            cwd=wish.root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as running:
            try:
                output, _ = running.communicate(timeout=wish.test_seconds)
            except BaseException as error:
                os.killpg(running.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    return f"they took longer than {wish.test_seconds:.0f} seconds"
                raise
    except OSError as error:
        return f"they cannot be started: {error.strerror}"
    if running.returncode == 0:
        return ""
    last = output.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"exit code {running.returncode}" + (f", {printable(last[0], 200)}" if last else "")
