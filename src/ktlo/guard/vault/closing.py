"""Ends a leaked value where it was issued, and proves it: only a value that its issuer refuses is closed.

The old value comes from Vault's earlier version when the secret was moved, else from the working tree or history.
Each answer is in the journal. A lease of Vault is revoked and asked for in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretBytes

from ktlo.errors import UserError
from ktlo.guard.secrets.rules import RuleSet
from ktlo.guard.vault import issuers
from ktlo.guard.vault.finding_again import find_anywhere
from ktlo.guard.vault.issuers import Issuer, Life
from ktlo.guard.vault.journal import Entry, Journal, Step, entry
from ktlo.guard.vault.moving import last, salt_of, secret_bytes
from ktlo.vault import Session, parse_reference


@dataclass(frozen=True, slots=True)
class Old:
    """A value that leaked.

    Attributes:
        fingerprint: which.
        rule: what it was found by.
        path: where.
        reference: where it is in Vault; empty when it is not.
        version: which version holds it.
        value: the value.
    """

    fingerprint: str
    rule: str
    path: str
    reference: str
    version: int
    value: SecretBytes


@dataclass(frozen=True, slots=True)
class Closing:
    """What came of it.

    Attributes:
        life: what the issuer says.
        is_closed: proven dead.
        sentence: for people.
        fix: what is left to do; empty when nothing is.
    """

    life: Life
    is_closed: bool
    sentence: str
    fix: str = ""


def old_value(root: Path, fingerprint: str, rules: RuleSet, session: Session | None) -> Old:
    """The leaked value: from Vault when it was moved there, else from the repository.

    Raises:
        UserError: neither has it.
        SourceError: Vault is away or sealed.
    """
    stored = last(Journal(root), fingerprint, Step.STORED)
    if stored is not None and session is not None:
        value = session.read(parse_reference(stored.reference), stored.version)
        return Old(
            fingerprint, stored.rule, stored.path, stored.reference, stored.version, secret_bytes(value)
        )
    found = find_anywhere(root, fingerprint, rules, salt_of(root))
    return Old(fingerprint, found.rule, found.path, "", 0, found.value)


def issuer_for(old: Old, probe: str, header: str) -> Issuer:
    """Who is asked: the address given, else the issuer of the rule.

    Raises:
        UserError: no issuer is known.
    """
    if probe:
        return issuers.probe_at(probe, header)
    known = issuers.issuer_of(old.rule)
    if known is None:
        names = ", ".join(dict.fromkeys(one.name for one in issuers.ISSUERS))
        raise UserError(
            f"ktlo knows no issuer to ask about {old.rule}, so it cannot prove that the value is dead",
            where=old.path,
            fix=f"End it by hand, then prove it with --probe URL (one that answers 401). Known issuers: {names}",
        )
    return known


def close(root: Path, old: Old, issuer: Issuer, *, revokes: bool, wait: float) -> Closing:
    """Revoke where that is possible and asked for, then ask with the old value; close only when it is refused.

    Args:
        root: the repository's folder.
        old: the leaked value.
        issuer: who is asked.
        revokes: whether to ask for the end, or only to prove it.
        wait: seconds to ask again while it is still alive.

    Raises:
        SourceError: the issuer cannot be reached; then nothing is closed.
    """
    journal = Journal(root)
    life = issuers.life_of(issuer, old.value)
    if life is not Life.DEAD and revokes and issuer.revoke is not None:
        accepted = issuers.revoke(issuer, old.value)
        note = "" if accepted else "the issuer did not say yes"
        journal.add(_step(Step.REVOKED, old, issuer.name, note))
        life = issuers.life_of(issuer, old.value, wait)
    return _conclude(journal, old, issuer.name, life, can_revoke=issuer.revoke is not None)


def close_lease(root: Path, old: Old, lease: str, session: Session) -> Closing:
    """Revoke a lease of Vault and prove that Vault no longer knows it.

    Raises:
        UserError: no permission.
        SourceError: Vault is away or sealed.
    """
    journal = Journal(root)
    if session.is_lease_alive(lease):
        session.revoke_lease(lease)
        journal.add(_step(Step.REVOKED, old, "Vault", "its lease was revoked"))
    life = Life.ALIVE if session.is_lease_alive(lease) else Life.DEAD
    return _conclude(journal, old, "Vault", life, can_revoke=True)


def _conclude(journal: Journal, old: Old, issuer: str, life: Life, *, can_revoke: bool) -> Closing:
    if life is Life.DEAD:
        journal.add(_step(Step.DEAD, old, issuer, "it refused the old value"))
        journal.add(_step(Step.CLOSED, old, issuer, ""))
        return Closing(life, True, f"{issuer} refuses the old value: it is dead, and the finding is closed")
    by_hand = "" if can_revoke else f" {issuer} has no request that ends it: do it there by hand."
    if life is Life.ALIVE:
        journal.add(_step(Step.ALIVE, old, issuer, "it still accepts the old value"))
        return Closing(
            life,
            False,
            f"{issuer} still accepts the old value: it is alive, and nothing is closed.{by_hand}",
            "End it, then run this again: whoever has a copy of the repository can use it now",
        )
    journal.add(_step(Step.UNPROVEN, old, issuer, "its answer decides nothing"))
    return Closing(
        life,
        False,
        f"{issuer} answered neither yes nor no, so nothing is proven and nothing is closed",
        "Try again later",
    )


def _step(step: Step, old: Old, issuer: str, note: str) -> Entry:
    return entry(
        step, old.fingerprint, old.rule, old.path,
        reference=old.reference, version=old.version, issuer=issuer, note=note,
    )  # fmt: skip
