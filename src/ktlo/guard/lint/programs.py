"""Finds and runs other people's programs: never one that lies in the repository, never longer or louder than allowed.

The environment that a program gets is ours: no token of the CI system, no configuration of the person's. What it
writes goes to temporary files, of which no more than the limit is read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ktlo.guard.lint.remark import LintError

LARGEST_OUTPUT = 256 << 20
_KEPT = ("LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program gave.

    Attributes:
        code: exit code.
        output: standard output.
        complaint: first line of standard error that says something.
    """

    code: int
    output: bytes
    complaint: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a program runs.

    Attributes:
        folder: the working directory.
        seconds: time it may take.
        variables: environment variables besides PATH.
    """

    folder: Path
    seconds: float
    variables: Mapping[str, str] = field(default_factory=dict)


def find_program(name: str, root: Path, beside_root: str = "") -> Path | None:
    """The program of a name: beside this Python, then on the PATH; one inside the repository does not count.

    Args:
        name: the program.
        root: the repository.
        beside_root: a place in the repository that does count, for linters that may run its code anyway.
    """
    places = [str(Path(sys.executable).parent)]
    places += [one for one in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(one).is_absolute()]
    within = root.resolve()
    for place in places:
        found = shutil.which(name, path=place)
        if found and not Path(found).resolve().is_relative_to(within) and not _is_below(place, within):
            return Path(found)
    own = root / beside_root
    return own if beside_root and own.is_file() and os.access(own, os.X_OK) else None


def _is_below(place: str, within: Path) -> bool:
    return Path(place).resolve().is_relative_to(within)


def run_program(command: Sequence[str], around: Surroundings) -> Ran:
    """Run a program to its end.

    Raises:
        LintError: it cannot be started, took too long, or wrote too much.
    """
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as complaints,
        tempfile.TemporaryDirectory(prefix="ktlo-home-") as home,
    ):
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"PATH": _path(), "HOME": home, "XDG_CONFIG_HOME": home, "NO_COLOR": "1"}
        try:
            process = subprocess.Popen(
                command,
                cwd=around.folder,
                env=environment | dict(around.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaints,
                start_new_session=True,
            )
        except OSError as error:
            raise LintError(f"{command[0]} cannot be started: {error.strerror}") from None
        try:
            code = process.wait(around.seconds)
        except subprocess.TimeoutExpired:
            raise LintError(f"it took longer than {around.seconds:g} s") from None
        finally:
            _end(process)
        if output.seek(0, os.SEEK_END) > LARGEST_OUTPUT:
            raise LintError(f"it wrote more than {LARGEST_OUTPUT >> 20} MiB")
        output.seek(0)
        complaints.seek(0)
        return Ran(code, output.read(), _first_line(complaints.read(16_384)))


def _path() -> str:
    """The PATH without entries that depend on where one stands."""
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(one for one in given if Path(one).is_absolute())


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs, and what it started."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_line(said: bytes) -> str:
    lines = (line.strip() for line in said.decode("utf-8", "replace").splitlines())
    return next((line[:300] for line in lines if line), "")
