"""Statuspage's published description of its REST API, as a client carries it that is generated from it.

The package ``atlassian-statuspage`` of PyPI is what Swagger Codegen made of Atlassian's OpenAPI description (1.0.0).
The public API of a page (``/api/v2``) is not in it.
"""

from __future__ import annotations

import functools
import os

from generated_client import GeneratedClient
from pypi_wheels import wheel

PACKAGE = "atlassian-statuspage==1.0.2"
CALLS = "atlassian_statuspage/api/incidents_api.py"
OPERATIONS = {
    "get_pages_page_id_incidents": r"/v1/pages/[^/]+/incidents",
    "get_pages_page_id_incidents_incident_id": r"/v1/pages/[^/]+/incidents/[^/]+",
}


@functools.cache
def published() -> GeneratedClient | None:
    """The description; ``None`` where pip cannot have it, which is a failure where ``CI`` is set."""
    try:
        return GeneratedClient(wheel(PACKAGE), CALLS, OPERATIONS, is_null_told=False)
    except LookupError:
        if os.environ.get("CI"):
            raise
        return None
