"""Turns the statements of a body into connections between variables; the order of statements does not count.

Called by :mod:`.engine` once for each body that something calls. Branches that never run on a supported Python
(``TYPE_CHECKING``, old ``sys.version_info``) are left out; of an imported module also its ``__main__`` part.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ktlo.guard.reachability.attributes import ANY, Place, load, store
from ktlo.guard.reachability.branches import decide
from ktlo.guard.reachability.calls import Site, call
from ktlo.guard.reachability.containers import field
from ktlo.guard.reachability.definitions import Definitions, refresh_stars
from ktlo.guard.reachability.elements import iterate, load_element, store_element
from ktlo.guard.reachability.engine import Engine
from ktlo.guard.reachability.scopes import Scope, bindings
from ktlo.guard.reachability.values import (
    Class,
    Code,
    Container,
    Function,
    Module,
    Use,
    Value,
    Variable,
)

_MOST_CAUGHT = 100
_TOO_DEEP = "code that is nested too deeply to be followed"


def module_of(code: Code) -> Module:
    """The module a body is in."""
    if isinstance(code, Function):
        return code.module
    assert isinstance(code, Module)  # noqa: S101 - there are only these two
    return code


def lower(engine: Engine, code: Code) -> None:
    """Read a body."""
    try:
        if isinstance(code, Module):
            _module(engine, code)
        elif isinstance(code, Function):
            _function(engine, code)
    except RecursionError:
        engine.note(code, code.line, _TOO_DEEP)


def _module(engine: Engine, module: Module) -> None:
    tree = engine.library.parse(module.source)
    if tree is None:
        return
    found = bindings(tree.body)
    for name in found.names:
        module.variables.setdefault(name, Variable())
    module.exported = _exported(tree)
    module.scope = Scope("module", module, None, found, module.variables)
    refresh_stars(engine, module, set())
    Body(engine, module, module.scope, None).block(tree.body)


def _exported(tree: ast.Module) -> frozenset[str] | None:
    names: set[str] = set()
    is_told = False
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
                if not isinstance(node.value, ast.List | ast.Tuple):
                    return None
                is_told = True
                names |= {str(one.value) for one in node.value.elts if isinstance(one, ast.Constant)}
    return frozenset(names) if is_told else None


def _function(engine: Engine, function: Function) -> None:
    node, scope = function.node, function.scope
    if node is None or scope is None:
        return
    function.node = None  # its tree is not needed again
    body = Body(engine, function, scope, function.owner)
    if isinstance(node, ast.Lambda):
        engine.copy(body.value(node.body), function.result)
    else:
        body.block(node.body)


class Body(Definitions):
    """One body while it is read."""

    # --- Statements -----------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Statements and those inside them, without recursion: ``elif`` chains may be thousands long."""
        stack: list[ast.stmt] = list(reversed(statements))
        while stack:
            node = stack.pop()
            inner = self._statement(node)
            if inner:
                stack.extend(reversed(inner))

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        handler = _STATEMENTS.get(type(node))
        return handler(self, node) if handler is not None else []

    def _expression(self, node: ast.Expr) -> list[ast.stmt]:
        self.value(node.value)
        return []

    def _assign(self, node: ast.Assign) -> list[ast.stmt]:
        for target in node.targets:
            if (
                isinstance(target, ast.Tuple | ast.List)
                and isinstance(node.value, ast.Tuple | ast.List)
                and len(target.elts) == len(node.value.elts)
                and not any(isinstance(one, ast.Starred) for one in (*target.elts, *node.value.elts))
            ):
                for inner, given in zip(target.elts, node.value.elts, strict=True):
                    self.assign(inner, self.value(given))
                return []
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value)
        return []

    def _annotated(self, node: ast.AnnAssign) -> list[ast.stmt]:
        if node.value is not None:
            self.assign(node.target, self.value(node.value))
        return []

    def _augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        read = self.value(_as_load(node.target))
        given = self.value(node.value)
        result = self.operate(read, given, node.op, node.lineno, in_place=True)
        self.assign(node.target, result)
        return []

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is not None and isinstance(self.code, Function):
            self.engine.copy(self.value(node.value), self.code.result)
        elif node.value is not None:
            self.value(node.value)
        return []

    def _if(self, node: ast.If) -> list[ast.stmt]:
        decided = decide(node.test, is_project=self.code.source.is_project)
        if decided is None:
            self.truth(node.test)
            return [*node.body, *node.orelse]
        return node.body if decided else node.orelse

    def _while(self, node: ast.While) -> list[ast.stmt]:
        self.truth(node.test)
        return [*node.body, *node.orelse]

    def _for(self, node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
        item = Variable()
        iterate(self.place(node), self.value(node.iter), item, is_async=isinstance(node, ast.AsyncFor))
        self.assign(node.target, item)
        return [*node.body, *node.orelse]

    def _with(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        names = ("__aenter__", "__aexit__") if isinstance(node, ast.AsyncWith) else ("__enter__", "__exit__")
        for item in node.items:
            manager = self.value(item.context_expr)
            given = Variable()
            self.enter(manager, names, given, node.lineno)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, given)
        return node.body

    def _try(self, node: ast.Try) -> list[ast.stmt]:
        inner: list[ast.stmt] = [*node.body]
        for handler in node.handlers:
            kinds = self.value(handler.type) if handler.type is not None else None
            if handler.name and kinds is not None:
                caught = Variable()
                self.engine.watch(kinds, self._catching(caught, set()))
                self.assign(ast.Name(id=handler.name, ctx=ast.Store()), caught)
            inner += handler.body
        return [*inner, *node.orelse, *node.finalbody]

    def _catching(self, into: Variable, seen: set[Value]) -> Use:
        """What ``except Kind as name`` gives: an object of the class, or of those in a tuple."""

        def use(value: Value) -> None:
            if value in seen or len(seen) > _MOST_CAUGHT:
                return
            seen.add(value)
            if isinstance(value, Class):
                self.engine.add(into, value.instance)
            elif isinstance(value, Container):
                for variable in (value.element, *value.fields.values()):
                    self.engine.watch(variable, use)

        return use

    def _raise(self, node: ast.Raise) -> list[ast.stmt]:
        for part in (node.exc, node.cause):
            if part is None:
                continue
            value = self.value(part)
            if not isinstance(part, ast.Call):
                site = self.site(part.lineno)
                self.engine.watch(value, _caller_of_classes(site))
        return []

    def _assert(self, node: ast.Assert) -> list[ast.stmt]:
        self.truth(node.test)
        if node.msg is not None:
            self.value(node.msg)
        return []

    def _delete(self, node: ast.Delete) -> list[ast.stmt]:
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                self.method(self.value(target.value), "__delitem__", target.lineno, self.value(target.slice))
            elif isinstance(target, ast.Attribute):
                self.method(self.value(target.value), "__delattr__", target.lineno, None)
        return []

    def _match(self, node: ast.Match) -> list[ast.stmt]:
        subject = self.value(node.subject)
        inner: list[ast.stmt] = []
        for case in node.cases:
            self._pattern(case.pattern, subject)
            if case.guard is not None:
                self.truth(case.guard)
            inner += case.body
        return inner

    def _pattern(self, pattern: ast.pattern, subject: Variable | None) -> None:
        for part in ast.walk(pattern):
            if isinstance(part, ast.MatchAs) and part.name and subject is not None:
                self.assign(ast.Name(id=part.name, ctx=ast.Store()), subject)
            elif isinstance(part, ast.MatchClass):
                kinds = self.value(part.cls)
                for name, inner in zip(part.kwd_attrs, part.kwd_patterns, strict=True):
                    if isinstance(inner, ast.MatchAs) and inner.name:
                        got = Variable()
                        load(self.place(part), subject, name, got)
                        self.assign(ast.Name(id=inner.name, ctx=ast.Store()), got)
                del kinds

    # --- Targets --------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Variable | None) -> None:
        """Bind a target."""
        if isinstance(target, ast.Name):
            if value is not None:
                self.engine.copy(value, self.variable(target.id))
        elif isinstance(target, ast.Attribute):
            store(self.place(target), self.value(target.value), target.attr, value)
        elif isinstance(target, ast.Subscript):
            key, index = self.key(target.slice)
            store_element(self.place(target), self.value(target.value), key, index, value)
        elif isinstance(target, ast.Starred):
            if value is not None:
                made = Container()
                iterate(self.place(target), value, made.element)
                kept = Variable()
                self.engine.add(kept, made)
                self.assign(target.value, kept)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value)

    def _unpack(self, target: ast.Tuple | ast.List, value: Variable | None) -> None:
        starred = any(isinstance(one, ast.Starred) for one in target.elts)
        for position, inner in enumerate(target.elts):
            if value is None:
                self.assign(inner, None)
                continue
            item = Variable()
            if isinstance(inner, ast.Starred):
                self.assign(inner, value)
                continue
            if starred:
                iterate(self.place(target), value, item)
            else:
                self._item(target, value, position, item)
            self.assign(inner, item)

    def _item(self, target: ast.expr, value: Variable, position: int, into: Variable) -> None:
        place = self.place(target)

        def use(one: Value) -> None:
            given = Variable()
            self.engine.add(given, one)
            if isinstance(one, Container) and not one.is_dict:
                load_element(place, given, position, None, into)
            else:
                iterate(place, given, into)

        self.engine.watch(value, use)


