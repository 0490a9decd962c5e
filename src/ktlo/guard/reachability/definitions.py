"""Definitions and imports in a body: functions and classes with their decorators, and names from other modules.

Part of :class:`.lowering.Body`. Sources: language reference 8.7 "Function definitions", 8.8 "Class definitions",
7.11 "The import statement".
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ktlo.guard.reachability.attributes import global_variable, load_from_module
from ktlo.guard.reachability.calls import Site, call, call_method
from ktlo.guard.reachability.engine import Engine
from ktlo.guard.reachability.expressions import Expressions
from ktlo.guard.reachability.scopes import Scope, bindings
from ktlo.guard.reachability.values import (
    Class,
    External,
    Instance,
    Module,
    Possible,
    Value,
    Variable,
)


class Definitions(Expressions):
    """What a body defines and imports."""

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Read statements; see :class:`.lowering.Body`."""
        raise NotImplementedError

    # --- Definitions ----------------------------------------------------------------------------------------

    def define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """A function or method; its body is read when something calls it."""
        function = self.make_function(node)
        made = Variable()
        self.engine.add(made, function)
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

    def define_class(self, node: ast.ClassDef) -> list[ast.stmt]:
        """A class; its body runs here and now."""
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
        type(self)(engine, self.code, scope, made, prefix=f"{name}.", first=self.first).block(node.body)
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

    def import_modules(self, node: ast.Import) -> list[ast.stmt]:
        """``import a.b as c``."""
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

    def import_names(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """``from a import b``, ``from . import b`` and ``from a import *``."""
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
                    refresh_stars(self.engine, module, set())
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


def refresh_stars(engine: Engine, module: Module, seen: set[Module]) -> None:
    """Names that importers with ``*`` looked up before this module's names were known."""
    seen.add(module)
    for user in module.star_users:
        for name in list(user.variables):
            global_variable(engine, user, name)
        if user not in seen:
            refresh_stars(engine, user, seen)
