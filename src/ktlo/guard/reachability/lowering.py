"""Turns the statements of a body into connections between variables; the order of statements does not count.

Called by :mod:`.engine` once for each body that something calls. Branches that never run on a supported Python
(``TYPE_CHECKING``, old ``sys.version_info``) are left out; of an imported module also its ``__main__`` part.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ktlo.guard.reachability.attributes import (
    ANY,
    Place,
    field,
    global_variable,
    iterate,
    load,
    load_element,
    load_from_module,
    store,
    store_element,
)
from ktlo.guard.reachability.calls import Site, call, call_method
from ktlo.guard.reachability.engine import Engine
from ktlo.guard.reachability.expressions import Expressions
from ktlo.guard.reachability.scopes import Scope, bindings
from ktlo.guard.reachability.values import (
    Class,
    Code,
    Container,
    External,
    Function,
    Instance,
    Module,
    Possible,
    Use,
    Value,
    Variable,
)

_OLDEST_PYTHON = (3, 11)
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
    _refresh_stars(engine, module, set())
    Body(engine, module, module.scope, None).block(tree.body)


def _refresh_stars(engine: Engine, module: Module, seen: set[Module]) -> None:
    """Names that importers with ``*`` looked up before this module's names were known."""
    seen.add(module)
    for user in module.star_users:
        for name in list(user.variables):
            global_variable(engine, user, name)
        if user not in seen:
            _refresh_stars(engine, user, seen)


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


