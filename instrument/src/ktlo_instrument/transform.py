"""Source in, code out: every function times itself, and nothing else about it changes.

At import each function's body is put between an entry and an exit of its *site*. The site stands in the
code as a constant, so that no name is added to the module; signature, defaults, annotations, closures,
decorators, `super()`, pickling and tracebacks are those of the author's own function object. See README.md
for why this and not wrappers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType
from typing import Any, Union

from ktlo_instrument.lines import MARK, restore
from ktlo_instrument.uncounted import UNCOUNTED

PREFIX = "\0ktlo:"
"""How the constants begin that stand for sites until the code is made live."""

RESULT = ".r"
"""Local variable of what is returned: no program can have a name with a dot."""
ACTIVATION = ".k"
"""Local variable of a running call: of a coroutine or generator its activation, of a function what its entry gave."""
HIDDEN = frozenset((RESULT, ACTIVATION))

_Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOKS = {"locals", "vars", "dir"}

Kind = str
"""`function`, `generator`, `coroutine` or `async generator`."""


def transform(source: bytes, path: str) -> CodeType:
    """Compile with a placeholder for every site.

    Args:
        source: of a module, in any encoding it declares.
        path: as tracebacks shall show it.

    Returns:
        Code that must not run before `live`; it can be marshalled.

    Raises:
        SyntaxError: as compiling would.
    """
    tree = ast.parse(source, path)
    _Module().visit(tree)
    ast.fix_missing_locations(tree)
    return _restored(compile(tree, path, "exec", dont_inherit=True))


def live(
    code: CodeType, site: Callable[[str, str, int], Any], wanted: Callable[[str], bool] = lambda name: True
) -> CodeType:
    """The code with sites in place of the placeholders.

    Args:
        code: from `transform`.
        site: asked with kind, qualified name and line of each function.
        wanted: asked with the qualified name; functions that are not wanted get a site that counts nothing.
    """
    constants: list[Any] = []
    changed = False
    mine: Any = None
    for constant in code.co_consts:
        new = constant
        if isinstance(constant, CodeType):
            new = live(constant, site, wanted)
        elif isinstance(constant, str) and constant.startswith(PREFIX):
            kind, line, _, name = constant[len(PREFIX) :].split(":", 3)
            if mine is None:
                mine = site(kind, name, int(line)) if wanted(name) else UNCOUNTED
            new = mine
        changed = changed or new is not constant
        constants.append(new)
    return code.replace(co_consts=tuple(constants)) if changed else code


def _restored(code: CodeType) -> CodeType:
    constants: list[Any] = []
    first = 0
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            constants.append(_restored(constant))
            continue
        if isinstance(constant, str) and constant.startswith(PREFIX):
            first = int(constant[len(PREFIX) :].split(":", 3)[2])
        constants.append(constant)
    code = code.replace(co_consts=tuple(constants))
    return restore(code, first) if first else code


class _Module(ast.NodeVisitor):
    """Finds the functions of a module, outermost first, with their qualified names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: _Function) -> None:
        name = ".".join([*self.names, node.name])
        self.names += [node.name, "<locals>"]
        self.generic_visit(node)
        del self.names[-2:]
        _instrument(node, name)


def _instrument(node: _Function, name: str) -> None:
    """Put entry and exit into one function; its inner functions have theirs already."""
    start = 1 if _is_docstring(node.body[0]) else 0
    own = node.body[start:]
    if not own:
        return
    found = _Kinds()
    for statement in own:
        found.visit(statement)
    kind = _kind(node, found.yields)
    first = getattr(own[0], "decorator_list", None) or [own[0]]
    line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    site = f"{PREFIX}{kind}:{line}:{first[0].lineno}:{name}"
    body = _Body(site, kind)
    changed: list[ast.stmt] = []
    for statement in own:
        done: Any = body.visit(statement)
        changed += done if isinstance(done, list) else [done]
    ends: Callable[[str], ast.stmt]
    if kind == "function":
        begin = "enter"
        ends = lambda how: ast.Expr(_call(ast.Constant(site), how, _load(ACTIVATION)))  # noqa: E731
    else:
        begin = "begin"
        ends = lambda how: ast.Expr(_call(_load(ACTIVATION), how))  # noqa: E731
    entry = ast.Assign([_store(ACTIVATION)], _call(ast.Constant(site), begin))
    watched = ast.Try(
        body=changed,
        handlers=[ast.ExceptHandler(None, None, [ends("fail"), ast.Raise(None, None)])],
        orelse=[],
        finalbody=[ends("exit")],
    )
    node.body[start:] = [_marked(entry), _marked(watched)]


