"""Opsgenie's published description of its alerts, as its own SDK for Python carries it (``opsgenie-sdk``).

The SDK is generated from Opsgenie's OpenAPI description. It holds no schedules.
"""

from __future__ import annotations

import functools
import os

from generated_client import GeneratedClient
from pypi_wheels import wheel

PACKAGE = "opsgenie-sdk==2.1.5"
CALLS = "opsgenie_sdk/api/alert/__init__.py"
OPERATIONS = {
    "list_alerts": r"/v2/alerts",
    "get_alert": r"/v2/alerts/[^/]+",
    "list_logs": r"/v2/alerts/[^/]+/logs",
}


@functools.cache
def published() -> GeneratedClient | None:
    """The description; ``None`` where pip cannot have it, which is a failure where ``CI`` is set."""
    try:
        return GeneratedClient(wheel(PACKAGE), CALLS, OPERATIONS, is_null_told=True)
    except LookupError:
        if os.environ.get("CI"):
            raise
        return None
