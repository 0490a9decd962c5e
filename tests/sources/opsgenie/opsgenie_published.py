"""Opsgenie's published description of its alerts, as its own SDK for Python carries it (``opsgenie-sdk``).

The SDK is generated from Opsgenie's OpenAPI description. It holds no schedules.
"""

from __future__ import annotations

from generated_client import GeneratedClient
from npm_packages import where_had
from pypi_wheels import wheel

PACKAGE = "opsgenie-sdk==2.1.5"
CALLS = "opsgenie_sdk/api/alert/__init__.py"
OPERATIONS = {
    "list_alerts": r"/v2/alerts",
    "get_alert": r"/v2/alerts/[^/]+",
    "list_logs": r"/v2/alerts/[^/]+/logs",
}


@where_had
def published() -> GeneratedClient:
    """The description."""
    return GeneratedClient(wheel(PACKAGE), CALLS, OPERATIONS, is_null_told=True)
