"""Npm packages in which vendors publish what their APIs answer, installed once into a cache folder.

Nothing of them is kept in this repository.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SCHEMAS_OF_TYPES = {"ts-json-schema-generator": "2.4.0", "typescript": "5.9.3"}
"""Writes types of TypeScript as JSON Schema."""


QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")
SOON = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""Who has no network waits seconds, not minutes."""


class NotHadError(LookupError):
    """A package cannot be had: there is no network, no registry, or no program that asks for it."""


def where_had(make: Callable[[], T]) -> Callable[[], T | None]:
    """What is made of a package, once; ``None`` where it cannot be had, which is a failure where ``CI`` is set."""

    @functools.cache
    def made() -> T | None:
        try:
            return make()
        except NotHadError:
            if os.environ.get("CI"):
                raise
            return None

    return made


def cache_folder(name: str) -> Path:
    said = os.environ.get("KTLO_TEST_CACHE")
    base = (
        Path(said)
        if said
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ktlo-tests"
    )
    return base / name


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes a folder and lets nobody else in: tests run in several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(name: str, packages: Mapping[str, str], instead: Mapping[str, Any] | None = None) -> Path:
    """The node_modules folder with the pinned packages.

    Args:
        name: of the folder they are kept in.
        packages: versions by name.
        instead: npm's ``overrides``: what is installed instead of what a package depends on.

    Raises:
        NotHadError: there is no node, or npm cannot have them.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotHadError(f"node and npm are not installed: {', '.join(packages)} cannot be had")
    folder = cache_folder(name)
    said = {"name": "ktlo-tests", "private": True, "dependencies": packages}
    wanted = json.dumps({**said, **({"overrides": instead} if instead else {})}, indent=1)
    done = folder / "installed.json"
    with alone(folder):
        if not done.is_file() or done.read_text() != wanted:
            (folder / "package.json").write_text(wanted)
            ran = subprocess.run(
                ["npm", "install", *QUIETLY, *SOON],
                cwd=folder,
                capture_output=True,
                text=True,
            )
            if ran.returncode:
                raise NotHadError(f"npm install failed: {ran.stderr[-500:]}")
            done.write_text(wanted)
    return folder / "node_modules"


def described(modules: Path, mark: str, make: Callable[[Path], str]) -> dict[str, Any]:
    """What was made of the packages once, and again when it is made otherwise.

    Args:
        modules: the node_modules folder.
        mark: changes when it is made otherwise.
        make: writes it as JSON; gets the folder that holds ``modules``.
    """
    kept = modules.parent / "described.json"
    mark = f"{mark} {(modules.parent / 'installed.json').read_text()}"
    if kept.is_file() and (said := json.loads(kept.read_text())).get("mark") == mark:
        return said
    said = {"mark": mark, **json.loads(make(modules.parent))}
    beside = kept.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(said))
    beside.replace(kept)
    return said


def node(folder: Path, *arguments: str, **environment: str) -> str:
    """What a run of node in a folder writes."""
    ran = subprocess.run(
        ["node", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def schemas_of_types(folder: Path, text: str) -> str:
    """JSON Schema of the interface ``Published`` of a text in TypeScript; unknown properties are refused."""
    compiler = {"module": "esnext", "moduleResolution": "bundler", "target": "es2022", "skipLibCheck": True}
    (folder / "wanted.ts").write_text(text)
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": compiler, "files": ["wanted.ts"]}))
    options = ["--path", "wanted.ts", "--type", "Published", "--tsconfig", "tsconfig.json", "--no-type-check"]
    return node(folder, "node_modules/.bin/ts-json-schema-generator", *options)
