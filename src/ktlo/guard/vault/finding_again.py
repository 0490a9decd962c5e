"""Gets a found secret back by its fingerprint, because no report and no baseline holds it.

The scan runs again with the salt of the repository's baseline; what matches the fingerprint is kept in memory, as a
value that does not print itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretBytes

from ktlo.errors import UserError
from ktlo.guard.secrets.baseline import Baseline
from ktlo.guard.secrets.engine import Engine, Sighting
from ktlo.guard.secrets.fingerprint import Fingerprints
from ktlo.guard.secrets.gathering import Gathering
from ktlo.guard.secrets.history import scan_all_history
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.rules import RuleSet
from ktlo.guard.secrets.tree import scan_working_tree


@dataclass(frozen=True, slots=True)
class Found:
    """A secret found again.

    Attributes:
        fingerprint: what it was asked for by.
        rule: what it was found by.
        path: file, relative to the folder that was scanned.
        line: where it starts; 0 when the rule is about the file's name.
        commit: where it was seen, when it is in history only; else empty.
        value: the secret.
    """

    fingerprint: str
    rule: str
    path: str
    line: int
    commit: str
    value: SecretBytes


class _Seeking(Gathering):
    """A gathering that keeps the one secret it is looking for."""

    def __init__(self, fingerprint: str, salt: bytes, limits: Limits) -> None:
        super().__init__(Baseline(salt), limits)
        self._wanted, self._digests = fingerprint, Fingerprints(salt)
        self.found: Found | None = None

    def sighted(self, sighting: Sighting, path: str, commit: str = "") -> None:
        """Compare, and keep what was looked for."""
        if self.found is not None:
            return
        identity = self._digests.of(sighting.rule.id, path, sighting.secret)
        if identity == self._wanted:
            value = SecretBytes(sighting.secret)
            self.found = Found(identity, sighting.rule.id, path, sighting.line, commit, value)


def find_in_tree(root: Path, fingerprint: str, rules: RuleSet, salt: bytes) -> Found | None:
    """The secret in the working tree; ``None`` when it is not there (any more)."""
    seeking = _Seeking(fingerprint, salt, Limits())
    scan_working_tree(root, Engine(rules), seeking, Limits())
    return seeking.found


def find_anywhere(root: Path, fingerprint: str, rules: RuleSet, salt: bytes) -> Found:
    """The secret in the working tree, else in the whole history.

    Raises:
        UserError: no version of any file holds it.
    """
    found = find_in_tree(root, fingerprint, rules, salt)
    if found is None:
        seeking = _Seeking(fingerprint, salt, Limits())
        scan_all_history(root, Engine(rules), seeking, Limits())
        found = seeking.found
    if found is None:
        raise UserError(
            "no file and no version of one holds a secret with this fingerprint",
            where=fingerprint,
            fix="`ktlo secrets scan` prints fingerprints; they change with the baseline's salt",
        )
    return found