class Body(Expressions):
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
        decided = self._decide(node.test)
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
                self.engine.watch(kinds, lambda value, caught=caught: self._caught(value, caught))  # type: ignore[misc]
                self.assign(ast.Name(id=handler.name, ctx=ast.Store()), caught)
            inner += handler.body
        return [*inner, *node.orelse, *node.finalbody]

    def _caught(self, value: Value, into: Variable) -> None:
        if isinstance(value, Class):
            self._subclasses(value, into, set())
        elif isinstance(value, Container):
            for variable in list(value.fields.values()):
                self.engine.watch(variable, lambda one: self._caught(one, into))

    def _subclasses(self, owner: Class, into: Variable, seen: set[Class]) -> None:
        if owner not in seen and len(seen) < 200:
            seen.add(owner)
            self.engine.add(into, owner.instance)

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

    # --- Definitions ----------------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        function = self.make_function(node)
        made = Variable()
        self.engine.add(made, function)
        owner = self.scope.of if self.scope.kind == "class" else None
        if owner is not None and node.name in ("__new__",):
            pass  # a static method that is given its class; calls know it by its name
        self.assign(ast.Name(id=node.name, ctx=ast.Store()), self._decorated(node, made))
        return []

    def _decorated(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, made: Variable
    ) -> Variable:
        for decorator in reversed(node.decorator_list):
            given = self.value(decorator)
            result = Variable()
            site = self.site(decorator.lineno, made, result=result)
            if given is None:
                self.engine.copy(made, result)
            else:
                self.engine.watch(given, lambda value, site=site: call(site, value))  # type: ignore[misc]
                self._unknown_decorator(given, made, result, site)
            made = result
        return made

    def _unknown_decorator(self, given: Variable, made: Variable, result: Variable, site: Site) -> None:
        """What an outside decorator gives is taken for what it was given."""

        def use(value: Value) -> None:
            if isinstance(value, External):
                self.engine.copy(made, result)

        self.engine.watch(given, use)
        del site

    def _class(self, node: ast.ClassDef) -> list[ast.stmt]:
        engine = self.engine
        name = f"{self.prefix}{node.name}"
        made = Class(name, self.module, node.lineno)
        engine.classes.append(made)
        found = bindings(node.body)
        scope = Scope("class", self.module, self.scope, found, made.attributes, made)
        made.fields = [
            one.target.id
            for one in node.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        ]
        made.bases = [[] for _ in node.bases]
        start = self.site(node.lineno)
        for position, base in enumerate(node.bases):
            given = self.value(base.value if isinstance(base, ast.Starred) else base)
            engine.watch(given, lambda value, at=position: self._base(made, at, value, start))  # type: ignore[misc]
        for keyword in node.keywords:
            given = self.value(keyword.value)
            if keyword.arg == "metaclass":
                engine.copy(given, made.metaclass)
        engine.watch(made.metaclass, lambda meta: self._made_by(meta, made, start))
        Body(engine, self.code, scope, made, prefix=f"{name}.", first=self.first).block(node.body)
        for attribute in list(made.attributes.values()):
            engine.watch(attribute, lambda value: self._set_name(value, start))
        variable = Variable()
        engine.add(variable, made)
        self.assign(ast.Name(id=node.name, ctx=ast.Store()), self._decorated(node, variable))
        return []

    def _base(self, made: Class, position: int, value: Value, site: Site) -> None:
        engine = self.engine
        if isinstance(value, Possible):
            value = value.inner
        if isinstance(value, Class):
            engine.add_base(made, position, value)
            engine.copy(value.metaclass, made.metaclass)
            if value.is_enum:
                self._as_enum(made, site)
            hook = engine.member_after(made, made, "__init_subclass__")
            engine.watch(hook, lambda found: call_method(site, found, made))
        elif isinstance(value, External):
            engine.add_base(made, position, value)
            if value.name.startswith("enum."):
                self._as_enum(made, site)

    def _as_enum(self, made: Class, site: Site) -> None:
        if not made.is_enum:
            made.is_enum = True
            if made.name and "__init__" in made.attributes:
                self.engine.watch(
                    made.attributes["__init__"], lambda found: call_method(site, found, made.instance)
                )

    def _made_by(self, meta: Value, made: Class, site: Site) -> None:
        if isinstance(meta, Class):
            for name in ("__new__", "__init__", "__prepare__"):
                own = Site(self.engine, self.code, site.line, [None, None, None])
                receiver = meta if name == "__new__" else made
                self.engine.watch(
                    self.engine.member(meta, name),
                    lambda found, own=own, receiver=receiver: call_method(own, found, receiver),  # type: ignore[misc]
                )

    def _set_name(self, value: Value, site: Site) -> None:
        if isinstance(value, Instance):
            own = Site(self.engine, self.code, site.line, [None, None])
            hook = self.engine.member(value.of, "__set_name__")
            self.engine.watch(hook, lambda found: call_method(own, found, value))

    # --- Imports --------------------------------------------------------------------------------------------

    def _import(self, node: ast.Import) -> list[ast.stmt]:
        for alias in node.names:
            found = self.engine.load(alias.name, self.code, node.lineno)
            target = Variable()
            first = alias.name.partition(".")[0]
            if alias.asname:
                self.engine.add(target, found or self.engine.external(alias.name))
            else:
                top = self.engine.module(first, self.code.source)
                self.engine.add(target, top or self.engine.external(first))
            if found is None:
                self.outside(alias.name, node.lineno)
            self.assign(ast.Name(id=alias.asname or first, ctx=ast.Store()), target)
        return []

    def _import_from(self, node: ast.ImportFrom) -> list[ast.stmt]:
        name = self._absolute(node)
        if name is None:
            return []
        module = self.engine.load(name, self.code, node.lineno)
        if module is None:
            self.outside(name, node.lineno)
        for alias in node.names:
            if alias.name == "*":
                if module is not None and isinstance(self.code, Module) and module is not self.code:
                    self.code.stars.append(module)
                    module.star_users.append(self.code)
                    _refresh_stars(self.engine, module, set())
                continue
            target = Variable()
            if module is None:
                self.engine.add(target, self.engine.external(f"{name}.{alias.name}"))
            else:
                self._from_module(module, name, alias.name, target, node)
            self.assign(ast.Name(id=alias.asname or alias.name, ctx=ast.Store()), target)
        return []

    def _from_module(
        self, module: Module, name: str, wanted: str, target: Variable, node: ast.ImportFrom
    ) -> None:
        below = self.engine.module(f"{name}.{wanted}", self.code.source) if module.source.is_package else None
        load_from_module(self.place(node), module, wanted, target)
        if below is not None:
            engine, code, line = self.engine, self.code, node.lineno

            def submodule() -> None:
                if not module.variables[wanted].values:
                    engine.load(f"{name}.{wanted}", code, line)

            engine.later(submodule)

    def _absolute(self, node: ast.ImportFrom) -> str | None:
        if not node.level:
            return node.module
        parts = self.module.package.split(".") if self.module.package else []
        if node.level > len(parts):
            return None
        base = parts[: len(parts) - (node.level - 1)]
        return ".".join([*base, *([node.module] if node.module else [])]) or None

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

    # --- Branches that never run ------------------------------------------------------------------------------

    def _decide(self, test: ast.expr) -> bool | None:
        """True or False when a condition is the same in every run; ``None`` otherwise."""
        if isinstance(test, ast.Constant):
            return bool(test.value)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._decide(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.Name | ast.Attribute):
            name = test.id if isinstance(test, ast.Name) else test.attr
            return False if name == "TYPE_CHECKING" else None
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
            return None
        left, right = test.left, test.comparators[0]
        if isinstance(left, ast.Name) and left.id == "__name__" and isinstance(right, ast.Constant):
            is_main = isinstance(test.ops[0], ast.Eq) and right.value == "__main__"
            return False if is_main and not self.code.source.is_project else None
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
    ast.FunctionDef: Body._function,
    ast.AsyncFunctionDef: Body._function,
    ast.ClassDef: Body._class,
    ast.Import: Body._import,
    ast.ImportFrom: Body._import_from,
}

__all__ = ["ANY", "Body", "Place", "field", "lower", "module_of"]
