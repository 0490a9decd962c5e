"""What Prometheus' API says when it does not answer: its envelope, whoever refuses (a route, the pages, the guard)."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

BASE = "/api/prometheus"
_KINDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 500: "internal", 503: "unavailable"}
"""``errorType`` by status; Prometheus itself has no words for the first two."""


def is_ours(path: str) -> bool:
    """Whether a path is one of Prometheus' API, known or not."""
    return path == BASE or path.startswith(f"{BASE}/")


def refused(status: int, message: str, kind: str = "") -> JSONResponse:
    """A refusal in Prometheus' envelope (Prometheus, HTTP API, "Format overview")."""
    body: dict[str, Any] = {
        "status": "error",
        "errorType": kind or _KINDS.get(status, "bad_data"),
        "error": message,
    }
    return JSONResponse(body, status_code=status)
