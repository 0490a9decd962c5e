"""Connect any tool that sends JSON: paste a sample, see the records it would become while the mapping is typed.

The mapping is guessed from the sample and shown in fields that can be changed; what comes out of them stands beside,
with what would be turned away and why. Without a script the button shows the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ktlo.errors import UserError
from ktlo.server.runtime import Runtime
from ktlo.server.web.rendering import render, render_fragment, with_message, with_query
from ktlo.sources.csv.dates import DateStyle
from ktlo.sources.csv.fields import Noun, fields_of
from ktlo.sources.webhook.config import Proof, WebhookConfig
from ktlo.sources.webhook.proposal import parse, propose
from ktlo.sources.webhook.reading import read

router = APIRouter()

_TEXTS = (
    "name", "items", "only", "deleted", "event", "dates", "time_zone", "webhook_secret", "proof_header",
    "proof_prefix",
)  # fmt: skip
_SHOWN = 20
_LARGEST_FORM = 2 << 20


@dataclass(frozen=True, slots=True)
class MappedPath:
    """A field of the noun with its path.

    Attributes:
        field: its name.
        path: JMESPath; empty when not mapped.
        is_required: the noun cannot do without.
    """

    field: str
    path: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The first of something.

    Attributes:
        listed: as many as are shown.
        total: how many there are.
    """

    listed: tuple[Any, ...] = ()
    total: int = 0

    @property
    def rest(self) -> str:
        """``20 of 57 shown``; empty where all are."""
        return f"{len(self.listed):,} of {self.total:,} shown" if len(self.listed) < self.total else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sample would become.

    Attributes:
        problem: why nothing can be shown; empty when something can.
        columns: of the records.
        records: one row each, in the order of the columns.
        gone: what would be removed.
        refused: what would be turned away.
        noted: what would come in incomplete.
        why_ignored: why nothing would be used.
    """

    problem: str = ""
    columns: tuple[str, ...] = ()
    records: Shown = Shown()
    gone: Shown = Shown()
    refused: Shown = Shown()
    noted: Shown = Shown()
    why_ignored: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What the form says.

    Attributes:
        texts: options that are texts.
        noun: what is sent.
        proof: how it proves itself.
        mapping: paths by field, without the empty ones.
        sample: the pasted body.
    """

    texts: Mapping[str, str]
    noun: Noun
    proof: Proof
    mapping: Mapping[str, str]
    sample: str
    problem: str = field(default="")

    def options(self) -> dict[str, Any]:
        """Options of the source, without those that are empty."""
        given: dict[str, Any] = {name: text for name, text in self.texts.items() if text}
        return {**given, "noun": str(self.noun), "proof": str(self.proof), "mapping": dict(self.mapping)}

    @property
    def fields(self) -> list[MappedPath]:
        """Every field that the noun has."""
        return [
            MappedPath(name, self.mapping.get(name, ""), known.required)
            for name, known in fields_of(self.noun).items()
        ]


async def _said(request: Request) -> Said:
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > _LARGEST_FORM:
        raise UserError("the sample is larger than 1 MiB", fix="Take a smaller one of the same form")
    form: FormData = await request.form(max_files=0, max_fields=200, max_part_size=_LARGEST_FORM)
    text = {name: str(value).strip() for name, value in form.items()}
    noun = Noun(text["noun"]) if text.get("noun") in set(Noun) else Noun.INCIDENTS
    proof = Proof(text["proof"]) if text.get("proof") in set(Proof) else Proof.SECRET
    known = fields_of(noun)
    mapping = {
        name.removeprefix("map."): value
        for name, value in text.items()
        if name.startswith("map.") and value and name.removeprefix("map.") in known
    }
    said = Said({name: text.get(name, "") for name in _TEXTS}, noun, proof, mapping, text.get("sample", ""))
    if "guess" in form or (said.sample and not mapping):
        return await run_in_threadpool(_guessed, said, has_noun="noun_said" in form)
    return said


def _guessed(said: Said, *, has_noun: bool) -> Said:
    try:
        options = propose(parse(said.sample), said.noun if has_noun else None)
    except UserError as error:
        return Said(said.texts, said.noun, said.proof, said.mapping, said.sample, str(error))
    texts = {**said.texts, "items": options.get("items", "")}
    return Said(texts, Noun(options["noun"]), said.proof, options["mapping"], said.sample)


def preview(said: Said) -> Preview:
    """What the sample would become by what the form says."""
    if said.problem:
        return Preview(said.problem)
    if not said.sample:
        return Preview("Paste the body of one webhook above: the records that it becomes are shown here.")
    try:
        body = parse(said.sample)
        config = WebhookConfig.model_validate({**said.options(), "name": said.texts.get("name") or "sample"})
    except UserError as error:
        return Preview(str(error))
    except ValidationError as error:
        return Preview(str(error.errors()[0]["msg"]).removeprefix("Value error, "))
    found = read(body, config, f"webhook:{config.name}", dt.datetime.now(dt.UTC))
    shown = [name for name in fields_of(said.noun) if name in said.mapping]
    columns = tuple(dict.fromkeys(shown))
    rows = tuple(
        tuple(getattr(record, name, None) for name in columns) for record, _ in found.records[:_SHOWN]
    )
    return Preview(
        columns=columns,
        records=Shown(rows, len(found.records)),
        gone=Shown(tuple(key for key, _ in found.gone[:_SHOWN]), len(found.gone)),
        refused=_reasons(found.refused),
        noted=_reasons(found.noted),
        why_ignored=found.why_ignored,
    )


def _reasons(told: Sequence[tuple[str, str]]) -> Shown:
    return Shown(tuple(f"{place}: {reason}" for place, reason in told[:_SHOWN]), len(told))


@router.get("/sources/webhook")
def blank(request: Request) -> Response:
    """The empty form."""
    empty = Said(dict.fromkeys(_TEXTS, ""), Noun.INCIDENTS, Proof.SECRET, {}, "")
    return _page(request, empty, "")


@router.post("/sources/webhook")
async def look(request: Request) -> Response:
    """Show what the sample becomes, or add the source when that was confirmed."""
    said = await _said(request)
    form = await request.form()
    if "confirm" not in form:
        return await run_in_threadpool(_page, request, said, "")
    runtime: Runtime = request.app.state.runtime
    try:
        entry = await run_in_threadpool(runtime.add_source, "webhook", said.options())
    except UserError as error:
        return await run_in_threadpool(_page, request, said, str(error))
    page = with_query("/sources/source", {"source": entry.source_id})
    return RedirectResponse(with_message(page, "listening"), 303)


@router.post("/fragments/webhook")
async def fragment(request: Request) -> HTMLResponse:
    """What the sample becomes, for the form that is being typed in."""
    said = await _said(request)
    return await run_in_threadpool(lambda: render_fragment("fragment_webhook.html", preview=preview(said)))


def _page(request: Request, said: Said, problem: str) -> Response:
    return render(
        request,
        "webhook_form.html",
        "sources",
        status=400 if problem else 200,
        has_twin=False,
        said=said,
        nouns=tuple(Noun),
        proofs=tuple(Proof),
        date_styles=tuple(DateStyle),
        preview=preview(said),
        problem=problem,
    )
