"""The API's description as a page of our own: no script of anybody else, nothing from an outside host."""

from __future__ import annotations

from itertools import groupby

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.server.openapi import models, operations
from ktlo.server.web.rendering import render

router = APIRouter()


@router.get("/api/docs")
def reference_page(request: Request) -> Response:
    """Every operation and model."""
    document = request.app.openapi()
    tags = [
        (tag, list(members))
        for tag, members in groupby(operations(document), key=lambda operation: operation.tag)
    ]
    return render(request, "reference.html", "", has_twin=False, tags=tags, models=models(document))
