"""What npm, yarn, pnpm and bun share: kinds of specifier, and what ``package.json`` beside a lock file asks for.

Specifiers as in npm's "package spec" documentation: ``npm:name@range`` (another name), ``git+ssh://…#commit``,
``github:owner/name``, ``https://…tgz``, ``file:…``, ``link:…``, ``portal:…``, ``workspace:…``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import parse_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import LockFile, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, table

PRODUCTION = ("dependencies", "optionalDependencies", "peerDependencies")
_INSTALLED = ("dependencies", "optionalDependencies", "devDependencies")
DEVELOPMENT = ("devDependencies",)
_GIT = re.compile(r"(?:git[+:@]|ssh:|github:|gitlab:|bitbucket:|gist:|git\b)|https?://[^#]+\.git(?:#|$)")
_LOCAL = ("file:", "link:", "portal:", "./", "../", "/", "~/")
_SHORT_GIT = re.compile(r"[\w.-]+/[\w.-]+(?:#.*)?")
# Registries serve a package's archive below /-/ (npm's own and its mirrors) or /download/ (GitHub Packages).
_ARCHIVE = re.compile(r"/-/(?P<file>[^/]+)\.tgz(?:[?#]|$)")
_REGISTRY_PATH = re.compile(r"/-/|/download/")


@dataclass(frozen=True, slots=True)
class Declared:
    """Names that a manifest asks for, with the range or address it gives."""

    production: dict[str, str]
    development: dict[str, str]

    def everything(self) -> dict[str, str]:
        """Both together."""
        return {**self.development, **self.production}


def declared_in(manifest: Table) -> Declared:
    """What a ``package.json`` (or an importer of the same shape) asks for."""

    def collected(keys: tuple[str, ...]) -> dict[str, str]:
        return {name: str(asked) for key in keys for name, asked in table(manifest, key).items()}

    production = collected(PRODUCTION)
    return Declared(production, {n: r for n, r in collected(DEVELOPMENT).items() if n not in production})


def manifest_beside(file: LockFile, folder: str = ".") -> Table | None:
    """The ``package.json`` in a folder relative to the lock file's; ``None`` when it is missing or unreadable."""
    path = file.path.parent / PurePosixPath(folder) / "package.json"
    try:
        data = file.tree.read(path)
        return parse_json(LockFile(path, data, file.tree, file.limits).text())
    except UnreadableError:
        return None


def compare_manifest(
    gathering: Gathering, file: LockFile, folder: str, locked: Collection[str], command: str
) -> None:
    """Lists what a folder's ``package.json`` asks for and its part of the lock file lacks: then it proves nothing."""
    manifest = manifest_beside(file, folder)
    if manifest is None:
        return
    where = "package.json" if folder == "." else f"{folder}/package.json"
    # A peer is asked of whoever uses the package, so lock files need not have it.
    for name in sorted({n for kind in _INSTALLED for n in table(manifest, kind)}.difference(locked)):
        gathering.leave(name, f"{where} asks for it but the lock file does not have it: run {command}")


def is_own_folder(file: LockFile, address: str) -> bool:
    """True when a local address is a folder with a manifest inside the checked tree: the project's own code."""
    folder = address.partition(":")[2] if address.startswith(("file:", "link:", "portal:")) else address
    folder = folder.partition("::")[0].partition("#")[0]
    return file.tree.exists(file.path.parent / folder / "package.json")


def origin_of(spec: str) -> Origin:
    """Where a specifier or resolved address points."""
    if spec.startswith(_LOCAL):
        return Origin.LOCAL
    if _GIT.match(spec) or _SHORT_GIT.fullmatch(spec):
        return Origin.GIT
    if spec.startswith(("http:", "https:")):
        return Origin.REGISTRY if _REGISTRY_PATH.search(spec) else Origin.URL
    return Origin.REGISTRY


def wrong_archive(name: str, version: str, resolved: str) -> bool:
    """True when the address is a registry's archive of another package or version than the entry says.

    A lock file that names one version and fetches another passes every gate that only reads names.
    """
    match = _ARCHIVE.search(resolved)
    if match is None:
        return False
    expected = f"{name.rpartition('/')[2]}-{version.partition('+')[0]}"
    return unquote(match["file"]).partition("+")[0] != expected


def split_name(text: str) -> tuple[str, str]:
    """``@scope/name@rest`` as (name, rest); rest is empty without an ``@`` after the name."""
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])
