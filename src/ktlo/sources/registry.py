"""Which kinds of source there are: ktlo's own and those of third parties, by entry point.

A package adds a source by an entry point of group ``ktlo.sources`` that names a class of the shape of
:class:`ktlo.sources.protocol.Source`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from ktlo.errors import NotFoundError
from ktlo.sources.options import not_understood
from ktlo.sources.protocol import Source

GROUP = "ktlo.sources"


def kinds() -> dict[str, type[Source]]:
    """Every installed kind of source by name."""
    return {entry.name: entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def kind_of(name: str) -> type[Source]:
    """One installed kind of source; no other is loaded.

    Raises:
        NotFoundError: there is none of that name.
    """
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise NotFoundError(
            f"there is no kind of source called {name!r}{meant}",
            fix=f"Choose one of: {', '.join(sorted(known))}",
        )
    cls: type[Source] = known[name].load()
    return cls


def make_source(kind: str, options: Mapping[str, Any]) -> Source:
    """Configure one source.

    Raises:
        UserError: no such kind, or the options are not understood; names the option.
    """
    cls = kind_of(kind)
    try:
        config = cls.config.model_validate(dict(options))
    except ValidationError as error:
        raise not_understood(kind, cls.config, error) from error
    return cls(config)
