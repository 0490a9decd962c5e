"""Ten megabytes of text in what is told or lies in a file: it is cut, and nothing else is lost.

Kinds that are asked have theirs in ``test_what_every_pulled_source_meets.py``, at the end of a request.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collected_rows import Seen, run

from ktlo.sources.csv import CsvConfig, CsvSource
from ktlo.sources.webhook import WebhookSource
from ktlo.sources.webhook.config import WebhookConfig

HERE = Path(__file__).parent
LONG = "The disk is <b>full</b> again & again 🔥 " * 260_000
BEGINNING = "The disk is <b>full</b> again & again 🔥 The"


def of_tests(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    folder = str(HERE / kind)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(module)


def argocd(text: str) -> Seen:
    own = of_tests("argocd", "test_argocd")
    failed = own.application("Failed", status__operationState__message=text)
    degraded = own.application(health="Degraded", start=20)
    degraded["status"]["health"]["message"] = text
    seen: Seen = own.seen_of(failed, degraded)
    return seen


def flux(text: str) -> Seen:
    own = of_tests("flux", "test_flux")
    seen: Seen = own.seen_of({**own.PUBLISHED, "message": text})
    return seen


def cdevents(text: str) -> Seen:
    own, seen = of_tests("cdevents", "test_cdevents"), Seen()
    for kind, content in (
        ("incident.detected", {"description": text, "ticketURI": text}),
        ("ticket.created", dict.fromkeys(("summary", "ticketType", "priority", "creator", "uri"), text)),
        ("ticket.closed", {"summary": text, "resolution": text, "assignees": [text], "labels": [text]}),
        ("pipelinerun.finished", {"pipelineName": text, "outcome": text, "uri": text}),
    ):
        seen.take(own.source().receive(own.structured(own.event(kind, kind.partition(".")[0], **content))))
    return seen


def webhook(text: str) -> Seen:
    own, seen = of_tests("webhook", "test_webhook"), Seen()
    told = {**own.PAGER["incident"], "summary": text, "priority": text, "status": text}
    told |= {"service": {"name": text}, "people": [{"mail": text}]}
    made = WebhookSource(WebhookConfig(name="pager", noun="incidents", mapping=own.MAPPING))
    seen.take(made.receive(own.incoming({"incident": told})))
    return seen


ROW = {"id": "A-1", "created": "2026-09-01T10:00:00Z"}
NAMES = ("title", "body", "service", "severity", "author", "labels")


def file(suffix: str, folder: Path, text: str) -> Seen:
    path, seen = folder / f"items.{suffix}", Seen()
    row = {**ROW, **dict.fromkeys(NAMES, text)}
    if suffix == "jsonl":
        path.write_text(json.dumps(row))
    else:
        path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    mapping = {"external_id": "id", "created_at": "created", **{name: name for name in NAMES}}
    made = CsvSource(CsvConfig(file=str(path), noun="issues", mapping=mapping))
    assert run(made, seen) is None
    return seen


TOLD: dict[str, Callable[[str, Path], Seen]] = {
    "argocd": lambda text, _: argocd(text),
    "flux": lambda text, _: flux(text),
    "cdevents": lambda text, _: cdevents(text),
    "webhook": lambda text, _: webhook(text),
    "csv": lambda text, folder: file("csv", folder, text),
    "json lines": lambda text, folder: file("jsonl", folder, text),
}


@pytest.mark.parametrize("kind", list(TOLD))
def test_it_is_cut_and_loses_nothing_else(kind: str, tmp_path: Path) -> None:
    # Ten megabytes where there is one text, less where one item has several.
    many = {"cdevents": 8, "csv": 7, "json lines": 7, "webhook": 5, "argocd": 2}.get(kind, 1)
    long = LONG[: len(LONG) // many]
    plain, seen = TOLD[kind]("It broke", tmp_path), TOLD[kind](long, tmp_path)
    assert set(seen.rows) == set(plain.rows)
    texts = [
        text
        for row in seen.rows.values()
        for value in row.values()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    ]
    assert max(map(len, texts)) <= 4_000
    assert any(text.startswith(BEGINNING) for text in texts)
