"""Which kinds of source there are: ktlo's own and those of third parties, by entry point.

A package adds a source by an entry point of group ``ktlo.sources`` that names a class of the shape of
:class:`ktlo.sources.protocol.Source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from ktlo.errors import UserError
from ktlo.sources.protocol import Source

GROUP = "ktlo.sources"


def kinds() -> dict[str, type[Source]]:
    """Every installed kind of source by name."""
    return {entry.name: entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def make_source(kind: str, options: Mapping[str, Any]) -> Source:
    """Configure one source.

    Raises:
        UserError: no such kind, or the options are not understood; names the option.
    """
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in known:
        raise UserError(
            f"there is no source called {kind!r}", fix=f"Choose one of: {', '.join(sorted(known))}"
        )
    cls: type[Source] = known[kind].load()
    try:
        config = cls.config.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(
            f"{option}: {said}" if option else said,
            where=f"source {kind}",
            fix=f"`ktlo sources add {kind} --help` lists the options",
        ) from error
    return cls(config)
