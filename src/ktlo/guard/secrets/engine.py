"""Finds secrets in one text: keywords first, then each rule's regex, entropy, checksum, context and allowlists.

One pass of RE2 over the text tells which keywords it holds; most texts hold few, so that few regexes run.
Gives :class:`Sighting` objects, the only place where a secret is held, and never for longer than one text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ktlo.guard.secrets.checksums import CHECKSUMS
from ktlo.guard.secrets.context import dismissal, entropy, is_lock_or_minified
from ktlo.guard.secrets.patterns import Hints, Match, Pattern
from ktlo.guard.secrets.rules import Allowlist, Context, Rule, RuleSet, allows_path

ALLOW_COMMENTS = (b"ktlo:allow", b"gitleaks:allow")
"""Words in a line that allow the secret in it; each use is counted."""
_LINE_MOST = 5_000
"""Characters of a line that are looked at on each side of a secret."""
_MOST_PER_TEXT = 200


@dataclass(frozen=True, slots=True)
class Sighting:
    """One secret in one text.

    Attributes:
        rule: what it was found by.
        line: line it starts on, from 1; 0 when the rule is about the file's name.
        secret: the secret itself: never printed, never stored.
        match: all that the regex matched.
        around: the line, cut when it is long.
    """

    rule: Rule
    line: int
    secret: bytes = field(repr=False)
    match: bytes = field(repr=False)
    around: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text gave.

    Attributes:
        sightings: secrets, in order of place.
        dismissed: how many matches were not believed or were allowed, by reason.
        is_full: False when there were so many matches that the rest was not looked at.
    """

    sightings: tuple[Sighting, ...]
    dismissed: Counter[str]
    is_full: bool = True


class Engine:
    """Rules made ready for many texts.

    Args:
        rules: the rules.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        hints: dict[bytes | Pattern, list[Rule]] = {}
        self._always: list[Rule] = []
        for rule in rules.rules:
            if rule.regex is None:
                continue
            for hint in (rule.hint,) if rule.hint else rule.keywords:
                hints.setdefault(hint, []).append(rule)
            if not rule.hint and not rule.keywords:
                self._always.append(rule)
        self._hints = Hints(list(hints))
        self._by_hint = list(hints.values())
        self._order = {rule.id: place for place, rule in enumerate(rules.rules)}
        self._allowlists = {
            rule.id: (
                *rule.allowlists,
                *(one for one in rules.allowlists if not one.rules or rule.id in one.rules),
            )
            for rule in rules.rules
        }
        self._name_rules = [rule for rule in rules.rules if rule.regex is None]

    def read(self, text: bytes, path: str | None = None, commit: str = "") -> Reading:
        """Secrets of a text.

        Args:
            text: the text; any bytes.
            path: where it is; ``None`` when that is judged later with :meth:`stands`, because it is in several
                places.
            commit: the commit that is looked at, for allowlists; empty in a working tree.
        """
        dismissed: Counter[str] = Counter()
        found: list[tuple[int, int, Sighting]] = []
        is_full = True
        for rule in self._candidates(text, path):
            for match in rule.regex.matches(text) if rule.regex else ():
                if len(found) >= _MOST_PER_TEXT:
                    is_full = False
                    break
                start, end = _secret_span(rule, match)
                if start == end:
                    continue
                line = _line_around(text, start)
                reason = self._reason(rule, text, start, end, line)
                if reason:
                    dismissed[reason] += 1
                    continue
                low, high = match.span()
                number = text.count(b"\n", 0, start) + 1
                sighting = Sighting(rule, number, text[start:end], text[low:high], line)
                if path is not None and self._forgiven(sighting, path, commit):
                    dismissed["allowlist"] += 1
                    continue
                found.append((start, end, sighting))
        return Reading(tuple(_without_echoes(found, dismissed)), dismissed, is_full)

    def stands(self, sighting: Sighting, path: str, commit: str) -> bool:
        """Whether a sighting of a text read without a path counts at this path."""
        rule = sighting.rule
        if rule.path is not None and not allows_path([rule.path], path):
            return False
        if rule.context is Context.GENERIC and is_lock_or_minified(path):
            return False
        return not self._forgiven(sighting, path, commit)

    def read_name(self, path: str, commit: str = "") -> Iterator[Sighting]:
        """Yield what the path alone tells: rules without a regex."""
        for rule in self._name_rules:
            if rule.path is not None and allows_path([rule.path], path):
                sighting = Sighting(rule, 0, b"", b"", b"")
                if not self._forgiven(sighting, path, commit):
                    yield sighting

    def _candidates(self, text: bytes, path: str | None) -> Iterable[Rule]:
        rules = {rule.id: rule for place in self._hints.found(text) for rule in self._by_hint[place]}
        rules.update((rule.id, rule) for rule in self._always)
        if path is not None and rules:
            skip_generic = is_lock_or_minified(path)
            rules = {
                name: rule
                for name, rule in rules.items()
                if (rule.path is None or allows_path([rule.path], path))
                and not (skip_generic and rule.context is Context.GENERIC)
            }
        return sorted(rules.values(), key=lambda rule: self._order[rule.id])

    def _reason(self, rule: Rule, text: bytes, start: int, end: int, line: bytes) -> str:
        secret = text[start:end]
        if rule.entropy and entropy(secret) <= rule.entropy:
            return "low entropy"
        if rule.checksum and not CHECKSUMS[rule.checksum](secret):
            return "wrong checksum"
        if reason := dismissal(rule.context, text, start, end, line):
            return reason
        if any(comment in line for comment in ALLOW_COMMENTS):
            return "allow comment"
        return ""

    def _forgiven(self, sighting: Sighting, path: str, commit: str) -> bool:
        lists: tuple[Allowlist, ...] = self._allowlists[sighting.rule.id]
        return any(
            one.forgives(sighting.secret, sighting.match, sighting.around, path, commit) for one in lists
        )


def _secret_span(rule: Rule, match: Match) -> tuple[int, int]:
    if rule.secret_group:
        return match.span(rule.secret_group)
    groups = rule.regex.groups if rule.regex else 0
    for group in range(1, groups + 1):
        start, end = match.span(group)
        if start >= 0 and end > start:
            return start, end
    return match.span()


def _line_around(text: bytes, start: int) -> bytes:
    """The line that holds ``start``, at most ``_LINE_MOST`` bytes to each side of it."""
    left = text.rfind(b"\n", max(0, start - _LINE_MOST), start)
    left = max(0, start - _LINE_MOST) if left < 0 else left + 1
    right = text.find(b"\n", start, start + _LINE_MOST)
    return text[left : right if right >= 0 else start + _LINE_MOST]


def _without_echoes(found: list[tuple[int, int, Sighting]], dismissed: Counter[str]) -> Iterator[Sighting]:
    """Leave out what a generic rule saw where a telling one saw the same, and twins on one place."""
    telling = [(start, end) for start, end, one in found if one.rule.context is not Context.GENERIC]
    taken: set[tuple[int, int]] = set()
    for start, end, one in sorted(found, key=lambda item: item[0]):
        if one.rule.context is Context.GENERIC and any(start < high and low < end for low, high in telling):
            continue
        if one.rule.context is Context.GENERIC and (start, end) in taken:
            continue
        taken.add((start, end))
        yield one
