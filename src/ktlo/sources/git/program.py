"""Runs the ``git`` program, and makes sure that a hostile repository cannot run anything through it.

Whatever the repository's own configuration says about hooks, pagers, monitors, external diffs, text
conversion, signatures or remotes is overridden on the command line, the person's configuration and
environment are left out, and no protocol is allowed: reading never leaves the machine. Options as
documented in git-config(1) and git(1); git 2.38 or newer is needed for ``safe.directory`` to be accepted.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ktlo.errors import SourceError, UserError
from ktlo.sources.git.text import text

BIG_FILE = 16 * 1024 * 1024
"""Bytes from which git treats a file as binary and never loads it to compare lines."""

_OVERRIDES = {
    "safe.directory": "*",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.alternateRefsCommand": "",
    "core.attributesFile": "/dev/null",
    "core.bare": "true",  # the work tree is never looked at: a clone and its bare twin give the same numbers
    "core.bigFileThreshold": str(BIG_FILE),
    "core.quotePath": "false",
    "core.commitGraph": "false",  # a stale or forged graph must not decide what history is
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "log.showSignature": "false",  # would start gpg.program
    "log.showRoot": "true",
    "log.follow": "false",
    "log.decorate": "no",
    "log.diffMerges": "off",
    "color.ui": "false",
    "diff.external": "",
    "diff.orderFile": "/dev/null",
    "diff.algorithm": "default",
    "diff.renames": "true",
    "diff.renameLimit": "1000",
    "diff.relative": "false",
    "diff.submodule": "short",
    "diff.ignoreSubmodules": "none",
    "mailmap.file": "",
    "i18n.logOutputEncoding": "UTF-8",
}
_CHUNK = 1 << 18
SILENCE = 600.0
"""Seconds in which git neither answers nor reports before it is ended: a pipe or a device among the
repository's files, or a dead network drive, would keep it waiting for ever."""
OPENING = 20.0
"""Seconds that a command may take which only looks whether a repository is there."""
_MISSING = UserError(
    "the git program is not installed, or not on the PATH",
    where="git",
    fix="Install git 2.38 or newer (apt-get install git, brew install git)",
)


class GitError(SourceError):
    """The git program failed; ``what`` is its first complaint.

    Attributes:
        by_itself: False when it was killed (by us, by a person, for want of memory): then what it was
            reading is not to blame.
    """

    def __init__(self, what: str, *, where: str = "", by_itself: bool = True) -> None:
        super().__init__(what, where=where)
        self.by_itself = by_itself


class SilentError(GitError):
    """The git program neither answered nor reported for :data:`SILENCE` seconds, and was ended."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"git was silent for {SILENCE:.0f} s and was ended: a pipe or a device lies among the"
            " repository's files, or the drive or network it is on does not answer",
            where=where,
            by_itself=False,
        )
        self.fix = "Nothing is lost; the next run continues once it answers"


def offline_environment() -> dict[str, str]:
    """Environment for reading: no configuration but ours, no prompts, no network, English messages."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
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


def complaint(stderr: bytes) -> str:
    """What git complained of first, without its ``fatal:``; a stock sentence when it said nothing."""
    lines = [line.strip() for line in text(stderr).splitlines() if line.strip()]
    for word in ("fatal: ", "error: "):
        for line in lines:
            if line.startswith(word):
                return line.removeprefix(word)[:300]
    return lines[-1][:300] if lines else "git stopped without saying why"


