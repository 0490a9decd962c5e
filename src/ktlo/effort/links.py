"""What a piece of work belongs to: the change that carried a commit, the issue that it closes.

Reads references out of titles, texts and branches, and looks them up among the verdicts on changes and
issues. Closing words are GitHub's ("Linking a pull request to an issue") and GitLab's; keys like PAY-12 are
Jira's smart commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ktlo.effort.items import WorkItem
from ktlo.records.effort import Category, ItemKind, Layer, Verdict

_TARGET = (
    r"(?:(?P<repository>[\w.-]+/[\w.-]+)?[#!](?P<number>\d+)|(?P<key>[A-Z][A-Z0-9]{1,9}-\d+)"
    r"|https?://[^/\s]+/(?P<place>[\w.-]+/[\w.-]+)/(?:-/)?(?:issues|pull|merge_requests)/(?P<at>\d+))"
)
_CLOSING = re.compile(
    r"(?i:\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?))\b:?\s+"
    rf"(?:(?i:issues?|bug|gh)[\s-]*)?(?P<targets>{re.sub('[?]P<[a-z]+>', '?:', _TARGET)}"
    rf"(?:(?:,|\s+and|\s*&)\s*{re.sub('[?]P<[a-z]+>', '?:', _TARGET)})*)"
)
_ONE = re.compile(_TARGET)
_HINT = re.compile(r"[#!]\d|[A-Z0-9]-\d|://")
"""Most texts hold none of these; a quick look spares the long expression."""
_MERGED = re.compile(r"^Merge (?:pull request|PR) #(\d+)\b")
_SQUASHED = re.compile(r"\(#(\d+)\)\s*$")
_GITLAB = re.compile(r"^See merge request (?:[\w./-]+)?!(\d+)\s*$", re.MULTILINE)
_KEY = re.compile(r"(?<![A-Za-z0-9-])[A-Z][A-Z0-9]{1,9}-\d+\b")

CLOSES, CARRIES, NAMES = 0.95, 0.98, 0.9
"""How much of a verdict's confidence survives the link: closes it, is its commit, names it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that an item says it belongs to: ``repository`` and ``number``, or ``key``."""

    repository: str
    name: str
    strength: float
    words: str


def references(item: WorkItem) -> Iterator[Reference]:
    """What an item says it belongs to, in the order of the text."""
    if item.item_kind is ItemKind.COMMIT:
        for pattern, text in ((_MERGED, item.title), (_SQUASHED, item.title), (_GITLAB, item.body)):
            for found in pattern.finditer(text):
                yield Reference(item.repository, found[1], CARRIES, f"It is part of #{found[1]}")
    for text in (item.title, item.body):
        if _HINT.search(text):
            for closing in _CLOSING.finditer(text):
                for found in _ONE.finditer(closing["targets"]):
                    name = found["key"] or found["number"] or found["at"]
                    place = found["repository"] or found["place"] or item.repository
                    shown = name if found["key"] else f"#{name}"
                    yield Reference(place, name, CLOSES, f"It closes {shown}")
    for text in (item.title, item.branch):
        for found in _KEY.finditer(text):
            yield Reference(item.repository, found[0], NAMES, f"It names {found[0]}")


@dataclass(frozen=True, slots=True)
class Linked:
    """A verdict that an item takes from what it belongs to."""

    category: Category
    confidence: float
    reason: str
    is_firm: bool
    """True when a person or a team rule decided there."""


class LinkTargets:
    """Verdicts on changes and issues, found by number, key or commit."""

    def __init__(self) -> None:
        self._numbered: dict[tuple[str, str], Verdict] = {}
        self._keyed: dict[str, Verdict] = {}
        self._carried: dict[tuple[str, str], Verdict] = {}

    def add(self, items: Iterable[WorkItem], verdicts: Iterable[Verdict]) -> None:
        """Let later items find these; verdicts that rest on the model or on nothing are not passed on."""
        for item, verdict in zip(items, verdicts, strict=True):
            if verdict.layer in (Layer.MODEL, Layer.NONE):
                continue
            number = item.item_id.rpartition("#")[2]
            if number.isdigit():
                self._numbered.setdefault((item.repository, number), verdict)
            else:
                self._keyed.setdefault(item.item_id, verdict)
            for sha in item.shas:
                self._carried.setdefault((item.repository, sha), verdict)

    def find(self, item: WorkItem) -> Linked | None:
        """The surest verdict among what the item belongs to; None when nothing is known."""
        found: list[Linked] = []
        if item.item_kind is ItemKind.COMMIT and self._carried:
            carrier = self._carried.get((item.repository, item.item_id))
            if carrier:
                found.append(_linked(carrier, CARRIES, f"It is part of #{carrier.item_id}"))
        if self._numbered or self._keyed:
            for reference in references(item):
                target = self._keyed.get(reference.name) or self._numbered.get(
                    (reference.repository, reference.name)
                )
                if target and (target.item_kind, target.item_id) != (item.item_kind, item.item_id):
                    found.append(_linked(target, reference.strength, reference.words))
        return max(found, key=lambda one: (one.is_firm, one.confidence), default=None)


def _linked(target: Verdict, strength: float, words: str) -> Linked:
    reason = target.reason.removesuffix(".")
    return Linked(
        target.category,
        target.confidence * strength,
        f"{words} ({target.item_kind.value}): {reason}",
        target.layer in (Layer.CORRECTION, Layer.TEAM_RULE),
    )
