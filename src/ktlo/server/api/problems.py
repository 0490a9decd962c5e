"""Errors as ``application/problem+json`` (RFC 9457), with the sentence that says what to do."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from ktlo.errors import (
    KtloError,
    NotFoundError,
    SignatureError,
    SourceError,
    StoreBusyError,
    StoreError,
    TooLargeError,
    UserError,
)


class Problem(BaseModel):
    """Why a request was not answered."""

    title: str = Field(description="What was wrong, one sentence.")
    status: int = Field(description="HTTP status.")
    where: str = Field("", description="File, row, URL, option or parameter it was found in.")
    fix: str = Field("", description="What to do.")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}, "description": text}
    for status, text in {
        400: "The request cannot be answered as asked.",
        401: "A token is needed.",
        403: "Not from this origin.",
        404: "There is no such thing.",
        422: "A parameter is not of its type.",
        503: "The store or an outside system does not answer.",
    }.items()
}
"""Responses that every operation documents."""

_STATUS: tuple[tuple[type[KtloError], int], ...] = (
    (NotFoundError, 404),
    (SignatureError, 401),
    (TooLargeError, 413),
    (StoreBusyError, 503),
    (UserError, 400),
    (SourceError, 503),
    (StoreError, 503),
)


def status_of(error: KtloError) -> int:
    """HTTP status that fits an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def answer_problem(title: str, status: int, where: str = "", fix: str = "") -> JSONResponse:
    """One problem document."""
    problem = Problem(title=title, status=status, where=where, fix=fix)
    return JSONResponse(problem.model_dump(), status_code=status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make a parameter that is not of its type a problem document. Other errors: ``web/site``."""

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return answer_problem(str(first["msg"]), 422, place, "See /api/docs")