class Git:
    """One repository, read through the git program.

    Args:
        folder: the git directory (``.git``, or the folder of a bare repository).
        environment: environment of the program; the offline one when not given.

    Every process that is running can be ended from another thread with :meth:`stop`.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = dict(environment or offline_environment())
        self._prefix = ["git", f"--git-dir={folder}", "--no-pager"]
        for key, value in _OVERRIDES.items():
            self._prefix += ["-c", f"{key}={value}"]
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    def elsewhere(self, folder: Path, environment: Mapping[str, str] | None = None) -> Git:
        """Git over another folder, offline, with these variables more.

        It shares this one's processes: :meth:`stop` of either ends those of both.
        """
        twin = Git(folder, offline_environment() | dict(environment or {}))
        twin._running, twin._guard, twin._stopped = self._running, self._guard, self._stopped
        return twin

    def stop(self) -> None:
        """End every running process and start no other; what waits for one gets a GitError."""
        with self._guard:
            self._stopped.set()
            for process in self._running:
                process.kill()

    def start(self, *arguments: str | bytes, stdin: IO[bytes] | None = None, stderr: IO[bytes]) -> Running:
        """Start git and hand over its standard output. Used by the methods below and by blob reading."""
        with self._guard:
            if self._stopped.is_set():
                raise GitError("the collection was stopped", where=str(self.folder), by_itself=False)
            try:
                process = subprocess.Popen(
                    [*self._prefix, *arguments],
                    stdin=stdin if stdin is not None else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=self._environment,
                    pipesize=1 << 20,
                    bufsize=0,
                )
            except FileNotFoundError as error:
                raise _MISSING from error
            self._running.add(process)
        return Running(process, self._running, self._guard, _Watched(process, stderr, self.folder))

    def stream(self, *arguments: str | bytes, stdin: Iterable[bytes] = ()) -> Generator[bytes, None, None]:
        """Yield the output piece by piece (any size), with ``stdin`` lines as input.

        Raises:
            GitError: git ended with an error; raised after all of its output was yielded.
            UserError: there is no git program.
        """
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
            given.writelines(line + b"\n" for line in stdin)
            given.seek(0)
            with self.start(*arguments, stdin=given, stderr=errors) as running:
                while piece := running.output.read1(_CHUNK):
                    yield piece
                code = running.process.wait()
            if code != 0:
                errors.seek(0)
                raise GitError(complaint(errors.read()), where=str(self.folder), by_itself=code > 0)

    def run(self, *arguments: str | bytes, stdin: Iterable[bytes] = ()) -> bytes:
        """Return the whole output; for commands that say little.

        Raises:
            GitError: git ended with an error.
        """
        return b"".join(self.stream(*arguments, stdin=stdin))

    def ask(self, *arguments: str) -> str:
        """Return the output as one stripped string; empty when git ends with an error."""
        with contextlib.suppress(GitError):
            return text(self.run(*arguments)).strip()
        return ""


class _Watched(io.RawIOBase):
    """A process's output that ends with an error when the process falls silent.

    Args:
        process: as started, its output unbuffered.
        stderr: the file that gets its complaints and its progress, which counts as a sign of life.
        where: the repository.
    """

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes], where: Path) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is piped
        self._process, self._stderr, self._where = process, stderr, where
        self._pipe = process.stdout
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        said = -1
        while not self._poll.poll(SILENCE * 1000):
            if said == (said := os.fstat(self._stderr.fileno()).st_size):
                self._process.kill()
                raise SilentError(str(self._where))
        data = os.read(self._pipe.fileno(), len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._pipe.close()
        super().close()


class Running:
    """A started process that is ended with its ``with`` block."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        all_running: set[subprocess.Popen[bytes]],
        guard: threading.Lock,
        output: io.RawIOBase,
    ) -> None:
        self.process = process
        self.output = io.BufferedReader(output, _CHUNK)
        self._all, self._guard = all_running, guard

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.output.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with self._guard:
            self._all.discard(self.process)


def run_plain(command: list[str], environment: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Run one command that needs no repository yet: exit code, output, complaints.

    Raises:
        UserError: there is no git program, or it does not end within ``OPENING``.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(environment),
            check=False,
            timeout=OPENING,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"git does not come back within {OPENING:.0f} s: a pipe or a device lies among the repository's"
            " files, or the drive it is on does not answer",
            fix="Look at .git/config (include.path) and .git/objects/info/alternates, then try again",
        ) from error
    except FileNotFoundError as error:
        raise _MISSING from error
    return done.returncode, done.stdout, done.stderr
