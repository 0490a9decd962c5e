"""Rules for ``ktlo-instrument`` in applications: asked every 30 seconds, answered from ktlo.yaml as it is now."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from ktlo.errors import UserError
from ktlo.server.api.metrics import Running
from ktlo.settings import load_settings
from ktlo.settings.instrument import InstrumentRules

router = APIRouter(tags=["telemetry"])


@router.get(
    "/instrument/rules",
    response_model_exclude_none=True,
    responses={304: {"description": "The rules are those whose ETag was sent."}},
)
def rules(
    running: Running,
    response: Response,
    service: Annotated[str, Query(max_length=200, description="service.name of the application.")] = "",
    if_none_match: Annotated[str, Header(max_length=200)] = "",
) -> InstrumentRules:
    """What a service's functions are told. A file that cannot be used leaves the rules that were in force."""
    try:
        said = load_settings(running.settings_file) if running.settings_file else running.settings
    except UserError:
        said = running.settings
    found = said.instrument.of(service)
    tag = f'"{hashlib.sha256(found.model_dump_json(exclude_none=True).encode()).hexdigest()[:32]}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"etag": tag})  # type: ignore[return-value]
    response.headers["etag"] = tag
    return found
