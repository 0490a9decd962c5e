"""Npm packages in which vendors publish what their APIs answer, installed once into a cache folder.

Nothing of them is kept in this repository.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


def cache_folder(name: str) -> Path:
    said = os.environ.get("KTLO_TEST_CACHE")
    base = (
        Path(said)
        if said
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ktlo-tests"
    )
    return base / name


def install(name: str, packages: Mapping[str, str]) -> Path:
    """The node_modules folder with the pinned packages.

    Args:
        name: of the folder they are kept in.
        packages: versions by name.

    Raises:
        LookupError: there is no node, or npm cannot have them.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        raise LookupError(f"node and npm are not installed: {', '.join(packages)} cannot be had")
    folder = cache_folder(name)
    wanted = json.dumps({"name": "ktlo-tests", "private": True, "dependencies": packages}, indent=1)
    done = folder / "installed.json"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not done.is_file() or done.read_text() != wanted:
            (folder / "package.json").write_text(wanted)
            ran = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
                cwd=folder,
                capture_output=True,
                text=True,
            )
            if ran.returncode:
                raise LookupError(f"npm install failed: {ran.stderr[-500:]}")
            done.write_text(wanted)
    return folder / "node_modules"
