"""Runs the ``git`` program over a repository that may be hostile: nothing of its configuration is used.

Objects and index are lent to a git directory of our own in a temporary folder, so that hooks, filters, monitors,
text conversion and whatever else a ``.git/config`` can name never run; the person's configuration and the network
are left out. Source: ``GIT_OBJECT_DIRECTORY``, ``GIT_INDEX_FILE`` in git(1), gitrepository-layout(5).
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ktlo.errors import UserError

_CONFIG = (
    "[core]\n\trepositoryformatversion = 1\n\tbare = {bare}\n\thooksPath = /dev/null\n\tfsmonitor = false\n"
    "\tbigFileThreshold = 512m\n\tcommitGraph = false\n\tquotePath = false\n[protocol]\n\tallow = never\n"
    "[extensions]\n\tobjectFormat = {form}\n"
)
_OVERRIDES = (
    "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "core.alternateRefsCommand=", "-c", "protocol.allow=never", "-c", "core.pager=cat",
    "-c", "log.showSignature=false",
)  # fmt: skip
_OBJECT = re.compile(rb"[0-9a-f]{40,64}")
_ASK_SECONDS = 60


class GitProblemError(Exception):
    """Git could not say; the message is its complaint and holds nothing of any file."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on disk.

    Attributes:
        top: root of the working tree; the git directory itself when it is bare.
        folder: the git directory (of the worktree).
        common: the git directory that holds objects and refs.
        form: ``sha1`` or ``sha256``.
    """

    top: Path
    folder: Path
    common: Path
    form: str


def find_repository(root: Path) -> Repository | None:
    """The repository ``root`` is in; ``None`` when it is in none.

    Raises:
        GitProblemError: there is one, but git does not accept it.
    """
    resolved = root.resolve()
    for top in (resolved, *resolved.parents):
        folder = top / ".git"
        if folder.exists() or _is_bare(top):
            break
    else:
        return None
    start = folder if folder.exists() else top
    given = _ask(
        ["git", f"--git-dir={start}" if start.is_dir() else f"--git-dir={_linked(start)}", *_OVERRIDES,
         "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir", "--show-object-format"],
        top,
    )  # fmt: skip
    lines = given.decode("utf-8", "surrogateescape").splitlines()
    if len(lines) != 3 or lines[2] not in ("sha1", "sha256"):
        raise GitProblemError("git does not say where the repository's objects are")
    return Repository(top, Path(lines[0]), Path(lines[1]), lines[2])


def tips(repository: Repository) -> list[bytes]:
    """Objects that refs, stashes and HEAD point to.

    Raises:
        GitProblemError: git cannot list them.
    """
    prefix = ["git", f"--git-dir={repository.folder}", *_OVERRIDES]
    found = _ask([*prefix, "for-each-ref", "--format=%(objectname)"], repository.top).split()
    found.append(head(repository))
    with contextlib.suppress(GitProblemError):  # older stashes live in a reflog only
        found += _ask([*prefix, "rev-list", "-g", "--no-walk", "refs/stash", "--"], repository.top).split()
    return [one for one in dict.fromkeys(found) if _OBJECT.fullmatch(one)]


def head(repository: Repository) -> bytes:
    """The commit that is checked out; empty before the first commit."""
    prefix = ["git", f"--git-dir={repository.folder}", *_OVERRIDES]
    try:
        found = _ask([*prefix, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], repository.top).strip()
    except GitProblemError:
        return b""
    return found if _OBJECT.fullmatch(found) else b""


def resolve(repository: Repository, revision: str) -> str:
    """The commit that a revision names, hexadecimal; empty when git knows none."""
    prefix = ["git", f"--git-dir={repository.folder}", *_OVERRIDES]
    try:
        asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        found = _ask([*prefix, *asked], repository.top).strip()
    except (GitProblemError, ValueError):
        return ""
    return found.decode() if _OBJECT.fullmatch(found) else ""


class Git:
    """Git over our own folder with the repository's objects and index lent to it.

    Args:
        repository: the repository.
        folder: our git directory.
        seconds: time one run may take.
    """

    def __init__(self, repository: Repository, folder: Path, seconds: float) -> None:
        self.repository = repository
        self._folder = folder
        self._seconds = seconds
        self._environment = _environment(repository.top) | {
            "GIT_DIR": str(folder),
            "GIT_OBJECT_DIRECTORY": str(repository.common / "objects"),
            "GIT_INDEX_FILE": str(repository.folder / "index"),
        }

    @contextlib.contextmanager
    def running(
        self, *arguments: str, stdin: IO[bytes] | None = None, work_tree: Path | None = None
    ) -> Iterator[IO[bytes]]:
        """Start git and hand over its output; it has ended when the block ends.

        Raises:
            GitProblemError: it failed, or took longer than it may.
            UserError: there is no git program.
        """
        environment = self._environment | ({"GIT_WORK_TREE": str(work_tree)} if work_tree else {})
        late = threading.Event()
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    ["git", "--no-pager", *arguments],
                    stdin=stdin if stdin is not None else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    env=environment,
                    cwd=work_tree or self._folder,
                    bufsize=1 << 20,
                )
            except FileNotFoundError as error:
                raise _no_git() from error

            def end() -> None:
                late.set()
                process.kill()

            clock = threading.Timer(self._seconds, end)
            clock.daemon = True
            clock.start()
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is piped
            try:
                yield process.stdout
                left_early = bool(process.stdout.read(1))
            except BaseException:
                process.kill()
                raise
            finally:
                clock.cancel()
                process.stdout.close()
                code = process.wait()
            if late.is_set():
                raise GitProblemError(f"git took longer than {self._seconds:g} s")
            if code and not left_early:
                complaints.seek(0)
                raise GitProblemError(_complaint(complaints.read(4_096)))

    def ask(self, *arguments: str, work_tree: Path | None = None) -> bytes:
        """The whole output of a command.

        Raises:
            GitProblemError: it failed.
        """
        with self.running(*arguments, work_tree=work_tree) as output:
            return output.read()


@contextlib.contextmanager
def lent(repository: Repository, seconds: float) -> Iterator[Git]:
    """Git over a temporary folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ktlo-secrets-") as name:
        folder = Path(name)
        (folder / "objects").mkdir()
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n", "ascii")
        (folder / "config").write_text(_CONFIG.format(bare="false", form=repository.form), "ascii")
        boundary = shallow_boundary(repository)
        if boundary:
            (folder / "shallow").write_bytes(b"".join(commit + b"\n" for commit in boundary))
        yield Git(repository, folder, seconds)


