"""The secrets check: the working tree against the rules and the baseline of ``ktlo secrets``.

What a secret is and how it is found: :mod:`ktlo.guard.secrets` and docs/check-secrets.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ktlo.guard.checks.protocol import Answer, Subject
from ktlo.guard.finding import Outcome
from ktlo.guard.secrets import BASELINE, Scope, load_rules, read_baseline, scan


class Secrets:
    """Secrets in the working tree, or where ``guard.secrets.in`` says."""

    name: ClassVar[str] = "secrets"
    summary: ClassVar[str] = "passwords, keys and tokens that are not in the baseline"

    def run(self, subject: Subject) -> Answer:
        """Scan.

        Raises:
            UserError: rules or baseline cannot be read, or there is no git program.
        """
        said = subject.settings.secrets
        rules = load_rules(subject.beside / Path(said.rules).expanduser()) if said.rules else None
        scope = Scope.TREE if subject.is_past or subject.before else Scope(said.scope)
        # Of an earlier state, too, by today's baseline: with another salt the same secret would look new.
        known = read_baseline((subject.installed or subject.root) / BASELINE)
        found = scan(subject.root, scope, rules, known)
        return Answer(
            Outcome(
                self.name,
                found.findings,
                found.unchecked,
                found.checked,
                found.unit,
                found.stale,
                known=found.tally.known,
            )
        )
