"""Lends a repository's objects to a git directory of our own, so that its configuration is never read.

Overriding settings one by one is not enough: some cannot be unset (``blame.ignoreRevsFile``), and new ones
appear. Objects are named by what they contain, so nothing is lost: refs are read before. Source:
``GIT_OBJECT_DIRECTORY`` in git(1), and gitrepository-layout(5).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ktlo.sources.git.program import Git
from ktlo.sources.git.tips import Cut

_CONFIG = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = {form}\n"


@contextlib.contextmanager
def isolated(git: Git, cut: Cut) -> Iterator[Git]:
    """The same commits, trees and blobs, without refs, configuration, attributes, hooks or grafts.

    Args:
        git: the repository.
        cut: where its history is cut; the same holds inside.

    Yields:
        Git over a temporary folder that is gone afterwards. :meth:`Git.stop` of either ends both.
    """
    form = git.ask("rev-parse", "--show-object-format") or "sha1"
    objects = git.ask("rev-parse", "--path-format=absolute", "--git-path", "objects")
    with tempfile.TemporaryDirectory(prefix="ktlo-git-") as name:
        folder = Path(name)
        (folder / "objects").mkdir()
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n", "ascii")
        (folder / "config").write_text(_CONFIG.format(form=form), "ascii")
        if cut.boundary:
            (folder / "shallow").write_text("".join(f"{commit}\n" for commit in cut.boundary), "ascii")
        yield git.elsewhere(folder, {"GIT_OBJECT_DIRECTORY": objects})