def shallow_boundary(repository: Repository) -> list[bytes]:
    """Commits at which a shallow clone ends."""
    try:
        return [
            line for line in (repository.common / "shallow").read_bytes().split() if _OBJECT.fullmatch(line)
        ]
    except OSError:
        return []


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _linked(file: Path) -> str:
    """Git directory named by the ``.git`` file of a worktree or submodule."""
    try:
        head, _, target = file.read_bytes()[:4_096].decode("utf-8", "surrogateescape").partition(": ")
    except OSError as error:
        raise GitProblemError(f"the .git file cannot be read: {error.strerror}") from None
    if head != "gitdir":
        raise GitProblemError("the .git file does not name a git directory")
    return str(file.parent / target.strip("\n"))


def path_outside(*tops: Path) -> str:
    """The PATH without entries that lie in a repository or depend on where one stands: its ``git`` is not ours."""
    within = [top.resolve() for top in tops]
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [
        one
        for one in given
        if Path(one).is_absolute() and not any(Path(one).resolve().is_relative_to(top) for top in within)
    ]
    return os.pathsep.join(kept) or os.defpath


def _environment(top: Path) -> dict[str, str]:
    return {
        "PATH": path_outside(top),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def _ask(command: list[str], top: Path) -> bytes:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(top),
            check=False,
            timeout=_ASK_SECONDS,
        )
    except FileNotFoundError as error:
        raise _no_git() from error
    except subprocess.TimeoutExpired:
        raise GitProblemError(f"git took longer than {_ASK_SECONDS} s") from None
    if done.returncode:
        raise GitProblemError(_complaint(done.stderr))
    return done.stdout


def _complaint(said: bytes) -> str:
    first = next((line for line in said.decode("utf-8", "replace").splitlines() if line.strip()), "")
    return (
        f"git: {first.removeprefix('fatal: ').removeprefix('error: ')[:200] or 'it ended without saying why'}"
    )


def _no_git() -> UserError:
    return UserError(
        "the git program is not installed, or not on the PATH", where="git", fix="Install git 2.38 or newer"
    )
