"""The team's own rules, ``rules:`` in ktlo.yaml: they go before every built-in one.

Compiles :class:`~ktlo.settings.RuleSettings` once; the first rule whose conditions all hold decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate

from ktlo.effort.items import WorkItem
from ktlo.effort.rules import Finding
from ktlo.errors import UserError
from ktlo.records.effort import Category
from ktlo.settings import RuleSettings

CONFIDENCE = 0.99
"""The team decides what its words mean; what is left is the rule that catches more than was meant."""


def _wildcard(pattern: str) -> re.Pattern[str] | None:
    return re.compile(translate(pattern.casefold())) if pattern else None


@dataclass(frozen=True, slots=True)
class TeamRule:
    """One compiled rule; a condition that was not given is None."""

    number: int
    category: Category
    text: str
    label: re.Pattern[str] | None
    issue_type: re.Pattern[str] | None
    request_type: re.Pattern[str] | None
    title: re.Pattern[str] | None
    branch: re.Pattern[str] | None
    path: re.Pattern[str] | None
    repository: re.Pattern[str] | None

    def holds(self, item: WorkItem) -> bool:
        """True when every given condition holds for the item."""
        return (
            (not self.repository or self.repository.match(item.repository.casefold()) is not None)
            and (not self.issue_type or self.issue_type.match(item.issue_type.casefold()) is not None)
            and (not self.request_type or self.request_type.match(item.request_type.casefold()) is not None)
            and (not self.branch or self.branch.match(item.branch.casefold()) is not None)
            and (not self.title or self.title.search(item.title) is not None)
            and (not self.label or any(self.label.match(name.casefold()) for name in item.labels))
            and (
                not self.path
                or (bool(item.paths) and all(self.path.match(path.casefold()) for path in item.paths))
            )
        )


class TeamRules:
    """The rules of ktlo.yaml in their order.

    Args:
        settings: the rules as written.

    Raises:
        UserError: a rule has no condition, or its title is no regular expression.
    """

    def __init__(self, settings: Sequence[RuleSettings]) -> None:
        self._rules = [_compile(number, rule) for number, rule in enumerate(settings, 1)]

    def finding(self, item: WorkItem) -> Finding | None:
        """What the first rule that holds says; None when none holds."""
        for rule in self._rules:
            if rule.holds(item):
                return Finding(
                    f"team-{rule.number}",
                    rule.category,
                    CONFIDENCE,
                    f"Rule {rule.number} of ktlo.yaml: {rule.text}",
                )
        return None


def _compile(number: int, rule: RuleSettings) -> TeamRule:
    given = {name: value for name, value in rule.model_dump(exclude={"category"}).items() if value}
    if not given:
        raise UserError(
            "the rule has no condition and would catch everything",
            where=f"rules, rule {number}",
            fix="Give at least one of label, issue_type, request_type, title, branch, path, repository",
        )
    try:
        title = re.compile(rule.title) if rule.title else None
    except re.error as error:
        raise UserError(
            f"“{rule.title}” is not a regular expression: {error}",
            where=f"rules, rule {number}, title",
            fix="Mend it; a plain word is found as it is, . ( ) [ ] + * ? need a \\ before them",
        ) from error
    return TeamRule(
        number=number,
        category=Category(rule.category),
        text=", ".join(f"{name.replace('_', ' ')} “{value}”" for name, value in given.items()),
        label=_wildcard(rule.label),
        issue_type=_wildcard(rule.issue_type),
        request_type=_wildcard(rule.request_type),
        title=title,
        branch=_wildcard(rule.branch),
        path=_wildcard(rule.path),
        repository=_wildcard(rule.repository),
    )
