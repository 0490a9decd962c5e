"""The repository that is mended: clean at the start, one commit a change, and exactly that change taken back.

Commits are made on the branch that is checked out; nothing is ever pushed. Hooks do not run: the tests between the
changes are the ones that were asked for.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ktlo.errors import UserError
from ktlo.guard.lockfiles.wording import printable

_SECONDS = 120


class WorkTree:
    """A git repository's working tree.

    Args:
        root: folder in it that is mended.

    Raises:
        UserError: git is missing, or the folder is in no repository.
    """

    def __init__(self, root: Path) -> None:
        if shutil.which("git") is None:
            raise UserError("the git program is not on the PATH", fix="Install git")
        self._folder = root
        self.top = Path(self._git("rev-parse", "--show-toplevel").strip())
        self._folder = self.top

    def require_clean(self) -> None:
        """Refuse to work among somebody's own changes.

        Raises:
            UserError: there are changes or new files.
        """
        left = self.changed()
        if left:
            named = ", ".join(printable(one, 60) for one in sorted(left)[:3])
            raise UserError(
                f"the working tree has changes of yours ({named}{', …' if len(left) > 3 else ''})",
                fix="Commit or stash them first: what fails is taken back by git",
            )
        self._git("rev-parse", "--verify", "HEAD")

    def changed(self) -> frozenset[str]:
        """Paths that differ from the last commit, new files included, ignored ones not; relative to the top."""
        told = self._git("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return frozenset(part[3:] for part in told.split("\0") if len(part) > 3)

    def commit(self, paths: Iterable[str], message: str) -> str:
        """Commit these paths and nothing else; gives the abbreviated commit.

        Raises:
            UserError: git refuses, for want of a name for instance.
        """
        named = sorted(paths)
        self._git("add", "--", *named)
        self._git("commit", "--quiet", "--no-verify", "--only", "--message", message, "--", *named)
        return self._git("rev-parse", "--short", "HEAD").strip()

    def untracked(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the paths that the last commit does not have."""
        known = set(self._git("ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0"))
        return frozenset(paths) - known

    def take_back(self, paths: Iterable[str]) -> None:
        """Bring these paths back to the last commit; new files go."""
        named = sorted(paths)
        new = self.untracked(named)
        old = [one for one in named if one not in new]
        if old:
            self._git("restore", "--source=HEAD", "--staged", "--worktree", "--", *old)
        for one in sorted(new):
            self._git("rm", "--quiet", "--cached", "--ignore-unmatch", "--", one)
            (self.top / one).unlink(missing_ok=True)

    def start_branch(self, name: str) -> None:
        """Make a branch here and go on in it.

        Raises:
            UserError: there is one of that name, or it is no name.
        """
        self._git("switch", "--quiet", "--create", name)

    def _git(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [
                    "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false",
                    "--literal-pathspecs", *arguments,
                ],
                cwd=self._folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise UserError(f"git {arguments[0]} took longer than {_SECONDS} seconds") from None
        if done.returncode != 0:
            words = printable(done.stderr.decode("utf-8", "replace").strip(), 300)
            raise UserError(f"git {arguments[0]} failed: {words}", where=str(self._folder))
        return done.stdout.decode("utf-8", "surrogateescape")
