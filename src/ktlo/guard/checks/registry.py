"""Every check, in the order of reports. A further one is a line here, or an entry point of the group ``ktlo.checks``.

``ktlo check list`` prints it, docs/check.md describes it, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from ktlo.errors import UserError
from ktlo.guard.checks.protocol import Check

GROUP = "ktlo.checks"
_OWN = {
    "vulnerabilities": "ktlo.guard.checks.vulnerabilities:Vulnerabilities",
    "secrets": "ktlo.guard.checks.secrets:Secrets",
    "lint": "ktlo.guard.checks.lint:Lint",
    "workflows": "ktlo.guard.checks.workflows:Workflows",
    "licenses": "ktlo.guard.checks.licenses:Licenses",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that somebody installed and that cannot be loaded.

    Attributes:
        name: its name.
        reason: why, one clause.
    """

    name: str
    reason: str


def names() -> tuple[str, ...]:
    """Names of all checks; our own first."""
    return (*_OWN, *sorted(entry.name for entry in _foreign()))


def chosen(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check | Broken, ...]:
    """The checks to run.

    Args:
        only: names; all when empty.
        skip: names.

    Raises:
        UserError: there is no such check, or nothing is left.
    """
    known = names()
    for name in (*only, *skip):
        if name not in known:
            raise UserError(f"there is no check {name!r}", fix=f"Choose from {', '.join(known)}")
    left = [name for name in known if (not only or name in only) and name not in skip]
    if not left:
        raise UserError("no check is left to run", fix="Leave out --skip or --only")
    return tuple(_load(name) for name in left)


def _load(name: str) -> Check | Broken:
    if name in _OWN:
        module, _, kind = _OWN[name].partition(":")
        made: Check = getattr(import_module(module), kind)()
        return made
    try:
        loaded: Check = next(entry for entry in _foreign() if entry.name == name).load()()
        if loaded.name != name or not callable(loaded.run):
            return Broken(name, f"it calls itself {loaded.name!r}")
    except Exception as error:  # noqa: BLE001 - a stranger's package may raise anything while it is imported
        return Broken(name, f"{type(error).__name__}: {error}")
    return loaded


def _foreign() -> list[EntryPoint]:
    return [entry for entry in entry_points(group=GROUP) if entry.name not in _OWN]
