"""Dashboards over HTTP: listed, read, checked, saved, imported; their JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field

from ktlo.server.api.metrics import Running
from ktlo.server.dashboards import folder_of
from ktlo.telemetry.dashboards.files import Stored, checked, written
from ktlo.telemetry.dashboards.grafana import imported
from ktlo.telemetry.dashboards.model import Dashboard, json_schema

router = APIRouter(tags=["dashboards"])

Name = Annotated[str, Path(max_length=100, description="The file's name without .yaml.")]


class RemarkOut(BaseModel):
    """Something wrong in a file."""

    line: int
    what: str


class ListedOut(BaseModel):
    """One dashboard of the list."""

    name: str
    title: str
    description: str
    panels: int
    is_shipped: bool = Field(description="It comes with ktlo; saving it makes a file that takes its place.")
    digest: str = Field(
        description="Of the file's content; give it when you save, so that no change is lost."
    )
    remarks: list[RemarkOut]

    @classmethod
    def of(cls, given: Stored) -> ListedOut:
        """As JSON has it."""
        board = given.dashboard
        return cls(
            name=given.name,
            title=board.title if board else given.name,
            description=board.description if board else "",
            panels=sum(len(row.panels) for row in board.rows) if board else 0,
            is_shipped=given.is_shipped,
            digest=given.digest,
            remarks=[RemarkOut(line=each.line, what=each.what) for each in given.remarks],
        )


class SaveIn(BaseModel):
    """A dashboard to write."""

    text: str = Field(max_length=1_000_000, description="YAML.")
    digest: str = Field("", max_length=64, description="Of the file it was made from; empty for a new one.")


class TextIn(BaseModel):
    """A file's text."""

    text: str = Field(max_length=5_000_000, description="YAML to check, or Grafana's JSON to import.")


class ImportOut(BaseModel):
    """What came of an import."""

    text: str = Field(description="The dashboard as YAML; nothing is written yet.")
    left_out: list[str] = Field(description="What does not map, a sentence each.")


@router.get("/dashboards")
def list_dashboards(running: Running) -> list[ListedOut]:
    """Every dashboard with what is wrong in its file."""
    return [ListedOut.of(each) for each in folder_of(running).all()]


@router.get("/dashboards/schema", response_class=JSONResponse)
def dashboard_schema() -> dict[str, Any]:
    """JSON Schema of a dashboard's file."""
    return json_schema()


@router.post("/dashboards/check")
def check_dashboard(given: TextIn) -> list[RemarkOut]:
    """What is wrong in a text, by line; nothing is written."""
    return [RemarkOut(line=each.line, what=each.what) for each in checked(given.text)[1]]


@router.post("/dashboards/import")
def import_dashboard(given: TextIn) -> ImportOut:
    """Grafana's dashboard JSON as a dashboard of ours; nothing is written."""
    found = imported(given.text)
    return ImportOut(text=written(found.dashboard), left_out=list(found.left_out))


@router.get("/dashboards/{name}")
def read_dashboard(running: Running, name: Name) -> Dashboard:
    """One dashboard.

    A file that cannot be used is told by the list.
    """
    stored = folder_of(running).one(name)
    if stored.dashboard is None:
        from ktlo.errors import UserError

        first = stored.remarks[0]
        raise UserError(first.what, where=f"{name}.yaml, line {first.line}", fix="Mend the file")
    return stored.dashboard


@router.get("/dashboards/{name}/file", response_class=PlainTextResponse)
def dashboard_file(running: Running, name: Name) -> str:
    """The file as it is written, YAML."""
    return folder_of(running).text(name)


@router.post("/dashboards/{name}")
def save_dashboard(running: Running, name: Name, given: SaveIn) -> ListedOut:
    """Write a dashboard's file; refused when it was changed meanwhile."""
    return ListedOut.of(folder_of(running).save(name, given.text, given.digest))
