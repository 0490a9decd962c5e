"""Functions of the project that nobody in it calls: a framework, a test or a user may.

Every function of the project counts as running; its first parameter is an object of its class, and others are what
their annotations say.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ktlo.guard.reachability.values import Class, Function, Value, Variable

if TYPE_CHECKING:
    from ktlo.guard.reachability.expressions import Expressions


def as_root(
    body: Expressions, function: Function, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
) -> None:
    """Take a function as run by somebody outside."""
    engine = body.engine
    engine.reach(function)
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    names = {one.id for one in decorators if isinstance(one, ast.Name)}
    owner = body.scope.of if body.scope.kind == "class" else None
    if owner is not None and function.positional and "staticmethod" not in names:
        receiver: Value = (
            owner if "classmethod" in names or function.name.endswith(".__new__") else owner.instance
        )
        engine.add(function.parameters[function.positional[0]], receiver)
    if isinstance(node, ast.Lambda):
        return
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        if argument.annotation is not None:
            for part in _named(argument.annotation):
                _instances(body, part, function.parameters[argument.arg])


def _instances(body: Expressions, annotation: ast.expr, into: Variable) -> None:
    engine = body.engine
    engine.watch(
        body.value(annotation),
        lambda value: engine.add(into, value.instance) if isinstance(value, Class) else None,
    )


def _named(annotation: ast.expr) -> list[ast.expr]:
    """Classes an annotation may name: alternatives of ``|``, ``Optional`` and ``Union``, text read as code."""
    found: list[ast.expr] = []
    stack = [annotation]
    while stack and len(found) < 10:
        one = stack.pop()
        if isinstance(one, ast.Name | ast.Attribute):
            found.append(one)
        elif isinstance(one, ast.BinOp):
            stack += (one.left, one.right)
        elif isinstance(one, ast.Subscript):
            name = one.value.attr if isinstance(one.value, ast.Attribute) else getattr(one.value, "id", "")
            if name in ("Optional", "Union", "Annotated"):
                stack += one.slice.elts if isinstance(one.slice, ast.Tuple) else [one.slice]
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value) < 200:
            try:
                stack.append(ast.parse(one.value, mode="eval").body)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return found
