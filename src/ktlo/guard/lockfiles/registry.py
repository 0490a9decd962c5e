"""Every lock file format ktlo reads, and the names of those it knows but cannot read yet.

A format is one module and one line here. A file of ``UNREAD`` is listed as unchecked: an ecosystem nobody looked at
must not pass as clean.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate
from functools import cache

from ktlo.guard.lockfiles import (
    bill_of_materials,
    bun,
    cargo,
    composer,
    gemfile,
    go_mod,
    gradle,
    installed_python,
    maven_pom,
    maven_tree,
    nuget,
    package_lock,
    pdm,
    pipfile,
    pnpm,
    poetry,
    pylock,
    requirements,
    system_packages,
    uv,
    yarn,
)
from ktlo.guard.lockfiles.protocol import Format

FORMATS: tuple[Format, ...] = (
    requirements.FORMAT,
    requirements.IN_FOLDER,
    poetry.FORMAT,
    uv.FORMAT,
    pdm.FORMAT,
    pipfile.FORMAT,
    pylock.FORMAT,
    package_lock.FORMAT,
    yarn.FORMAT,
    pnpm.FORMAT,
    bun.FORMAT,
    bun.BINARY,
    go_mod.FORMAT,
    cargo.FORMAT,
    maven_pom.FORMAT,
    maven_tree.FORMAT,
    gradle.FORMAT,
    gradle.IN_FOLDER,
    composer.FORMAT,
    gemfile.FORMAT,
    nuget.FORMAT,
    bill_of_materials.FORMAT,
    bill_of_materials.OTHER,
    installed_python.FORMAT,
    system_packages.DPKG,
    system_packages.DISTROLESS,
    system_packages.APK,
)

UNREAD: dict[str, str] = {
    "mix.lock": "Elixir's mix",
    "rebar.lock": "Erlang's rebar3",
    "pubspec.lock": "Dart's pub",
    "podfile.lock": "CocoaPods",
    "cartfile.resolved": "Carthage",
    "package.resolved": "Swift's package manager",
    "conan.lock": "Conan",
    "vcpkg.json": "vcpkg",
    "packages.config": "NuGet's packages.config",
    "paket.lock": "Paket",
    "renv.lock": "R's renv",
    "stack.yaml.lock": "Haskell's stack",
    "cabal.project.freeze": "Haskell's cabal",
    "deno.lock": "Deno",
    "conda-lock.yml": "conda-lock",
    "environment.yml": "conda",
    "pixi.lock": "pixi",
    "glide.lock": "Go's glide",
    "gopkg.lock": "Go's dep",
    "rush-lock.yaml": "Rush",
    "shard.lock": "Crystal's shards",
    "cpanfile.snapshot": "Perl's carton",
    "module.bazel.lock": "Bazel",
    "build.sbt": "sbt",
}
"""Lower-case file names of known package managers without a reader."""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Format], ...]:
    return tuple(
        (re.compile(translate(pattern.lower())), form) for form in FORMATS for pattern in form.patterns
    )  # fmt: skip


def format_of(name: str, folder: str = "") -> Format | None:
    """The format of a file by its name and, for formats that are bound to a place, its folder."""
    lower = name.lower()
    for pattern, form in _patterns():
        if pattern.match(lower) and (not form.within or fnmatchcase(f"/{folder}", f"*/{form.within}")):
            return form
    return None
