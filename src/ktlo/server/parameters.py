"""Names of the parameters of telemetry's pages and API: one for what is searched, and no word for one that is unknown.

What is searched is ``q`` everywhere, whether it is PromQL, a search for log records or a part of a name; the names it
had before are read, too. JSON says which parameter it does not know instead of answering another question; a page
takes no offence, because the navigation carries filters of other pages to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from ktlo.errors import UsageError

CARRIED = ("from", "to", "service", "repository", "team")
"""Parameters that navigation keeps from page to page."""
STRETCH = ("since", "until")
"""Parameters that navigation keeps among pages of telemetry."""
_OLD = ("query", "text")
"""Names that ``q`` had before."""
_PAGES_OWN = ("done", "view", "environment", "span", "open", "all", "of", "at")
"""Parameters that pages are given by links and pass on to their JSON twin, which may have no use for them."""

Sought = Annotated[str, Query(alias="q", max_length=2_000)]


class AskedRoute(APIRoute):
    """A route that reads old names of parameters, and where it answers JSON refuses those it does not know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the parameters, then answer."""
        answer = super().get_route_handler()
        known = _known(self.dependant)

        async def asked(request: Request) -> Response:
            pairs = request.query_params.multi_items()
            names = {name for name, _ in pairs}
            old = [name for name in _OLD if name in names and name not in known]
            if "q" in known and "q" not in names and old:
                pairs = [("q" if name == old[0] else name, value) for name, value in pairs]
                request = Request(
                    {**request.scope, "query_string": urlencode(pairs).encode()}, request.receive
                )
            is_twin = request.url.path.endswith(".json")
            if is_twin or request.url.path.startswith("/api/"):
                taken = {*known, *(CARRIED + STRETCH + _PAGES_OWN if is_twin else ())}
                _refuse_unknown([name for name, _ in pairs if name not in taken], known)
            return await answer(request)

        return asked


def _known(of: Dependant) -> list[str]:
    """Names of the query parameters of a route, those of what it depends on too."""
    own = [field.alias for field in of.query_params]
    return list(dict.fromkeys([*own, *(name for each in of.dependencies for name in _known(each))]))


def _refuse_unknown(unknown: list[str], known: list[str]) -> None:
    if not unknown:
        return
    near = difflib.get_close_matches(unknown[0], known, 1)
    meant = f"Did you mean {near[0]}? " if near else ""
    takes = f"It takes {', '.join(known)}" if known else "It takes none"
    raise UsageError(
        f"there is no parameter {unknown[0][:60]!r}", where=unknown[0][:60], fix=f"{meant}{takes}"
    )
