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
from ktlo.guard.secrets.repository import path_outside

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
        home: the repository, when ``folder`` is a copy of an earlier state of it.
        output_variable: is set to a folder that is gone afterwards, when it is not empty.
    """

    folder: Path
    seconds: float
    variables: Mapping[str, str] = field(default_factory=dict)
    home: Path | None = None
    output_variable: str = ""


def find_program(name: str, root: Path, beside_root: str = "", home: Path | None = None) -> Path | None:
    """The program of a name: beside this Python, then on the PATH; one inside the repository does not count.

    Args:
        name: the program.
        root: the repository.
        beside_root: a place in the repository that does count, for linters that may run its code anyway.
        home: the repository, when ``root`` is a copy of an earlier state of it.
    """
    outside = path_outside(root, *([home] if home else []))
    within = [top.resolve() for top in (root, home) if top is not None]
    # What stands beside the Python that runs us is trusted as that is, wherever it lies.
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    if beside:
        return Path(beside)
    for place in outside.split(os.pathsep):
        found = shutil.which(name, path=place)
        if found and not any(Path(found).resolve().is_relative_to(top) for top in within):
            return Path(found)
    own = root / beside_root
    return own if beside_root and own.is_file() and os.access(own, os.X_OK) else None


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
        environment |= {
            "PATH": path_outside(around.folder, *([around.home] if around.home else [])),
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "NO_COLOR": "1",
        }
        if around.output_variable:
            environment[around.output_variable] = str(Path(home) / "made")
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


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs, and what it started."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_line(said: bytes) -> str:
    lines = (line.strip() for line in said.decode("utf-8", "replace").splitlines())
    return next((line[:300] for line in lines if line), "")
