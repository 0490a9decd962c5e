"""Collections: what was read when, how much came in, and what was turned away and why.

Written by the collector and by webhooks; read by the Sources page and by every answer's *how we know*.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, record


@record("collections", key=("source", "started_at"), order=("source", "started_at"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One run of one source, ended or failed."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    started_at: Annotated[dt.datetime, Field("When the run began")]
    finished_at: Annotated[dt.datetime, Field("When it ended")]
    status: Annotated[str, Field("complete, partial (will continue) or failed", label=True)]
    rows: Annotated[int, Field("Rows written, replacements included")]
    rejected: Annotated[int, Field("Rows turned away in this run")]
    message: Annotated[str, Field("What went wrong, in words; empty when nothing did")]


@record("rejections", key=("source", "place", "reason"), order=("source", "place", "reason"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One piece of input that was turned away (or came in with something missing), and why."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    place: Annotated[str, Field("Where: file and row, URL, commit…")]
    reason: Annotated[str, Field("What was wrong and what to do, one sentence")]
    excerpt: Annotated[str, Field("The beginning of the input, at most 200 characters")]
    seen_at: Annotated[dt.datetime, Field("When it was last turned away")]
    is_kept: Annotated[bool, Field("True for a warning: the row is in, with something missing")]


@record("missing_items", key=("source", "noun", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class MissingItem:
    """An item that its service no longer shows, until it is read again: deleted, moved, or hidden from the token."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    noun: Annotated[str, Field("The table that it is in", label=True)]
    external_id: Annotated[str, Field("Identifier in the source")]
    project: Annotated[
        str, Field("Project, repository or service that it is of; empty when none is known", label=True)
    ]
    since: Annotated[dt.datetime, Field("When it was first not found")]
    is_gone: Annotated[
        bool,
        Field(
            "True: it is out of every figure. False: so many are missing that a right may be lost: it stays"
        ),
    ]


@record("source_checks", key=("source",))
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """What the last look at a source said: can it be reached, and what may it not read?"""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    checked_at: Annotated[dt.datetime, Field("When it was looked at")]
    status: Annotated[str, Field("ok, limited or unreachable", label=True)]
    summary: Annotated[str, Field("One sentence")]
    missing: Annotated[tuple[str, ...], Field("What is missing: a permission, history, a field")]
    costs: Annotated[tuple[str, ...], Field("What the numbers lose by each, in the same order")]
    fixes: Annotated[tuple[str, ...], Field("What a person can do about each, in the same order")]


@record("deliveries", key=("source", "delivery_id"), order=("source", "delivery_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook that came, as it came, so that it can be read again by another mapping."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    delivery_id: Annotated[str, Field("The sender's identifier, or a digest of the body")]
    received_at: Annotated[dt.datetime, Field("When it came")]
    event: Annotated[str, Field("What it tells of, as the sender names it", label=True)]
    status: Annotated[
        str, Field("taken, ignored (nothing in it is used) or refused (see reason)", label=True)
    ]
    reason: Annotated[str, Field("Why it was refused or ignored; empty when it was taken")]
    rows: Annotated[int, Field("Rows written from it")]
    times: Annotated[
        int, Field("How often: more than 1 for refusals of one minute that are counted together")
    ]
    headers: Annotated[dict[str, str], Field("Headers that say what it is; never a secret")]
    body: Annotated[str, Field("The body; empty when refused, or too large to be kept")]
    reading: Annotated[int, Field("Number of the source's mapping by which it was read last")] = 0
