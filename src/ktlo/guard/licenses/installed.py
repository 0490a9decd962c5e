"""Licences of installed packages: what lock files do not tell, their metadata does. Nothing is imported or run.

Read from ``*.dist-info/METADATA`` of a Python environment and ``package.json`` below ``node_modules``, within limits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ktlo.guard.lockfiles.license_field import license_of, license_of_metadata
from ktlo.guard.lockfiles.python_names import normalised

_MOST = 200_000
_LARGEST = 1 << 20
Package = tuple[str, str, str]
"""Ecosystem, name and version."""


def installed_licenses(root: Path, folders: Sequence[str]) -> dict[Package, str]:
    """Licence of every package that is installed in some folders of a repository.

    Args:
        root: the repository.
        folders: relative to it; one that is not there or leads out of it is passed over.
    """
    found: dict[Package, str] = {}
    within = root.resolve()
    for folder in folders:
        top = root / folder
        try:
            inside = top.is_dir() and top.resolve().is_relative_to(within)
        except (OSError, RuntimeError):
            continue
        if inside:
            for package, said in _packages(top):
                if said:
                    found.setdefault(package, said)
    return found


def _packages(top: Path) -> Iterator[tuple[Package, str]]:
    for looked_at, (folder, names, files) in enumerate(os.walk(top, followlinks=False)):
        if looked_at > _MOST:
            return
        place = Path(folder)
        if "METADATA" in files and place.name.endswith(".dist-info"):
            yield from _python(place / "METADATA")
            names.clear()
        elif "package.json" in files and "node_modules" in place.parts:
            yield from _node(place / "package.json")


def _python(file: Path) -> Iterator[tuple[Package, str]]:
    headers: list[tuple[str, str]] = []
    for line in _start(file).decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        key, sign, value = line.partition(":")
        if sign and not key.startswith((" ", "\t")):
            headers.append((key.strip().lower(), value.strip()))
    said = dict(reversed(headers))
    if said.get("name") and said.get("version"):
        yield ("PyPI", normalised(said["name"]), said["version"]), license_of_metadata(headers)


def _node(file: Path) -> Iterator[tuple[Package, str]]:
    try:
        content = json.loads(_start(file))
    except (ValueError, RecursionError):
        return
    if isinstance(content, dict) and isinstance(content.get("name"), str):
        version = content.get("version")
        if isinstance(version, str):
            said = license_of(content.get("license")) or license_of(content.get("licenses"))
            yield ("npm", content["name"], version), said


def _start(file: Path) -> bytes:
    try:
        if file.is_symlink() or not file.is_file():
            return b""
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError:
        return b""
