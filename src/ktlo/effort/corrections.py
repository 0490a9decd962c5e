"""What people correct: an item's category, and whose an account is.

Checked here, kept in the state, in force at the next derivation: every correction overrides its own item, and
the model learns from all of them (:mod:`ktlo.effort.classify`).
"""

from __future__ import annotations

from ktlo.effort.accounts import parse_account
from ktlo.effort.explain import read_verdict
from ktlo.effort.items import ItemKey
from ktlo.errors import NotFoundError, UserError
from ktlo.records.effort import Category, ItemKind
from ktlo.store import Store
from ktlo.store.state import State

_ALIAS = "SELECT person FROM ktlo.aliases WHERE kind = {kind:String} AND alias = {alias:String}"


def _category(text: str) -> Category:
    spelled = text.strip().casefold().replace(" ", "_").replace("-", "_")
    try:
        return Category(spelled)
    except ValueError:
        known = ", ".join(category.value for category in Category)
        raise UserError(f"“{text}” is no category", fix=f"Choose one of {known}") from None


def _item_kind(text: str) -> ItemKind:
    try:
        return ItemKind(text.strip().casefold())
    except ValueError:
        known = ", ".join(kind.value for kind in ItemKind)
        raise UserError(f"“{text}” is no kind of work item", fix=f"Choose one of {known}") from None


def correct_category(
    store: Store, state: State, item_kind: str, source: str, item_id: str, category: str, author: str
) -> Category:
    """Say what an item was for; in force at the next derivation.

    Args:
        store: knows which items exist.
        state: keeps the correction.
        item_kind: commit, change, issue or incident.
        source: the item's source.
        item_id: sha or external_id.
        category: a category, ``bug_fix`` or ``bug fix``.
        author: who says so.

    Returns:
        The category as it was understood.

    Raises:
        UserError: no such kind or category.
        NotFoundError: no such item.
    """
    key = ItemKey(_item_kind(item_kind), source, item_id)
    meant = _category(category)
    read_verdict(store, key)
    state.correct("category", str(key), meant.value, author)
    return meant


def withdraw_category(state: State, item_kind: str, source: str, item_id: str, author: str) -> None:
    """Take a correction back: rules and model decide again."""
    state.correct("category", str(ItemKey(_item_kind(item_kind), source, item_id)), "", author)


def correct_person(store: Store, state: State, account: str, person: str, author: str) -> None:
    """Say whose an account is; in force at the next derivation.

    Args:
        store: knows which accounts exist.
        state: keeps the correction.
        account: ``mail:ada@acme.org``, ``login:github.com/ada`` or ``name:ada lovelace``.
        person: identifier or name of the person; the account itself parts it from all others; empty takes an
            earlier correction back.
        author: who says so.

    Raises:
        UserError: the account is not written as one.
        NotFoundError: the account does not occur in the records.
    """
    known = parse_account(account)
    if known is None:
        raise UserError(
            f"“{account}” is no account", fix="Write mail:ADDRESS, login:HOST/LOGIN or name:FULL NAME"
        )
    if store.query(_ALIAS, {"kind": known.kind.value, "alias": known.value}).num_rows == 0:
        raise NotFoundError(f"nobody in the records has the account {known}", fix="Check its spelling")
    state.correct("person", str(known), person.strip(), author)
