"""Turns expressions into variables: what a name, a call or a display may give.

The base of :class:`.lowering.Body`. ``None`` stands for "nothing that can be called", such as numbers.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from ktlo.guard.reachability.attributes import ANY, global_variable, load
from ktlo.guard.reachability.calls import Site, call
from ktlo.guard.reachability.containers import everything, field
from ktlo.guard.reachability.elements import advance, iterate, load_element
from ktlo.guard.reachability.models import implicit, is_known_builtin
from ktlo.guard.reachability.operators import Operators
from ktlo.guard.reachability.scopes import Bindings, Scope, bindings
from ktlo.guard.reachability.values import (
    Builtin,
    Container,
    Function,
    Generator,
    Instance,
    Module,
    Value,
    Variable,
)

_BUILTINS = frozenset(dir(builtins))


class Expressions(Operators):
    """What a body's expressions may give."""

    # --- Expressions ----------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Variable | None:
        """The variable of an expression; ``None`` when it gives nothing that can be called."""
        handler = _EXPRESSIONS.get(type(node))
        return handler(self, node) if handler is not None else None

    def _name(self, node: ast.Name) -> Variable | None:
        name = node.id
        found = self.scope.find(name)
        if found is not None:
            if self.module.stars and name in self.module.variables and found is self.module.variables[name]:
                global_variable(self.engine, self.module, name)
            return found
        found = global_variable(self.engine, self.module, name)
        if found is not None:
            return found
        if is_known_builtin(name):
            made = Variable()
            self.engine.add(made, Builtin(name))
            if self.module.stars:
                self.module.variables[name] = made
                return global_variable(self.engine, self.module, name)
            return made
        if name == "__class__" and self.owner is not None:
            made = Variable()
            self.engine.add(made, self.owner)
            return made
        if name in _BUILTINS:
            return None if not name[:1].isupper() else self._exception(name)
        if self.module.stars:
            return self.module.variables.setdefault(name, Variable())
        return None

    def _exception(self, name: str) -> Variable:
        made = Variable()
        self.engine.add(made, self.engine.external(f"builtins.{name}"))
        return made

    def _attribute(self, node: ast.Attribute) -> Variable | None:
        base = self.value(node.value)
        if base is None:
            return None
        key = (base, node.attr)
        found = self._loads.get(key)
        if found is None:
            found = self._loads[key] = Variable()
            load(self.place(node), base, node.attr, found)
        return found

    def _call(self, node: ast.Call) -> Variable | None:
        called = self.value(node.func)
        result = Variable()
        site = Site(
            self.engine, self.code, node.lineno, result=result, scope_owner=self.owner, first=self.first
        )
        self._arguments(node, site)
        if isinstance(node.func, ast.Attribute):
            # By name, for what nobody could follow: see CallGraph.guesses.
            if called is None:
                called = Variable()
            self.engine.unresolved.setdefault((self.code, node.func.attr), (node.lineno, called))
        if called is None:
            return None
        self.engine.watch(called, lambda value: call(site, value))
        return result

    def _arguments(self, node: ast.Call, site: Site) -> None:
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                given = self.value(argument.value)
                if given is not None:
                    site.star.append((len(site.positional), given))
                continue
            position = len(site.positional)
            site.positional.append(self.value(argument))
            words = self._words(argument)
            if words is not None:
                site.words[position] = words
            elif position == 1 and (prefix := _prefix(argument)):
                site.words[-1] = {prefix}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                if value is not None:
                    site.double_star.append(value)
            else:
                site.keywords[keyword.arg] = value
                words = self._words(keyword.value)
                if keyword.arg == "package" and words is not None:
                    site.words[1] = words

    def _words(self, node: ast.expr) -> set[str] | None:
        if isinstance(node, ast.Constant):
            return {node.value} if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            if node.id == "__package__":
                return {self.module.package}
            if node.id == "__name__":
                return {self.module.name}
            found = self.scope.constant(node.id)
            return set(found) if found else None
        if isinstance(node, ast.IfExp):
            parts = (self._words(node.body), self._words(node.orelse))
            return None if parts[0] is None or parts[1] is None else parts[0] | parts[1]
        return None

    def key(self, node: ast.expr) -> tuple[object, Variable | None]:
        """A subscript as a constant key (or ``ANY``) and as a variable."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | bytes):
            return node.value, None
        words = self._words(node)
        if words is not None and len(words) == 1:
            return next(iter(words)), None
        return ANY, self.value(node)

    def _subscript(self, node: ast.Subscript) -> Variable | None:
        base = self.value(node.value)
        key, index = self.key(node.slice)
        if base is None:
            return None
        if isinstance(node.slice, ast.Slice):
            made = Container()
            everything_of = Variable()
            load_element(self.place(node), base, ANY, index, everything_of)
            self.engine.copy(everything_of, made.element)
            self.engine.add(everything_of, made)
            return everything_of
        result = Variable()
        load_element(self.place(node), base, key, index, result)
        return result

    def _lambda(self, node: ast.Lambda) -> Variable:
        made = Variable()
        self.engine.add(made, self.make_function(node))
        return made

    def _display(self, node: ast.List | ast.Tuple | ast.Set) -> Variable | None:
        made = Container()
        is_empty = True
        after_star = False
        for position, part in enumerate(node.elts):
            if isinstance(part, ast.Starred):
                iterate(self.place(node), self.value(part.value), made.element)
                is_empty, after_star = False, True
                continue
            value = self.value(part)
            if value is not None:
                is_empty = False
                keyed = not after_star and not isinstance(node, ast.Set) and position < 100
                self.engine.copy(value, field(made, position) if keyed else made.element)
        del is_empty
        return self._holding(made)

    def _holding(self, made: Value) -> Variable:
        variable = Variable()
        self.engine.add(variable, made)
        return variable

    def _dict(self, node: ast.Dict) -> Variable:
        made = Container(is_dict=True)
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item)
            if key is None:
                self.engine.watch(value, lambda one: self._spread(one, made))
                continue
            constant, index = self.key(key)
            self.engine.copy(value, made.element if constant is ANY else field(made, constant))
            self.engine.copy(index, made.keys)
        return self._holding(made)

    def _spread(self, value: Value, into: Container) -> None:
        if isinstance(value, Container):
            everything(self.engine, value, into.element)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Variable:
        made = Container()
        inner = self._inside(node.generators)
        self.engine.copy(inner.value(node.elt), made.element)
        return self._holding(made)

    def _dict_comprehension(self, node: ast.DictComp) -> Variable:
        made = Container(is_dict=True)
        inner = self._inside(node.generators)
        self.engine.copy(inner.value(node.key), made.keys)
        self.engine.copy(inner.value(node.value), made.element)
        return self._holding(made)

    def _inside(self, generators: list[ast.comprehension]) -> Expressions:
        names = Bindings()
        for one in generators:
            names.names |= {part.id for part in ast.walk(one.target) if isinstance(part, ast.Name)}
        scope = Scope("comprehension", self.module, self.scope, names, {}, None)
        inner = type(self)(self.engine, self.code, scope, self.owner, self.prefix, self.first)
        for count, one in enumerate(generators):
            over = (self if count == 0 else inner).value(one.iter)
            item = Variable()
            iterate(self.place(one.iter), over, item, is_async=bool(one.is_async))
            inner.assign(one.target, item)
            for condition in one.ifs:
                inner.truth(condition)
        return inner

    def _await(self, node: ast.Await) -> Variable | None:
        value = self.value(node.value)
        if value is None:
            return None
        result = Variable()
        engine = self.engine

        def use(one: Value) -> None:
            if isinstance(one, Instance):
                given = self.method_of(one, "__await__", node.lineno)
                engine.watch(given, lambda made: advance(self.place(node), made, "__next__", result))
            engine.add(result, one)

        engine.watch(value, use)
        return result

    def method_of(self, instance: Instance, name: str, line: int) -> Variable:
        """The result of a method that Python calls."""
        base = Variable()
        self.engine.add(base, instance)
        return self.method(base, name, line)

    def _yield(self, node: ast.Yield) -> Variable | None:
        if node.value is not None:
            value = self.value(node.value)
            if isinstance(self.code, Function):
                self.engine.copy(value, self.code.yields)
        return None

    def _yield_from(self, node: ast.YieldFrom) -> Variable | None:
        value = self.value(node.value)
        if isinstance(self.code, Function):
            iterate(self.place(node), value, self.code.yields)
        result = Variable()
        self.engine.watch(
            value,
            lambda one: self.engine.copy(one.function.result, result) if isinstance(one, Generator) else None,
        )
        return result

    def _formatted(self, node: ast.JoinedStr) -> None:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                names: tuple[str, ...] = ("__format__", "__str__", "__repr__")
                if part.conversion == 114:
                    names = ("__repr__",)
                elif part.conversion == 115:
                    names = ("__str__", "__repr__")
                implicit(self.site(part.lineno), self.value(part.value), names)

    def _walrus(self, node: ast.NamedExpr) -> Variable | None:
        value = self.value(node.value)
        self.assign(node.target, value)
        return value

    def _starred(self, node: ast.Starred) -> Variable | None:
        return self.value(node.value)

    def _slice(self, node: ast.Slice) -> None:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.value(part)

    # --- Functions ------------------------------------------------------------------------------------------

    def make_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Function:
        """A function as it is defined here, with its defaults."""
        name = node.name if not isinstance(node, ast.Lambda) else f"<lambda:{node.lineno}>"
        is_method = self.scope.kind == "class"
        function = Function(
            f"{self.prefix}{name}", self.module, node, self.scope.of if is_method else self.owner
        )
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        found = bindings(body)
        function.is_generator = found.has_yield
        arguments = node.args
        if arguments.vararg is not None:
            function.rest = Container()
            function.parameters[arguments.vararg.arg] = self._holding(function.rest)
            # Not a parameter that a call may name.
        if arguments.kwarg is not None:
            function.keyword = Container(is_dict=True)
            function.parameters[arguments.kwarg.arg] = self._holding(function.keyword)
        for parameter in function.parameters:
            found.strings[parameter] = None
        found.names.update(function.parameters)
        function.scope = Scope("function", self.module, self.scope, found, dict(function.parameters))
        self._defaults(function, arguments)
        self.engine.functions.append(function)
        if self.engine.takes_all and self.code.source.is_project:
            from ktlo.guard.reachability.entry import as_root

            as_root(self, function, node)
        return function

    def _defaults(self, function: Function, arguments: ast.arguments) -> None:
        count = len(arguments.defaults)
        for name, default in zip(
            function.positional[-count:] if count else [], arguments.defaults, strict=True
        ):
            self.engine.copy(self.value(default), function.parameters[name])
        for one, default_or_none in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default_or_none is not None:
                self.engine.copy(self.value(default_or_none), function.parameters[one.arg])


def _prefix(node: ast.expr) -> str:
    """``"do_" + x``, ``f"do_{x}"``, ``"do_%s" % x``: what the text begins with."""
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.left, ast.Constant)
        and isinstance(node.left.value, str)
    ):
        text = node.left.value
        return text.partition("%")[0] if isinstance(node.op, ast.Mod) else text
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        return str(first.value) if isinstance(first, ast.Constant) else ""
    return ""


_EXPRESSIONS: dict[type[ast.expr], Callable[..., Variable | None]] = {
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Call: Expressions._call,
    ast.Subscript: Expressions._subscript,
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.BoolOp: Expressions._bool,
    ast.IfExp: Expressions._if_else,
    ast.Compare: Expressions._compare,
    ast.Lambda: Expressions._lambda,
    ast.List: Expressions._display,
    ast.Tuple: Expressions._display,
    ast.Set: Expressions._display,
    ast.Dict: Expressions._dict,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._dict_comprehension,
    ast.Await: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield_from,
    ast.JoinedStr: Expressions._formatted,
    ast.NamedExpr: Expressions._walrus,
    ast.Starred: Expressions._starred,
    ast.Slice: Expressions._slice,
}

__all__ = ["Expressions", "Module"]