def _kind(node: _Function, yields: bool) -> Kind:
    if isinstance(node, ast.AsyncFunctionDef):
        return "async generator" if yields else "coroutine"
    return "generator" if yields else "function"


def _is_docstring(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    return isinstance(node, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str)


class _Kinds(ast.NodeVisitor):
    """Whether a body yields, without looking into inner functions."""

    def __init__(self) -> None:
        self.yields = False

    def visit_Yield(self, node: ast.Yield) -> None:
        self.yields = True
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self.yields = True

    def visit_FunctionDef(self, node: _Function) -> None:
        for each in _outside(node):
            self.visit(each)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)


def _outside(node: _Function) -> list[ast.expr]:
    """Expressions of an inner function that its surroundings evaluate."""
    defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
    return [*node.decorator_list, *defaults]


class _Body(ast.NodeTransformer):
    """Rewrites what leaves a function for a while (yield, await) and what it returns."""

    def __init__(self, site: str, kind: Kind) -> None:
        self.site = site
        self.kind = kind

    def visit_Return(self, node: ast.Return) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        value = node.value
        if (
            value is None
            or "generator" in self.kind
            or (isinstance(value, ast.Constant) and value.value is None)
        ):
            return node
        kept = ast.Assign([_store(RESULT)], value)
        return [_at(kept, node), _at(ast.Return(_at(_load(RESULT), node)), node)]

    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        self.generic_visit(node)
        given = node.value or ast.Constant(None)
        node.value = _at(_call(_load(ACTIVATION), "off", given), node)
        resumed: ast.expr = _at(_call(_load(ACTIVATION), "on", node), node)
        return resumed

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.expr:
        self.generic_visit(node)
        node.value = _at(_call(_load(ACTIVATION), "relay", node.value), node)
        return node

    def visit_Await(self, node: ast.Await) -> ast.expr:
        self.generic_visit(node)
        node.value = _at(_call(_load(ACTIVATION), "watch", node.value), node)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.stmt:
        self.generic_visit(node)
        node.iter = _at(_call(_load(ACTIVATION), "each", node.iter), node.iter)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.stmt:
        self.generic_visit(node)
        for item in node.items:
            item.context_expr = _at(_call(_load(ACTIVATION), "within", item.context_expr), item.context_expr)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        if node.is_async:
            node.iter = _at(_call(_load(ACTIVATION), "each", node.iter), node.iter)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        bare = (
            isinstance(node.func, ast.Name) and node.func.id in _LOOKS and not node.args and not node.keywords
        )
        if not bare:
            return node
        hidden: ast.expr = _at(_call(ast.Constant(self.site), "hide", node), node)
        return hidden

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        # Runs elsewhere and later; only its first iterable is evaluated here.
        if not node.generators[0].is_async:
            node.generators[0].iter = self.visit(node.generators[0].iter)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        return node

    def visit_FunctionDef(self, node: _Function) -> _Function:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        node.args.kw_defaults = [each and self.visit(each) for each in node.args.kw_defaults]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        # The body is a scope of its own, evaluated here; it can neither return, yield nor await.
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self.visit(each) for each in node.bases]
        return node


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _store(name: str) -> ast.expr:
    return ast.Name(name, ast.Store())


def _call(subject: ast.expr, method: str, *given: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(subject, method, ast.Load()), list(given), [])


def _at(node: Any, like: Any) -> Any:
    """The new nodes of a small tree get the place of the one they stand for."""
    for each in _new(node):
        ast.copy_location(each, like)
    return node


def _marked(node: ast.stmt) -> ast.stmt:
    for each in _new(node):
        each.lineno = each.end_lineno = MARK
        each.col_offset = each.end_col_offset = 0
    return node


def _new(node: ast.AST) -> list[Any]:
    """The nodes that have no place yet, down to those that have one."""
    if not hasattr(node, "_attributes") or (node._attributes and hasattr(node, "lineno")):
        return []
    found = [node] if node._attributes else []
    for child in ast.iter_child_nodes(node):
        found += _new(child)
    return found
