"""The order of versions in each ecosystem; a version that has no place in the order is an error, never a guess.

PyPI's order is `packaging`'s; npm, Go and crates.io follow Semantic Versioning 2.0 §11; Packagist follows
Composer's `version_compare`; Maven, NuGet and RubyGems are `univers`'s, behind a check of the spelling because
it accepts anything. :mod:`.match` is the only reader.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

Key = Any
"""Compares with keys of the same ecosystem by ``<`` and ``==``."""


class UnorderedVersionError(ValueError):
    """The version cannot be placed in its ecosystem's order, or the ecosystem has no order here."""


_SEMVER = re.compile(
    r"v?(\d{1,20})(?:\.(\d{1,20}))?(?:\.(\d{1,20}))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_GO_TOOLCHAIN = re.compile(r"go(\d+(?:\.\d+){0,2})(?:(rc|beta)(\d+))?")
_COMPOSER = re.compile(
    r"v?(\d{1,20}(?:\.\d{1,20}){0,3})"
    r"(?:[._-]?(stable|beta|b|rc|alpha|a|patch|pl|p)(?:[.-]?(\d+))?)?([.-]?dev)?(?:\+\S+)?",
    re.IGNORECASE,
)
_COMPOSER_STAGE = {"dev": 0, "a": 1, "b": 2, "r": 3, "": 4, "s": 4, "p": 5}
_WORDS = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")
_LONGEST = 256


def semver_key(version: str) -> Key:
    """Precedence by SemVer 2.0 §11; missing parts are 0, a leading ``v`` and build metadata do not count."""
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise UnorderedVersionError(version)
    numbers = tuple(int(part or 0) for part in found.group(1, 2, 3))
    before = found.group(4)
    if before is None:
        return (numbers, (1,))
    # A number sorts below a word, and fewer parts below more: tuples of (kind, number, word) do both.
    parts = tuple(
        (0, int(part), "") if part.isdecimal() and len(part) <= 20 else (1, 0, part)
        for part in before.split(".")
    )
    return (numbers, (0, parts))


def _go_key(version: str) -> Key:
    toolchain = _GO_TOOLCHAIN.fullmatch(version)
    if toolchain is None:
        return semver_key(version)
    release, stage, number = toolchain.groups()
    while release.count(".") < 2:
        release += ".0"
    return semver_key(f"{release}-{stage}.{number}" if stage else release)


def _composer_key(version: str) -> Key:
    found = _COMPOSER.fullmatch(version)
    if found is None:
        raise UnorderedVersionError(version)
    numbers, stage, count, dev = found.groups()
    parts = tuple(int(part) for part in numbers.split("."))
    release = parts + (0,) * (4 - len(parts))
    rank = _COMPOSER_STAGE["dev" if dev and not stage else (stage or "").lower()[:1]]
    return (release, rank, int(count or 0), 0 if dev else 1)


def _pypi_key(version: str) -> Key:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version)
    except InvalidVersion as error:
        raise UnorderedVersionError(version) from error


def _maven_key(version: str) -> Key:
    from univers.versions import MavenVersion

    return _by_univers(MavenVersion, version)


def _nuget_key(version: str) -> Key:
    from univers.versions import NugetVersion

    return _by_univers(NugetVersion, version)


def _gem_key(version: str) -> Key:
    from univers.versions import RubygemsVersion

    return _by_univers(RubygemsVersion, version)


def _by_univers(kind: Callable[[str], Any], version: str) -> Key:
    from univers.nuget import InvalidNuGetVersion

    if _WORDS.fullmatch(version) is None:
        raise UnorderedVersionError(version)
    try:
        made = kind(version)
    except (ValueError, TypeError, AttributeError, InvalidNuGetVersion) as error:
        raise UnorderedVersionError(version) from error
    if made.value is None:  # univers's way of not having understood
        raise UnorderedVersionError(version)
    return made


_ORDERS: dict[str, Callable[[str], Key]] = {
    "PyPI": _pypi_key,
    "npm": semver_key,
    "crates.io": semver_key,
    "Hex": semver_key,
    "Go": _go_key,
    "Packagist": _composer_key,
    "Maven": _maven_key,
    "NuGet": _nuget_key,
    "RubyGems": _gem_key,
}


def ordered_ecosystems() -> tuple[str, ...]:
    """OSV names of the ecosystems whose versions can be ordered."""
    return tuple(_ORDERS)


@functools.lru_cache(maxsize=200_000)
def version_key(ecosystem: str, version: str) -> Key:
    """The place of a version in its ecosystem's order.

    Args:
        ecosystem: OSV name; what follows a colon (``Maven:https://…``) does not change the order.
        version: as written.

    Raises:
        UnorderedVersionError: there is no order for the ecosystem, or the version has no place in it.
    """
    order = _ORDERS.get(ecosystem.partition(":")[0])
    if order is None or len(version) > _LONGEST:
        raise UnorderedVersionError(version)
    return order(version)
