"""Is a licence expression allowed? Of ``OR`` one side must be, of ``AND`` every side.

Expressions are parsed by license-expression with the SPDX list. What it does not know is unknown, never allowed by
accident; ``LicenseRef-…`` counts as a name of its own.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Licensing:
    """What policy says.

    Attributes:
        allow: patterns of SPDX ids; all are allowed when empty.
        deny: patterns that are not, whatever ``allow`` says.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """An expression, judged.

    Attributes:
        expression: as SPDX writes it.
        is_allowed: whether policy allows it; ``None`` when it is not understood.
        because: ids that are not allowed, or that are not known.
    """

    expression: str
    is_allowed: bool | None
    because: tuple[str, ...] = ()


def judge_license(text: str, licensing: Licensing) -> Judged:
    """Judge one expression.

    Args:
        text: an SPDX expression, or what a package calls its licence.
        licensing: the policy.
    """
    parsed = _parse(text)
    if parsed is None:
        return Judged(text, None, (text,))
    unknown = sorted({name for name in _names(parsed) if not _is_known(name)})
    expression = str(parsed.render("{symbol.key}"))
    bad = _not_allowed(parsed, licensing)
    if unknown and bad != ():
        # A side that is not understood may still be the one that nobody needs.
        return Judged(expression, None, tuple(unknown))
    return Judged(expression, bad == (), bad)


@functools.cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Any:
    from license_expression import ExpressionError, ExpressionParseError

    try:
        return _spdx().parse(text, validate=False)
    except (ExpressionError, ExpressionParseError, ValueError, RecursionError, AttributeError):
        return None


def _names(node: Any) -> Sequence[str]:
    return [name for symbol in node.symbols for name in _whole(symbol).split(" WITH ")]


def _is_known(name: str) -> bool:
    return name.startswith(("LicenseRef-", "DocumentRef-")) or name in _spdx().known_symbols


def _whole(symbol: Any) -> str:
    """``GPL-2.0-only WITH Classpath-exception-2.0`` is one licence."""
    return str(symbol.render("{symbol.key}"))


def _not_allowed(node: Any, licensing: Licensing) -> tuple[str, ...]:
    """Ids that stand in the way; empty when it is allowed."""
    kind = type(node).__name__
    if kind == "OR":
        sides = [_not_allowed(side, licensing) for side in node.args]
        return () if () in sides else tuple(dict.fromkeys(name for side in sides for name in side))
    if kind == "AND":
        return tuple(dict.fromkeys(name for side in node.args for name in _not_allowed(side, licensing)))
    name = _whole(node)
    base = name.partition(" WITH ")[0]
    if _matches(name, licensing.deny) or (not _is_all_known(name)):
        return (name,)
    if licensing.allow and not (_matches(name, licensing.allow) or _matches(base, licensing.allow)):
        return (name,)
    return ()


def _is_all_known(name: str) -> bool:
    return all(_is_known(part) for part in name.split(" WITH "))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
