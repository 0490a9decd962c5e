"""The category of every work item, in layers: the first that knows decides, and says why.

correction > team rule > a vulnerability that it ended > link to what a person or team rule decided > what is
stated about the item > link to other stated work > what its branch or paths suggest > trained model > none. The
order is argued in docs/effort.md. Takes work items, gives :class:`~ktlo.records.effort.Verdict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ktlo.effort.ended import Ended
from ktlo.effort.features import Evidence
from ktlo.effort.items import WorkItem
from ktlo.effort.links import Linked, LinkTargets
from ktlo.effort.model import Correction as Lesson
from ktlo.effort.model import Verdict as Opinion
from ktlo.effort.model import fit_corrections, load_model
from ktlo.effort.rules import Finding, Ground, built_in_finding
from ktlo.effort.team_rules import TeamRules
from ktlo.records.effort import Category, ItemKind, Layer, Verdict
from ktlo.store.state import Correction

_ENDED_CONFIDENCE = 0.95
"""Declared reliability: an update of dependency files that ended a known vulnerability."""


class Classifier(Protocol):
    """What is asked where no rule speaks (:class:`ktlo.effort.model.CategoryModel`)."""

    def classify(self, items: Sequence[Evidence]) -> Sequence[Opinion]:
        """Judge the items, in their order; unattributed where it cannot tell."""


def shipped_classifier(lessons: Sequence[Lesson]) -> Classifier:
    """The model in the wheel, after what people corrected."""
    return fit_corrections(load_model(), lessons)


class NoClassifier:
    """Stands in where no model is wanted: knows nothing."""

    def classify(self, items: Sequence[Evidence]) -> Sequence[Opinion]:
        """Leave every item unattributed."""
        return [Opinion(Category.UNATTRIBUTED, 0.0, "no rule speaks and no model was asked")] * len(items)


def evidence_of(item: WorkItem) -> Evidence:
    """What the model reads of an item."""
    return Evidence(item.title, item.body, item.paths, item.lines_added, item.lines_deleted)


def corrected_categories(corrections: Iterable[Correction]) -> dict[str, tuple[Category, str]]:
    """Category and author by key of every correction in force; unknown categories are left out."""
    known = {category.value for category in Category}
    return {
        correction.key: (Category(correction.value), correction.author)
        for correction in corrections
        if correction.value in known
    }


class Layers:
    """Classifies items.

    Args:
        team_rules: the rules of ktlo.yaml.
        corrected: category and author by item key, see :func:`corrected_categories`.
        classifier: asked where no rule speaks.
        ended: what commits ended; nothing when not given.
    """

    def __init__(
        self,
        team_rules: TeamRules,
        corrected: Mapping[str, tuple[Category, str]],
        classifier: Classifier,
        ended: Ended | None = None,
    ) -> None:
        self._team_rules = team_rules
        self._corrected = corrected
        self._classifier = classifier
        self._ended = ended or Ended({})

    def classify(self, items: Sequence[WorkItem], targets: LinkTargets) -> list[Verdict]:
        """Give each item its verdict, in order.

        Args:
            items: work items; a batch of some thousands is best, since the model works on batches.
            targets: verdicts on the changes and issues that items may belong to.
        """
        verdicts: list[Verdict | None] = []
        silent: list[int] = []
        for at, item in enumerate(items):
            verdict = self._explicit(item, targets)
            if verdict is None and item.is_merge:
                reason = "It merges branches and says nothing of their work"
                verdict = _verdict(item, Category.UNATTRIBUTED, Layer.NONE, 0.0, reason)
            if verdict is None:
                silent.append(at)
            verdicts.append(verdict)
        opinions = self._classifier.classify([evidence_of(items[at]) for at in silent])
        for at, opinion in zip(silent, opinions, strict=True):
            layer = Layer.MODEL if opinion.confidence > 0 else Layer.NONE
            verdicts[at] = _verdict(
                items[at], opinion.category, layer, opinion.confidence, _sentence(opinion.reason)
            )
        return [verdict for verdict in verdicts if verdict is not None]

    def _explicit(self, item: WorkItem, targets: LinkTargets) -> Verdict | None:
        if self._corrected:
            said = self._corrected.get(str(item.key))
            if said:
                return _verdict(item, said[0], Layer.CORRECTION, 1.0, f"Corrected by {said[1] or 'a person'}")
        ruled = self._team_rules.finding(item)
        if ruled:
            return _found(item, ruled, Layer.TEAM_RULE)
        ended = self._ended.reason(item)
        if ended:
            return _verdict(item, Category.SECURITY, Layer.LINKED, _ENDED_CONFIDENCE, ended)
        linked = targets.find(item) if item.item_kind is not ItemKind.INCIDENT else None
        if linked and linked.is_firm:
            return _taken(item, linked)
        stated = built_in_finding(item)
        if stated and stated.ground is Ground.STATED:
            return _found(item, stated, Layer.BUILT_IN_RULE)
        if linked:
            return _taken(item, linked)
        return _found(item, stated, Layer.BUILT_IN_RULE) if stated else None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _taken(item: WorkItem, linked: Linked) -> Verdict:
    return _verdict(item, linked.category, Layer.LINKED, linked.confidence, linked.reason)


def _found(item: WorkItem, finding: Finding, layer: Layer) -> Verdict:
    return _verdict(item, finding.category, layer, finding.confidence, finding.reason)


def _verdict(item: WorkItem, category: Category, layer: Layer, confidence: float, reason: str) -> Verdict:
    return Verdict(
        item_kind=item.item_kind,
        source=item.source,
        item_id=item.item_id,
        repository=item.repository,
        title=item.title,
        category=category,
        layer=layer,
        confidence=confidence,
        reason=reason,
        occurred_at=item.occurred_at,
    )
