"""What the states of trackers, pagers and desks mean for an item's life.

The words of tools are in ``vocabulary.toml``; a
person's own words come from the option ``states``. Read by ``history`` and ``nouns``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ktlo.sources.csv.vocabulary import words_of


class StateClass(enum.StrEnum):
    """What a state means for an item's life."""

    NEW = "new"
    """Nobody has taken it yet."""
    ACTIVE = "active"
    WAITING = "waiting"
    """Taken, and held up by somebody else."""
    MITIGATED = "mitigated"
    """The harm has ended; the cause is not mended."""
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    """It was none: a duplicate, a mistake, withdrawn."""


ENDED = frozenset({StateClass.RESOLVED, StateClass.CLOSED, StateClass.CANCELLED})
"""Classes in which nothing is open any more."""

_KNOWN = {word: StateClass(state) for state, words in words_of("states").items() for word in words}
_BEGINNINGS = {
    word: StateClass(state) for state, words in words_of("state_beginnings").items() for word in words
}


_DEPLOYMENTS = {word: status for status, words in words_of("deployment_states").items() for word in words}
DEPLOYMENT_STATUSES = (*words_of("deployment_states"), "unknown")
"""What a deployment's state can mean."""


def known_deployment(text: str) -> str | None:
    """What a deployment's state means by the words tools use; ``None`` when no tool's word is like it."""
    return _DEPLOYMENTS.get(_plain(text))


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())


def known_state(text: str) -> StateClass | None:
    """What a state means by the words tools use; ``None`` when no tool's word is like it."""
    word = _plain(text)
    if word in _KNOWN:
        return _KNOWN[word]
    return next((state for begin, state in _BEGINNINGS.items() if word.startswith(begin)), None)


class StateReader:
    """Reads states by a person's own words first, then by the tools'.

    Args:
        own: option ``states``; upper and lower case do not matter.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = {word.lower(): meaning for word, meaning in own.items()}

    def read(self, text: str) -> StateClass | None:
        """The class of a state; ``None`` when it is not known."""
        own = self._own.get(text.lower())
        return StateClass(own) if own else known_state(text)

    def read_deployment(self, text: str) -> str:
        """The status of a deployment; ``unknown`` when it is not known."""
        return self._own.get(text.lower()) or known_deployment(text) or "unknown"
