"""Moves a found secret into Vault and leaves a reference in the file; what was interrupted is taken up again.

The order keeps everything: the value is in Vault and read back before the file is touched, and the file is written
only when it is still what was read. Each step is in the journal. A moved secret is still burnt: ``closing`` ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretBytes, SecretStr

from ktlo.errors import UserError
from ktlo.guard.secrets.baseline import BASELINE, read_baseline
from ktlo.guard.secrets.rules import RuleSet
from ktlo.guard.vault.finding_again import Found, find_anywhere, find_in_tree
from ktlo.guard.vault.journal import Entry, Journal, Step, entry
from ktlo.guard.vault.placing import Plan, plan, write
from ktlo.vault import Reference, Session


@dataclass(frozen=True, slots=True)
class Move:
    """What a move would do, or did.

    Attributes:
        found: the secret.
        reference: where it goes.
        planned: the change of the file; ``None`` when the file holds the reference already.
        is_stored: whether Vault holds the value there already.
        version: version in Vault that holds it; 0 before it is stored.
    """

    found: Found
    reference: Reference
    planned: Plan | None
    is_stored: bool
    version: int = 0

    @property
    def diff(self) -> str:
        """The change, with the secret struck out; empty when there is none."""
        return self.planned.diff(self.found.value) if self.planned else ""


def prepare(
    root: Path, fingerprint: str, reference: Reference, leave: str, rules: RuleSet, session: Session
) -> Move:
    """Find the secret and work out what a move would change; nothing is written.

    Args:
        root: the repository's folder.
        fingerprint: which secret.
        reference: where it should go.
        leave: ``reference``, or ``env:NAME``.
        rules: what it was found with.
        session: Vault.

    Raises:
        UserError: it is not in the working tree (only in history, or gone), the file cannot be edited, another value
            is in Vault at that key, or Vault refuses.
        SourceError: Vault is away or sealed.
    """
    found = find_in_tree(root, fingerprint, rules, salt_of(root))
    if found is None:
        raise _not_in_tree(root, fingerprint, rules)
    if not found.line:
        raise UserError(
            "this finding is about a file's name: the whole file is the secret",
            where=found.path,
            fix="Put the file's content into Vault by hand, then remove the file",
        )
    text = _text(found)
    planned = plan(root, found.path, found.value, str(reference) if leave == "reference" else leave)
    held = session.held(reference)
    there = held.values.get(reference.key)
    if there is not None and there != text:
        raise UserError(
            "Vault holds another value at this key, which is not overwritten",
            where=str(reference),
            fix="Choose another path or key; a new value for the same key is written by `ktlo secrets rotate`",
        )
    return Move(found, reference, planned, there == text, held.version if there == text else 0)


def carry_out(root: Path, move: Move, session: Session) -> Move:
    """Store, read back, replace; each step is in the journal before the next begins.

    Raises:
        UserError, SourceError: as :meth:`prepare`; what was done by then stays, and doing it again goes on from there.
    """
    journal = Journal(root)
    found, reference = move.found, move.reference
    version = move.version
    if not move.is_stored:
        value = SecretStr(_text(found))
        version = session.write(reference, value, session.held(reference))
        if session.read(reference).get_secret_value() != value.get_secret_value():
            raise UserError(
                "Vault does not give back what was written; the file was not touched", where=str(reference)
            )
    if not _was(journal, found.fingerprint, Step.STORED, reference):
        journal.add(_step(Step.STORED, found, reference, version))
    if move.planned is not None:
        write(root, move.planned)
        journal.add(_step(Step.REPLACED, found, reference, version))
    return Move(found, reference, move.planned, True, version)


def rotate(root: Path, fingerprint: str, new: SecretStr, session: Session) -> Entry:
    """Write a new value where a moved secret is kept; the old one stays in an earlier version, to be revoked.

    Args:
        root: the repository's folder.
        fingerprint: which secret.
        new: the new value, as its issuer gave it.
        session: Vault.

    Raises:
        UserError: it was never moved, or the new value is the old one.
        SourceError: Vault is away or sealed.
    """
    journal = Journal(root)
    stored = last(journal, fingerprint, Step.STORED)
    if stored is None:
        raise UserError(
            "this secret was not moved into Vault, so there is nothing to rotate",
            where=fingerprint,
            fix="First `ktlo secrets move`",
        )
    from ktlo.vault import parse_reference

    reference = parse_reference(stored.reference)
    held = session.held(reference)
    old = session.read(reference, stored.version)
    if new.get_secret_value() == old.get_secret_value():
        raise UserError(
            "the new value is the old one", where=str(reference), fix="Have its issuer make a new one"
        )
    if held.values.get(reference.key) == new.get_secret_value():
        version = held.version  # written before an interruption
    else:
        version = session.write(reference, new, held)
    step = entry(
        Step.ROTATED,
        fingerprint,
        stored.rule,
        stored.path,
        reference=str(reference),
        version=stored.version,
        note=f"version {version} is the new one",
    )
    journal.add(step)
    return step


def salt_of(root: Path) -> bytes:
    """The salt that fingerprints of this repository are made with."""
    return read_baseline(root / BASELINE).salt


def last(journal: Journal, fingerprint: str, *steps: Step) -> Entry | None:
    """The newest entry of some kinds about a secret; ``None`` when there is none."""
    return next((one for one in reversed(journal.entries(fingerprint)) if one.step in steps), None)


def _not_in_tree(root: Path, fingerprint: str, rules: RuleSet) -> UserError:
    done = last(Journal(root), fingerprint, Step.REPLACED)
    if done is not None:
        return UserError(
            f"this secret was moved already ({done.at}): the file refers to {done.reference}",
            where=done.path,
            fix="Next: `ktlo secrets revoke` ends the old value and proves it",
        )
    found = find_anywhere(root, fingerprint, rules, salt_of(root))
    return UserError(
        f"the secret is in history only (commit {found.commit[:12]}), so there is no line to replace",
        where=found.path,
        fix="`ktlo secrets revoke` ends it at its issuer and proves it; history keeps the dead value",
    )


def _was(journal: Journal, fingerprint: str, step: Step, reference: Reference) -> bool:
    before = last(journal, fingerprint, step)
    return before is not None and before.reference == str(reference)


def _text(found: Found) -> str:
    try:
        return found.value.get_secret_value().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            "the secret is not text, so it cannot be kept as a key's value", where=found.path
        ) from None


def _step(step: Step, found: Found, reference: Reference, version: int) -> Entry:
    return entry(step, found.fingerprint, found.rule, found.path, reference=str(reference), version=version)


def secret_bytes(text: SecretStr) -> SecretBytes:
    """The same secret as bytes."""
    return SecretBytes(text.get_secret_value().encode())
