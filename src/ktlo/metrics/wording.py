"""A number with its noun, for the sentences of verdicts and sections: one incident, two incidents."""

from __future__ import annotations

import re

_PLURAL = re.compile(r"\b([a-z-]{2,}?)(ies|(?<=ss)es|s)\b")


def counted(n: int, noun: str) -> str:
    """``1 incident``, ``412 incidents``, ``no incidents``; the noun is given in the plural.

    Only plurals in -s, -sses and -ies are known; the nouns are ktlo's own.
    """
    if n == 1:
        noun = _PLURAL.sub(lambda found: found[1] + ("y" if found[2] == "ies" else ""), noun)
    return f"{n:,} {noun}" if n else f"no {noun}"
