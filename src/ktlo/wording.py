"""A number with its noun, wherever ktlo says one: one incident, two incidents."""

from __future__ import annotations

import re

_PLURAL = re.compile(r"\b([a-z-]{2,}?)(ies|(?<=ss)es|(?<=[nrt]ch)es|(?<=x)es|(?<=tus)es|s)\b")
_IRREGULAR = {"people": "person", "series": "series"}


def counted(n: int, noun: str, *, zero: str = "no") -> str:
    """``1 incident``, ``412 incidents``, ``no incidents``; the noun is given in the plural.

    Only plurals in -s, -sses, -xes, -ches and -ies are known, and people; the nouns are ktlo's own.

    Args:
        n: how many.
        noun: of what, in the plural; every plural in it becomes singular for one.
        zero: what stands for the number 0.
    """
    return f"{n:,} {named(n, noun)}" if n else f"{zero} {noun}"


def named(n: float, noun: str) -> str:
    """The noun alone, for a number that is written in another way: ``hour`` for 1, ``hours`` for any other."""
    if n != 1:
        return noun
    return " ".join(_IRREGULAR.get(word) or _PLURAL.sub(_one, word) for word in noun.split(" "))


def _one(found: re.Match[str]) -> str:
    return found[1] + ("y" if found[2] == "ies" else "")
