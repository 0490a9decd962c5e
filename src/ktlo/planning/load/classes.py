"""Which categories of work arrive by themselves, which prevent it, and how the kinds are called."""

from __future__ import annotations

from ktlo.planning.demand import WorkClass
from ktlo.records.effort import Category

CLASS_OF = {
    Category.INCIDENT: WorkClass.INCIDENT,
    Category.BUG_FIX: WorkClass.BUG,
    Category.SECURITY: WorkClass.VULNERABILITY,
    Category.DEPENDENCY: WorkClass.DEPENDENCY,
    Category.SUPPORT: WorkClass.REQUEST,
}
"""The class of each category that arrives by itself; the others are chosen by the team."""

CATEGORY_OF = {work_class: category for category, work_class in CLASS_OF.items()}
"""The category of each class: what its rows are found by."""

PREVENTIVE = (Category.DEBT, Category.INFRASTRUCTURE, Category.PERFORMANCE)
"""Work that a team chooses to do so that less arrives."""

ORDER = tuple(WorkClass)
PLACE = {work_class: place for place, work_class in enumerate(ORDER)}

REACTS = frozenset({WorkClass.INCIDENT, WorkClass.BUG})
"""Classes that preventive work can make fewer; the others arrive from outside."""

NOUNS = {
    WorkClass.INCIDENT: "incidents",
    WorkClass.BUG: "bugs",
    WorkClass.VULNERABILITY: "vulnerabilities",
    WorkClass.DEPENDENCY: "dependency updates",
    WorkClass.REQUEST: "requests",
}
"""How several of a class are called in a sentence."""
