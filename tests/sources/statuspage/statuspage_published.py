"""Statuspage's published description of its REST API, as a client carries it that is generated from it.

The package ``atlassian-statuspage`` of PyPI is what Swagger Codegen made of Atlassian's OpenAPI description (1.0.0).
The public API of a page (``/api/v2``) is not in it.
"""

from __future__ import annotations

from generated_client import GeneratedClient
from npm_packages import where_had
from pypi_wheels import wheel

PACKAGE = "atlassian-statuspage==1.0.2"
CALLS = "atlassian_statuspage/api/incidents_api.py"
OPERATIONS = {
    "get_pages_page_id_incidents": r"/v1/pages/[^/]+/incidents",
    "get_pages_page_id_incidents_incident_id": r"/v1/pages/[^/]+/incidents/[^/]+",
}


@where_had
def published() -> GeneratedClient:
    """The description."""
    return GeneratedClient(wheel(PACKAGE), CALLS, OPERATIONS, is_null_told=False)
