"""Effort: which category each work item has and how a person's day was spread over items.

Both are derived (``effort/``) from observed records, rules, the trained model and people's corrections,
and replaced as a whole after each collection. The share of KTLO is a query over them.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


class Category(enum.StrEnum):
    """What a piece of work was for. Everything but feature and unattributed keeps the lights on."""

    FEATURE = "feature"
    BUG_FIX = "bug_fix"
    SECURITY = "security"
    PERFORMANCE = "performance"
    DEPENDENCY = "dependency"
    INCIDENT = "incident"
    INFRASTRUCTURE = "infrastructure"
    DEBT = "debt"
    SUPPORT = "support"
    UNATTRIBUTED = "unattributed"

    @property
    def title(self) -> str:  # type: ignore[override]
        """The category as people read it: 'bug fix'."""
        return self.value.replace("_", " ")

    @property
    def is_ktlo(self) -> bool:
        """True when the work keeps the lights on; False for feature and unattributed."""
        return self not in (Category.FEATURE, Category.UNATTRIBUTED)


class Layer(enum.StrEnum):
    """Which layer of the classification decided."""

    CORRECTION = "correction"
    TEAM_RULE = "team_rule"
    BUILT_IN_RULE = "built_in_rule"
    LINKED = "linked"
    MODEL = "model"
    NONE = "none"


class ItemKind(enum.StrEnum):
    """What kind of record a work item is."""

    COMMIT = "commit"
    CHANGE = "change"
    ISSUE = "issue"
    INCIDENT = "incident"


@record("verdicts", key=("item_kind", "source", "item_id"), life=Life.DERIVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The category of one work item, with why."""

    item_kind: Annotated[ItemKind, Field("commit, change, issue or incident", label=True)]
    source: Annotated[str, Field("Source of the item", label=True)]
    item_id: Annotated[str, Field("sha, or external_id")]
    repository: Annotated[str, Field("Repository; empty when none", label=True)]
    title: Annotated[str, Field("Subject or title, for reading")]
    category: Annotated[Category, Field("The category", label=True)]
    layer: Annotated[Layer, Field("correction, team_rule, built_in_rule, linked, model, none", label=True)]
    confidence: Annotated[float, Field("Probability that the category is right, 0 to 1")]
    reason: Annotated[str, Field("Why, in words")]
    occurred_at: Annotated[dt.datetime, Field("When the item was made")]


@record(
    "effort",
    key=("day", "person", "item_kind", "source", "item_id"),
    order=("day", "person", "item_kind", "source", "item_id"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EffortShare:
    """The part of one person's day that went to one work item."""

    day: Annotated[dt.date, Field("The day, in the person's own time zone where known, else UTC")]
    person: Annotated[str, Field("The person")]
    team: Annotated[str, Field("The person's team; empty when none", label=True)]
    item_kind: Annotated[ItemKind, Field("commit, change, issue or incident", label=True)]
    source: Annotated[str, Field("Source of the item", label=True)]
    item_id: Annotated[str, Field("sha, or external_id")]
    repository: Annotated[str, Field("Repository; empty when none", label=True)]
    service: Annotated[str, Field("Service, by the catalogue; empty when none", label=True)]
    category: Annotated[Category, Field("Category of the item", label=True)]
    layer: Annotated[Layer, Field("Layer that decided the category", label=True)]
    activities: Annotated[tuple[str, ...], Field("What was done: commit, review, comment…")]
    person_days: Annotated[
        float, Field("Part of the day; a person's day adds up to at most 1", unit="person-days")
    ]
