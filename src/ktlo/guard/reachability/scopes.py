"""Which scope a name belongs to, by Python's own rules (language reference 4.2 "Naming and binding").

A walk over a body, without its nested functions and classes, tells the names it binds and which of them only ever
are known strings; :mod:`.lowering` asks for both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ktlo.guard.reachability.values import Class, Module, Variable

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Bindings:
    """Names a body binds.

    Attributes:
        names: bound here.
        outer: declared ``global`` or ``nonlocal``, with which.
        strings: names that are only ever bound to these constant strings; ``None`` for any other.
        has_yield: the body is a generator's.
    """

    names: set[str] = field(default_factory=set)
    outer: dict[str, str] = field(default_factory=dict)
    strings: dict[str, set[str] | None] = field(default_factory=dict)
    has_yield: bool = False


def bindings(body: Sequence[ast.AST]) -> Bindings:
    """Walk a body; nested functions, classes and lambdas bind their own names."""
    found = Bindings()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                _bind(found, node.id)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            _bind(found, node.name)
            stack += node.decorator_list
            continue
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, _COMPREHENSIONS):
            stack += _walrus(node)
            stack.append(node.generators[0].iter)
            continue
        elif isinstance(node, ast.Assign):
            _strings(found, node.targets, node.value)
            stack.append(node.value)
            stack += (target for target in node.targets if not isinstance(target, ast.Name))
            continue
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            _loop(found, node.target.id, node.iter)
            stack += (node.iter, *node.body, *node.orelse)
            continue
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                _bind(found, alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.Global | ast.Nonlocal):
            kind = "global" if isinstance(node, ast.Global) else "nonlocal"
            found.outer |= dict.fromkeys(node.names, kind)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            _bind(found, node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            _bind(found, node.rest)
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            found.has_yield = True
        stack += ast.iter_child_nodes(node)
    found.names.difference_update(found.outer)
    return found


def _bind(found: Bindings, name: str) -> None:
    found.names.add(name)
    found.strings[name] = None


def _strings(found: Bindings, targets: Iterable[ast.expr], value: ast.expr) -> None:
    for target in targets:
        if not isinstance(target, ast.Name):
            continue
        found.names.add(target.id)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            known = found.strings.setdefault(target.id, set())
            if known is not None:
                known.add(value.value)
        else:
            found.strings[target.id] = None


def _loop(found: Bindings, name: str, over: ast.expr) -> None:
    found.names.add(name)
    parts = over.elts if isinstance(over, ast.Tuple | ast.List | ast.Set) else []
    words = {one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    known = found.strings.setdefault(name, set())
    if known is not None and parts and len(words) == len(parts):
        known |= words
    else:
        found.strings[name] = None


def _walrus(node: ast.AST) -> list[ast.AST]:
    """``:=`` in a comprehension binds in the scope around it."""
    return [one.target for one in ast.walk(node) if isinstance(one, ast.NamedExpr)]


class Scope:
    """Names of one body and the scope around it."""

    __slots__ = ("around", "kind", "module", "of", "outer", "strings", "variables")

    def __init__(
        self,
        kind: str,
        module: Module,
        around: Scope | None,
        found: Bindings,
        variables: dict[str, Variable],
        of: Class | None = None,
    ) -> None:
        self.kind = kind
        self.module = module
        self.around = around
        self.outer = found.outer
        self.strings = found.strings
        self.variables = variables
        self.of = of
        for name in found.names:
            variables.setdefault(name, Variable())

    def find(self, name: str) -> Variable | None:
        """The variable a name means here; ``None`` when no scope up to the module's binds it."""
        scope: Scope | None = self
        declared = self.outer.get(name)
        if declared == "nonlocal":
            scope = self.around
        while scope is not None and scope.kind != "module" and declared != "global":
            # A class's names are seen in its body, not in its methods.
            if (scope is self or scope.kind != "class") and name in scope.variables:
                return scope.variables[name]
            if scope.outer.get(name) == "global":
                break
            scope = scope.around
        return self.module.variables.get(name)

    def constant(self, name: str) -> set[str] | None:
        """The strings a name always is one of, when nothing else is ever bound to it."""
        scope: Scope | None = self
        while scope is not None:
            if (scope is self or scope.kind != "class") and name in scope.variables:
                return scope.strings.get(name)
            scope = scope.around
        return None
