"""Where the parts of a section lead on this site: rows, pages, data, definitions, with the present question.

Implements :class:`ktlo.report.sections.Links`. Filters that a metric does not have are left out of its links,
so that every link answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import definition
from ktlo.server.parameters import CARRIED
from ktlo.server.web.rendering import with_query

MOST_CSV_ROWS = 100_000
_PERIOD = ("from", "to")
_PATHS = {"overview": "/"}


class SiteLinks:
    """Links of one page.

    Args:
        given: the page's parameters, each with its values.
    """

    def __init__(self, given: Mapping[str, Sequence[str]]) -> None:
        self._given = {name: list(values) for name, values in given.items()}

    def _asked(self, metric: str, narrowed: Mapping[str, str]) -> dict[str, Sequence[str] | str]:
        known = {str(dimension) for dimension in definition(metric).dimensions}
        kept = {name: values for name, values in self._given.items() if name in known or name in _PERIOD}
        extra = {name: value for name, value in narrowed.items() if name in known or name not in [*Dimension]}
        return {**kept, **extra}

    def rows(self, metric: str, narrowed: Mapping[str, str]) -> str:
        """The rows behind a metric, with parameters that narrow the question."""
        return with_query(f"/rows/{metric}", self._asked(metric, narrowed))

    def page(self, name: str, narrowed: Mapping[str, str]) -> str:
        """Another page, with the present period and filters."""
        kept = {key: values for key, values in self._given.items() if key in CARRIED}
        return with_query(_PATHS.get(name, f"/{name}"), {**kept, **narrowed})

    def data(self, metric: str, narrowed: Mapping[str, str], form: str) -> str:
        """A metric's answer as ``json`` or its rows as ``csv`` or ``parquet``."""
        asked = self._asked(metric, narrowed)
        if form in ("csv", "parquet"):
            limit = str(MOST_CSV_ROWS)
            return with_query(f"/api/v1/metrics/{metric}/rows", {**asked, "format": form, "limit": limit})
        return with_query(f"/api/v1/metrics/{metric}", asked)

    def definition(self, metric: str) -> str:
        """The definition of a metric."""
        return f"/definitions/{metric}"
