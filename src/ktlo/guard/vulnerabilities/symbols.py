"""Which functions of a package a vulnerability is in, where anybody says so.

Go's records list them (``ecosystem_specific.imports[].symbols``), GitHub's some (``affected_functions``), PyPA's none;
a team or a mirror adds what it knows in a YAML file of ours: advisory id → ``module:qualified.name``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.guard.untrusted_yaml import load_yaml
from ktlo.guard.vulnerabilities.advisory import Advisory
from ktlo.guard.vulnerabilities.match import same_name

_LARGEST = 32 * 2**20
_MOST = 500
_SYMBOL = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")
_SAFE = re.compile(r"[^\s\x00-\x1f\x7f]{1,300}")


def symbols_of(advisory: Advisory, ecosystem: str, name: str) -> tuple[str, ...]:
    """Symbols a record names for a package: ``path:symbol``, or a dotted name where it does not tell the module."""
    wanted = same_name(ecosystem, name)
    found: list[str] = []
    for entry in advisory.affected:
        if same_name(ecosystem, entry.package.name) == wanted:
            found += _imports(entry.ecosystem_specific.get("imports"))
            found += _names(entry.ecosystem_specific.get("affected_functions"))
            found += _names(entry.database_specific.get("affected_functions"))
    return tuple(dict.fromkeys(one for one in found if _SAFE.fullmatch(one)))[:_MOST]


def _imports(given: Any) -> list[str]:
    found = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and isinstance(one.get("path"), str):
            found += [f"{one['path']}:{name}" for name in _names(one.get("symbols"))]
    return found


def _names(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def read_symbols(files: Iterable[Path]) -> Mapping[str, tuple[str, ...]]:
    """Read symbol files.

    Raises:
        UserError: a file cannot be read, or holds something else.
    """
    known: dict[str, tuple[str, ...]] = {}
    for file in files:
        where = str(file)
        try:
            if file.stat().st_size > _LARGEST:
                raise UserError("the symbol file is larger than 32 MiB", where=where)
            read = load_yaml(file.read_bytes(), where=where)
        except OSError as error:
            raise UserError(
                f"the symbol file cannot be read: {error.strerror}", where=where, fix="Check guard.symbols"
            ) from error
        given = read.get("symbols") if isinstance(read, dict) else None
        if not isinstance(given, dict):
            raise UserError("expected symbols: with advisory ids below it", where=where)
        for identifier, names in given.items():
            if not isinstance(names, list) or not all(
                isinstance(one, str) and _SYMBOL.fullmatch(one) for one in names
            ):
                raise UserError(
                    f"{identifier}: expected a list of module:name, such as yaml:load", where=where
                )
            known[identifier] = (*known.get(identifier, ()), *names)
    return known