def _caller_of_classes(site: Site) -> Use:
    """``raise Failed`` makes a ``Failed``."""
    return lambda one: call(site, one) if isinstance(one, Class) else None


def _as_load(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(id=target.id, ctx=ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(value=target.value, attr=target.attr, ctx=ast.Load()), target)
    if isinstance(target, ast.Subscript):
        return ast.copy_location(
            ast.Subscript(value=target.value, slice=target.slice, ctx=ast.Load()), target
        )
    return target


_STATEMENTS: dict[type[ast.stmt], Callable[..., list[ast.stmt]]] = {
    ast.Expr: Body._expression,
    ast.Assign: Body._assign,
    ast.AnnAssign: Body._annotated,
    ast.AugAssign: Body._augmented,
    ast.Return: Body._return,
    ast.If: Body._if,
    ast.While: Body._while,
    ast.For: Body._for,
    ast.AsyncFor: Body._for,
    ast.With: Body._with,
    ast.AsyncWith: Body._with,
    ast.Try: Body._try,
    ast.TryStar: Body._try,
    ast.Raise: Body._raise,
    ast.Assert: Body._assert,
    ast.Delete: Body._delete,
    ast.Match: Body._match,
    ast.FunctionDef: Body.define_function,
    ast.AsyncFunctionDef: Body.define_function,
    ast.ClassDef: Body.define_class,
    ast.Import: Body.import_modules,
    ast.ImportFrom: Body.import_names,
}

__all__ = ["ANY", "Body", "Place", "field", "lower", "module_of"]
