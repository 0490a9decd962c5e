"""Phases: the life of an incident or bug in episodes, from detection to resolution, each instant with its rule.

Derived by ``effort/episodes`` from the steps that sources tell (``incident_events``, ``issue_events``) and the meaning
of their statuses, replaced as a whole; read by the metrics of reliability and bugs. Names follow Google's SRE books.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.effort import ItemKind
from ktlo.records.schema import Field, Life, record


@record("phases", key=("item_kind", "source", "item_id", "episode"), life=Life.DERIVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch in which an incident or bug was open: the first from its detection, each further from a reopening."""

    item_kind: Annotated[ItemKind, Field("incident, or issue (those that are bugs)", label=True)]
    source: Annotated[str, Field("Source of the item", label=True)]
    item_id: Annotated[str, Field("external_id of the item")]
    episode: Annotated[int, Field("1 from the detection; each reopening begins the next")]
    is_last: Annotated[bool, Field("True for the newest episode of its item")]
    state: Annotated[str, Field("open, resolved or cancelled", label=True)]
    detected_at: Annotated[dt.datetime, Field("When it was detected, or reopened")]
    detected_by: Annotated[str, Field("Step and rule that tell so", label=True)]
    acknowledged_at: Annotated[dt.datetime | None, Field("When a person first took it in this episode")]
    acknowledged_by: Annotated[str, Field("Step and rule that tell so; empty when nothing does", label=True)]
    mitigated_at: Annotated[dt.datetime | None, Field("When the harm ended and stayed ended")]
    mitigated_by: Annotated[str, Field("Step and rule that tell so; empty when nothing does", label=True)]
    resolved_at: Annotated[dt.datetime | None, Field("When it was resolved; null while open")]
    resolved_by: Annotated[str, Field("Step and rule that tell so; empty when nothing does", label=True)]
    is_adjusted: Annotated[bool, Field("True when a meaning that the team chose changed this item")]
    basis: Annotated[
        str, Field("What the source said when this was derived; phases of an older state are not used")
    ]
