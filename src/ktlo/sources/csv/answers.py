"""Answers to a proposal's questions, as a page's form and the command line collect them, turned into options.

An answer is named like the question's ``option``: ``dates``, ``mapping.external_id``, ``states.On Ice``. What comes
out is what :func:`ktlo.sources.csv.propose.propose` takes as ``said``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NESTED = ("mapping", "states", "severities", "date_columns")


def said_from(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Nest answers by the dots of their names; empty answers are left out.

    Args:
        answers: value by option; ``states.On Ice`` is the state "On Ice" of the option ``states``.
    """
    said: dict[str, Any] = {}
    for option, value in answers.items():
        if value in ("", None):
            continue
        group, dot, rest = option.partition(".")
        if dot and group in _NESTED:
            said.setdefault(group, {})[rest] = value
        else:
            said[option] = value
    return said
