"""Gathers what a scan sees into an :class:`~ktlo.guard.finding.Outcome`: one finding per rule, path and secret.

From here on there are no secrets: only fingerprints, places and counts. A path that holds the secret itself is
shown with the secret struck out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ktlo.guard.finding import Finding, Level, Location, Outcome, Unchecked
from ktlo.guard.secrets.baseline import Baseline
from ktlo.guard.secrets.engine import Sighting
from ktlo.guard.secrets.fingerprint import Fingerprints
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.rules import Context

CHECK = "secrets"
_FIX = (
    "Revoke it where it was issued, issue a new one, keep that outside the repository; removing the line is not"
    " enough, history keeps it"
)
_TEST_PARTS = frozenset(
    {
        "test",
        "tests",
        "testing",
        "testdata",
        "fixtures",
        "fixture",
        "__tests__",
        "spec",
        "examples",
        "example",
        "docs",
        "playground",
    }
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a scan met besides findings.

    Attributes:
        texts: texts scanned (files, blobs, members of archives, messages).
        binaries: binary files that were not scanned.
        links: symbolic links that were not followed.
        absent: files git tracks that are not in the working tree.
        known: findings that are in the baseline.
        dismissed: matches that were not believed or were allowed, by reason; ``allow comment`` among them.
    """

    texts: int = 0
    binaries: int = 0
    links: int = 0
    absent: int = 0
    known: int = 0
    dismissed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecretsOutcome(Outcome):
    """An outcome, with what else the scan met.

    Attributes:
        tally: the counts.
    """

    tally: Tally = field(default_factory=Tally)


class Gathering:
    """Collects during one scan.

    Args:
        baseline: what is known.
        limits: how many findings are kept.
    """

    def __init__(self, baseline: Baseline, limits: Limits) -> None:
        self._baseline, self._limits = baseline, limits
        self._fingerprints = Fingerprints(baseline.salt)
        self._found: dict[str, Finding] = {}
        self._again: Counter[str] = Counter()
        self._known: set[str] = set()
        self._unchecked: dict[tuple[str, str], Unchecked] = {}
        self._over = 0
        self.dismissed: Counter[str] = Counter()
        self.bytes = self.texts = self.binaries = self.links = self.absent = 0

    def sighted(self, sighting: Sighting, path: str, commit: str = "") -> None:
        """Keep a secret's fingerprint and place."""
        rule = sighting.rule
        if len(self._found) >= self._limits.findings:
            self._over += 1
            return
        identity = self._fingerprints.of(rule.id, path, sighting.secret)
        if identity in self._baseline.fingerprints:
            self._known.add(identity)
            return
        self._again[identity] += 1
        if identity in self._found:
            return
        shown = shown_path(_struck(path, sighting.secret))
        level = rule.level
        if rule.context is Context.GENERIC and _is_test(path) and level is not Level.LOW:
            level = Level.LOW
        what = "in" if sighting.line else "by the name of"
        self._found[identity] = Finding(
            check=CHECK,
            rule=rule.id,
            level=level,
            message=f"{rule.description[:1].upper()}{rule.description[1:]} {what} {shown}",
            location=Location(shown, sighting.line, commit),
            fingerprint=identity,
            fix=_FIX,
        )

    def unchecked(self, what: str, reason: str) -> None:
        """Keep that something could not be checked."""
        shown = shown_path(what)
        self._unchecked.setdefault((shown, reason), Unchecked(CHECK, shown, reason))

    def outcome(self) -> SecretsOutcome:
        """What was gathered."""
        if self._over:
            self.unchecked(
                "findings",
                f"{self._over} more were found than the limit of {self._limits.findings}: mend these first",
            )
        findings = [
            replace(one, properties={"occurrences": str(self._again[identity])})
            for identity, one in self._found.items()
        ]
        return SecretsOutcome(
            check=CHECK,
            findings=tuple(sorted(findings, key=lambda one: (one.location, one.rule, one.fingerprint))),
            unchecked=tuple(self._unchecked.values()),
            checked=self.bytes,
            unit="bytes",
            tally=Tally(
                texts=self.texts,
                binaries=self.binaries,
                links=self.links,
                absent=self.absent,
                known=len(self._known),
                dismissed=dict(sorted(self.dismissed.items())),
            ),
        )


def shown_path(path: str) -> str:
    """A path as it may be shown: control characters, escapes and bytes that are no text are escaped."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in path
    )


def _struck(path: str, secret: bytes) -> str:
    text = secret.decode("utf-8", "surrogateescape")
    return path.replace(text, "[secret]") if text else path


def _is_test(path: str) -> bool:
    parts = path.lower().replace("!", "/").split("/")
    return (
        not _TEST_PARTS.isdisjoint(parts)
        or parts[-1].startswith("test_")
        or ".test." in parts[-1]
        or ".spec." in parts[-1]
    )
