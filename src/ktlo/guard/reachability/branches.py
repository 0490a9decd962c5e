"""Conditions that are the same in every run: type checkers' code, old Pythons, the ``__main__`` part of a library."""

from __future__ import annotations

import ast

_OLDEST_PYTHON = (3, 11)


def decide(test: ast.expr, *, is_project: bool) -> bool | None:
    """True or False when a condition is the same in every run; ``None`` otherwise."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = decide(test.operand, is_project=is_project)
        return None if inner is None else not inner
    if isinstance(test, ast.Name | ast.Attribute):
        name = test.id if isinstance(test, ast.Name) else test.attr
        return False if name == "TYPE_CHECKING" else None
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return None
    left, right = test.left, test.comparators[0]
    if isinstance(left, ast.Name) and left.id == "__name__" and isinstance(right, ast.Constant):
        is_main = isinstance(test.ops[0], ast.Eq) and right.value == "__main__"
        return False if is_main and not is_project else None
    return _by_version(left, test.ops[0], right)


def _by_version(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool | None:
    """``sys.version_info < (3,)`` and ``sys.version_info[0] == 2``: true for every supported Python, or for none."""
    is_first = isinstance(left, ast.Subscript)
    base = left.value if isinstance(left, ast.Subscript) else left
    if not (isinstance(base, ast.Attribute) and base.attr == "version_info"):
        return None
    if is_first:
        index = left.slice if isinstance(left, ast.Subscript) else None
        if not (isinstance(index, ast.Constant) and index.value == 0 and isinstance(right, ast.Constant)):
            return None
        major = right.value
        if not isinstance(major, int):
            return None
        results = {ast.Eq: major == 3, ast.NotEq: major != 3, ast.Lt: major > 3, ast.GtE: major <= 3,
                   ast.Gt: major < 3, ast.LtE: major >= 3}  # fmt: skip
        return results.get(type(operator))
    if not isinstance(right, ast.Tuple):
        return None
    parts = [one.value for one in right.elts if isinstance(one, ast.Constant)]
    bound = tuple(part for part in parts if isinstance(part, int))
    if not bound or len(bound) != len(right.elts) or bound > _OLDEST_PYTHON:
        return None
    return {ast.Lt: False, ast.GtE: True}.get(type(operator))
