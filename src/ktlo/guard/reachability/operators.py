"""Where a body is and what Python calls by itself: operators, conditions, ``with`` and ``in``.

The base of :class:`.expressions.Expressions`. Source: language reference 3.3.8 "Emulating numeric types" and 3.3.1.
"""

from __future__ import annotations

import ast

from ktlo.guard.reachability.attributes import Place
from ktlo.guard.reachability.calls import Site, call_method
from ktlo.guard.reachability.elements import iterate
from ktlo.guard.reachability.engine import Engine
from ktlo.guard.reachability.models import first_method, implicit
from ktlo.guard.reachability.scopes import Scope
from ktlo.guard.reachability.values import (
    Class,
    Code,
    Container,
    External,
    Function,
    Generator,
    Instance,
    Value,
    Variable,
)

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitXor: "xor", ast.BitAnd: "and", ast.MatMult: "matmul",
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("__eq__", "__eq__"), ast.NotEq: ("__ne__", "__ne__"), ast.Lt: ("__lt__", "__gt__"),
    ast.LtE: ("__le__", "__ge__"), ast.Gt: ("__gt__", "__lt__"), ast.GtE: ("__ge__", "__le__"),
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__"}


class Operators:
    """What every part of a body needs, and its operators.

    Attributes:
        engine: the analysis.
        code: the body, the caller of what is called here.
        scope: names.
        module: the module it is in.
        owner: class whose method or body this is.
        prefix: dotted name that what is defined here begins with.
        first: the first parameter, which ``super()`` takes.
    """

    def __init__(
        self,
        engine: Engine,
        code: Code,
        scope: Scope,
        owner: Class | None,
        prefix: str = "",
        first: Variable | None = None,
    ) -> None:
        self.engine = engine
        self.code = code
        self.scope = scope
        self.module = scope.module
        self.owner = owner
        self.prefix = prefix or (f"{code.name}.<locals>." if isinstance(code, Function) else f"{code.name}.")
        self.first = first
        if first is None and isinstance(code, Function) and code.positional:
            self.first = code.parameters[code.positional[0]]
        self._loads: dict[tuple[Variable, str], Variable] = {}

    # --- Plumbing -------------------------------------------------------------------------------------------

    def place(self, node: ast.AST) -> Place:
        """Where a node is."""
        return Place(self.engine, self.code, getattr(node, "lineno", self.code.line))

    def site(self, line: int, *positional: Variable | None, result: Variable | None = None) -> Site:
        """A call at a line."""
        return Site(self.engine, self.code, line, list(positional), result=result)

    def outside(self, name: str, line: int) -> None:
        """A module outside is imported here."""
        self.engine.outside.setdefault((self.code, name), line)

    def variable(self, name: str) -> Variable:
        """The variable a name is bound to."""
        found = self.scope.find(name)
        if found is None:
            found = self.module.variables.setdefault(name, Variable())
        return found

    def method(self, base: Variable | None, name: str, line: int, *arguments: Variable | None) -> Variable:
        """Python calls a method of an object by itself; the result's variable."""
        result = Variable()
        site = self.site(line, *arguments, result=result)

        def use(value: Value) -> None:
            if isinstance(value, Instance):
                self.engine.watch(
                    self.engine.member(value.of, name), lambda found: call_method(site, found, value)
                )

        if base is not None:
            self.engine.watch(base, use)
        return result

    def enter(self, manager: Variable | None, names: tuple[str, str], into: Variable, line: int) -> None:
        """``with``: the context manager's methods, or what a generator yields."""
        if manager is None:
            return
        start = self.site(line, result=into)
        end = self.site(line, None, None, None)

        def use(value: Value) -> None:
            if isinstance(value, Instance):
                self.engine.watch(
                    self.engine.member(value.of, names[0]), lambda found: call_method(start, found, value)
                )
                self.engine.watch(
                    self.engine.member(value.of, names[1]), lambda found: call_method(end, found, value)
                )
            elif isinstance(value, Generator):
                self.engine.copy(value.function.yields, into)
            elif isinstance(value, External):
                self.engine.add(into, value)

        self.engine.watch(manager, use)

    def truth(self, node: ast.expr) -> None:
        """A condition: ``__bool__`` or ``__len__`` of an object."""
        implicit(self.site(node.lineno), self.value(node), ("__bool__", "__len__"))

    def value(self, node: ast.expr) -> Variable | None:
        """The variable of an expression; see :class:`.expressions.Expressions`."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Variable | None) -> None:
        """Bind a target; see :class:`.lowering.Body`."""
        raise NotImplementedError

    # --- Operators ------------------------------------------------------------------------------------------

    def operate(
        self,
        left: Variable | None,
        right: Variable | None,
        operator: ast.operator,
        line: int,
        *,
        in_place: bool = False,
    ) -> Variable | None:
        """A binary operator: the left operand's method, and the right one's reflected."""
        if left is None and right is None:
            return None
        result = Variable()
        word = _BINARY[type(operator)]
        names = ([f"__i{word}__"] if in_place else []) + [f"__{word}__"]
        self._operator(left, tuple(names), right, result, line)
        self._operator(right, (f"__r{word}__",), left, result, line)
        return result

    def _operator(
        self,
        base: Variable | None,
        names: tuple[str, ...],
        other: Variable | None,
        result: Variable,
        line: int,
    ) -> None:
        if base is None:
            return
        engine = self.engine
        site = self.site(line, other, result=result)

        def use(value: Value) -> None:
            if isinstance(value, Instance):
                first_method(site, value, names)
            elif isinstance(value, Container | External):
                engine.add(result, value)

        engine.watch(base, use)

    def _binary(self, node: ast.BinOp) -> Variable | None:
        # "a" + "b" + … may be thousands long: the left side is walked, not descended.
        chain: list[ast.BinOp] = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        left = self.value(chain[-1].left)
        for one in reversed(chain):
            left = self.operate(left, self.value(one.right), one.op, one.lineno)
        return left

    def _unary(self, node: ast.UnaryOp) -> Variable | None:
        if isinstance(node.op, ast.Not):
            self.truth(node.operand)
            return None
        return self.method(self.value(node.operand), _UNARY[type(node.op)], node.lineno)

    def _bool(self, node: ast.BoolOp) -> Variable:
        result = Variable()
        for part in node.values[:-1]:
            value = self.value(part)
            implicit(self.site(part.lineno), value, ("__bool__", "__len__"))
            self.engine.copy(value, result)
        self.engine.copy(self.value(node.values[-1]), result)
        return result

    def _if_else(self, node: ast.IfExp) -> Variable:
        result = Variable()
        self.truth(node.test)
        self.engine.copy(self.value(node.body), result)
        self.engine.copy(self.value(node.orelse), result)
        return result

    def _compare(self, node: ast.Compare) -> Variable:
        result = Variable()
        left = self.value(node.left)
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.value(comparator)
            if isinstance(operator, ast.In | ast.NotIn):
                self._contains(right, left, node.lineno)
            elif type(operator) in _COMPARE:
                own, reflected = _COMPARE[type(operator)]
                names = (own, "__eq__") if own == "__ne__" else (own,)
                self._operator(left, names, right, result, node.lineno)
                if own not in ("__eq__", "__ne__"):
                    self._reflected(left, right, reflected, result, node.lineno)
            left = right
        return result

    def _reflected(
        self, left: Variable | None, right: Variable | None, name: str, result: Variable, line: int
    ) -> None:
        """``1 < x`` asks ``x``; when the left side is an object of its own, its method has answered."""
        if left is None:
            self._operator(right, (name,), left, result, line)

    def _contains(self, base: Variable | None, item: Variable | None, line: int) -> None:
        if base is None:
            return
        engine = self.engine
        site = self.site(line, item, result=Variable())
        place = Place(engine, self.code, line)

        def through(value: Instance) -> None:
            if not engine.has_member(value.of, "__contains__"):
                given = Variable()
                engine.add(given, value)
                iterate(place, given, Variable())

        def use(value: Value) -> None:
            if isinstance(value, Instance):
                own = engine.member(value.of, "__contains__")
                engine.watch(own, lambda found: call_method(site, found, value))
                engine.later(lambda: through(value))

        engine.watch(base, use)
