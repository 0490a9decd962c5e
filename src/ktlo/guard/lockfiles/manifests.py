"""Manifests that no lock file covers: what they ask for has no exact version, so it cannot be checked.

``walk`` notes what lock files were read and for which folders; this module says which manifests are left, each with
the command that makes the lock file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ktlo.guard.lockfiles import cargo, npm_names, python_names
from ktlo.guard.lockfiles.documents import parse_json, parse_toml
from ktlo.guard.lockfiles.protocol import LockFile, Reading
from ktlo.guard.lockfiles.shapes import table, text


@dataclass(frozen=True, slots=True)
class Manifest:
    """One kind of manifest.

    Attributes:
        ecosystem: of the lock files that cover it.
        pattern: matches its file name.
        asks: names it asks for, as the ecosystem normalises them; raises ``UnreadableError``. The empty name stands for
            "something, without a name".
        command: what makes its lock file.
    """

    ecosystem: str
    pattern: re.Pattern[str]
    asks: Callable[[LockFile], Iterable[str]]
    command: str


@dataclass(slots=True)
class Coverage:
    """Which folders and packages lock files were read for.

    Attributes:
        folders: (ecosystem, folder) of lock files, with the names each folder's lock files have.
        complete: (ecosystem, folder) for which a lock file answers for everything its manifest asks for.
        packages: (ecosystem, name) of the project's own packages that a lock file names.
    """

    folders: dict[tuple[str, PurePosixPath], set[str]] = field(default_factory=dict)
    complete: set[tuple[str, PurePosixPath]] = field(default_factory=set)
    packages: set[tuple[str, str]] = field(default_factory=set)

    def note(
        self, ecosystem: str, path: PurePosixPath, reading: Reading | None, *, is_complete: bool
    ) -> None:
        """Notes one lock file; a reading of ``None`` is a lock file that could not be read and is listed as such."""
        folder = path.parent
        names = self.folders.setdefault((ecosystem, folder), set())
        if is_complete or reading is None:
            self.complete.add((ecosystem, folder))
        if reading is None:
            return
        names.update(dependency.name.casefold() for dependency in reading.dependencies)
        names.update(member.casefold() for member in reading.members)
        for member in reading.members:
            self.packages.add((ecosystem, member))
            if is_complete:
                self.complete.add((ecosystem, _joined(folder, member)))

    def missing(
        self, manifest: Manifest, path: PurePosixPath, asked: set[str], name: str
    ) -> list[str] | None:
        """Names that no lock file has; ``None`` when all are covered."""
        if (manifest.ecosystem, path.parent) in self.complete or (
            name and (manifest.ecosystem, name) in self.packages
        ):
            return None
        locked = self.folders.get((manifest.ecosystem, path.parent), set())
        left = sorted(name for name in asked if name.casefold() not in locked)
        return left or None


def _joined(folder: PurePosixPath, member: str) -> PurePosixPath:
    parts: list[str] = []
    for part in (folder / member).parts:
        if part == "..":
            if not parts:
                return folder
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def own_name(manifest: Manifest, file: LockFile) -> str:
    """The package's own name, for ecosystems whose lock files name packages instead of folders."""
    if manifest.ecosystem != "crates.io":
        return ""
    return text(table(parse_toml(file.text()), "package"), "name")


def _package_json(file: LockFile) -> Iterable[str]:
    asked = npm_names.declared_in(parse_json(file.text())).everything()
    return [name for name, wanted in asked.items() if not wanted.startswith("workspace:")]


def _pyproject(file: LockFile) -> Iterable[str]:
    return python_names.declared_in(parse_toml(file.text())).production


def _setup_py(file: LockFile) -> Iterable[str]:
    return [""] if "install_requires" in file.text() else []  # never run: what it asks for is not known


def _pipfile(file: LockFile) -> Iterable[str]:
    content = parse_toml(file.text())
    return [
        python_names.normalised(name) for key in ("packages", "dev-packages") for name in table(content, key)
    ]


def _cargo_toml(file: LockFile) -> Iterable[str]:
    content = parse_toml(file.text())
    return cargo.declared_in(content) | cargo.declared_in(table(content, "workspace"))


_GEM = re.compile(r"""^[ \t]*gem[ \t(]+["']([^"'\n]+)["']""", re.MULTILINE)


def _gemfile(file: LockFile) -> Iterable[str]:
    return _GEM.findall(file.text())


def _composer_json(file: LockFile) -> Iterable[str]:
    content = parse_json(file.text())
    names = [*table(content, "require"), *table(content, "require-dev")]
    return [name.lower() for name in names if "/" in name]  # php and ext-* are the platform


_GRADLE = re.compile(
    r"^[ \t]*(?:api|implementation|compile|compileOnly|runtimeOnly|classpath|testImplementation|kapt|ksp)\b[ \t(]",
    re.MULTILINE,
)


def _gradle(file: LockFile) -> Iterable[str]:
    return [""] if _GRADLE.search(file.text()) else []


def _msbuild(file: LockFile) -> Iterable[str]:
    return re.findall(
        r"""<PackageReference\b[^>]{0,500}?\bInclude\s*=\s*["']([^"']{1,200})["']""", file.text()
    )


_NPM = "npm install --package-lock-only (or yarn, pnpm, bun install)"
MANIFESTS: tuple[Manifest, ...] = (
    Manifest("npm", re.compile(r"package\.json"), _package_json, _NPM),
    Manifest("PyPI", re.compile(r"pyproject\.toml"), _pyproject, "uv lock (or poetry lock, pdm lock)"),
    Manifest("PyPI", re.compile(r"setup\.(?:py|cfg)"), _setup_py, "pip-compile --generate-hashes"),
    Manifest("PyPI", re.compile(r"Pipfile"), _pipfile, "pipenv lock"),
    Manifest("crates.io", re.compile(r"Cargo\.toml"), _cargo_toml, "cargo generate-lockfile"),
    Manifest("RubyGems", re.compile(r"Gemfile|gems\.rb"), _gemfile, "bundle lock"),
    Manifest("Packagist", re.compile(r"composer\.json"), _composer_json, "composer update --no-install"),
    Manifest("Maven", re.compile(r"build\.gradle(?:\.kts)?"), _gradle, "gradle dependencies --write-locks"),
    Manifest("NuGet", re.compile(r".*\.(?:cs|fs|vb)proj"), _msbuild, "dotnet restore --use-lock-file"),
)


def manifest_of(name: str) -> Manifest | None:
    """The kind of manifest a file name belongs to."""
    return next((manifest for manifest in MANIFESTS if manifest.pattern.fullmatch(name)), None)
