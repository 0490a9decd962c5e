"""How quickly and in how much memory the git source reads history, against git itself.

Usage: ``python benchmarks/git.py history REPOSITORY…`` for real repositories, or
``python benchmarks/git.py synthetic FOLDER [COMMITS]`` for one made by ``git fast-import`` (a million commits
when not said otherwise). Prints a ratio: seconds of a first collection's history over seconds of
``git log --numstat`` on the same commits, both measured in turn, the smallest of the rounds; and the peak
memory of this process and of git. No store is involved.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ktlo.sources.git import GitConfig, GitSource

ROUNDS = 2
FILES = 2_000


def plain(repository: Path) -> float:
    """Seconds of ``git log --numstat`` over what the source follows."""
    began = time.perf_counter()
    subprocess.run(
        ["git", "--git-dir", str(repository), "-c", "core.bare=true", "log", "--numstat", "HEAD"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - began


async def collected(repository: Path) -> tuple[float, float, int, int, float]:
    """Seconds of the history, of everything; commits, file changes; longest pause of the event loop."""
    pause = 0.0

    async def watch() -> None:
        nonlocal pause
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            pause = max(pause, time.perf_counter() - began - 0.005)

    watcher = asyncio.create_task(watch())
    began = time.perf_counter()
    history, commits, changes = 0.0, 0, 0
    async for batch in GitSource(GitConfig(path=str(repository))).collect({}):
        if "commits" in batch.rows:
            history = time.perf_counter() - began
            commits += batch.rows["commits"].num_rows
        if "file_changes" in batch.rows:
            changes += batch.rows["file_changes"].num_rows
    watcher.cancel()
    return history, time.perf_counter() - began, commits, changes, pause


def measure(repository: Path) -> None:
    """Print one line about one repository."""
    plains, histories, alls = [], [], []
    commits = changes = 0
    pause = 0.0
    for _ in range(ROUNDS):
        plains.append(plain(repository))
        history, everything, commits, changes, pause = asyncio.run(collected(repository))
        histories.append(history)
        alls.append(everything)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    git = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{repository}: {commits} commits, {changes} changes; history / git log --numstat ="
        f" {min(histories) / min(plains):.2f} ({min(histories):.1f} s / {min(plains):.1f} s);"
        f" everything {min(alls):.1f} s; peak {own:.0f} MiB, git {git:.0f} MiB;"
        f" longest pause {pause * 1000:.0f} ms"
    )


def _stream(commits: int) -> Iterator[bytes]:
    """A history for fast-import: small changes to some thousand files, one merge in fifty commits."""
    dice = random.Random(5856)
    contents = [dice.randbytes(8).hex() for _ in range(FILES)]
    at = 1_000_000_000
    for number in range(1, commits + 1):
        at += dice.randrange(1, 600)
        who = dice.randrange(500)
        message = f"fix: change number {number}\n\nWhat it does and why, in a line or two.\n".encode()
        yield (
            f"commit refs/heads/main\nmark :{number}\nauthor Dev {who} <dev{who}@example.org> {at} +0100\n"
            f"committer Dev {who} <dev{who}@example.org> {at} +0100\ndata {len(message)}\n"
        ).encode() + message
        if number > 2 and number % 50 == 0:
            yield f"from :{number - 1}\nmerge :{number - 2}\n".encode()
            continue
        for _ in range(dice.randrange(1, 4)):
            which = dice.randrange(FILES)
            contents[which] = contents[which][-400:] + f"\nline {number} {dice.random()}"
            body = contents[which].encode()
            yield f"M 100644 inline src/d{which % 40}/f{which}.py\ndata {len(body)}\n".encode() + body + b"\n"
    yield b"done\n"


def make(folder: Path, commits: int) -> Path:
    """Make the synthetic repository, once."""
    repository = folder / f"synthetic-{commits}.git"
    if not repository.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(repository)], check=True)
        with subprocess.Popen(
            ["git", "--git-dir", str(repository), "fast-import", "--quiet", "--done"], stdin=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            for piece in _stream(commits):
                process.stdin.write(piece)
            process.stdin.close()
        if process.returncode != 0:
            sys.exit("git fast-import failed")
    return repository


if __name__ == "__main__":
    os.nice(5)
    if sys.argv[1:2] == ["synthetic"] and len(sys.argv) >= 3:
        count = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
        measure(make(Path(sys.argv[2]), count))
    elif sys.argv[1:2] == ["history"] and len(sys.argv) >= 3:
        for named in sys.argv[2:]:
            measure(Path(named))
    else:
        sys.exit(__doc__)
