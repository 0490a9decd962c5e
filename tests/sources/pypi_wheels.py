"""Wheels of PyPI that carry a vendor's description of its API, kept in the cache folder; never installed nor imported.

Nothing of them is kept in this repository.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from npm_packages import NotHadError, alone, cache_folder

DOWNLOAD = (
    *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
    *("--ignore-requires-python", "--retries", "1"),
)


def wheel(package: str) -> Path:
    """A package's wheel.

    Args:
        package: ``name==version``.

    Raises:
        NotHadError: pip cannot have it.
    """
    name, _, version = package.partition("==")
    folder, pattern = cache_folder(f"{name}-wheel"), f"{name.replace('-', '_')}-{version}-*.whl"
    with alone(folder):
        if not [*folder.glob(pattern)]:
            command = [*DOWNLOAD, "--dest", str(folder), package]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise NotHadError(f"pip download failed: {ran.stderr[-500:]}")
    return next(folder.glob(pattern))
