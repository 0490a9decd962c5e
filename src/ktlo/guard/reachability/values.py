"""What a name in a program may stand for, and the variables that hold such values.

Values are created once and compared by identity; a variable holds a set of them and hands new ones to its
copies and uses. :mod:`.engine` moves them, :mod:`.lowering` connects variables as the source says.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ktlo.guard.reachability.modules import Source
    from ktlo.guard.reachability.scopes import Scope


class Value:
    """Anything a variable may hold."""

    __slots__ = ()


Use = Callable[[Value], None]
"""Called once with each value that reaches a variable."""


class Variable:
    """A place that holds values: a name, an attribute, an element, a parameter, a result."""

    __slots__ = ("copies", "is_queued", "outside", "pending", "uses", "values")

    def __init__(self) -> None:
        self.values: dict[Value, None] = {}  # a set that keeps its order: the same program, the same graph
        self.pending: list[Value] = []
        self.copies: dict[Variable, None] = {}
        self.uses: list[Use] = []
        self.is_queued = False
        self.outside = 0


class Code:
    """What runs: a module's body or a function. The nodes of the call graph.

    Attributes:
        name: dotted, such as ``shop.cart.Cart.add``; nested functions as ``shop.f.<locals>.g``.
        source: the file.
        line: of its definition; 1 for a module.
    """

    __slots__ = ("is_reached", "line", "name", "source")

    def __init__(self, name: str, source: Source, line: int) -> None:
        self.name = name
        self.source = source
        self.line = line
        self.is_reached = False


class Module(Code, Value):
    """A module whose source is read."""

    __slots__ = ("exported", "package", "scope", "star_users", "stars", "variables")

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, source, 1)
        self.package = name if source.is_package else name.rpartition(".")[0]
        self.variables: dict[str, Variable] = {}
        self.stars: list[Module] = []
        self.exported: frozenset[str] | None = None
        self.star_users: list[Module] = []
        self.scope: Scope | None = None


class Function(Code, Value):
    """A function, method or lambda."""

    __slots__ = (
        "attributes",
        "fields",
        "is_generator",
        "keyword",
        "module",
        "node",
        "owner",
        "parameters",
        "positional",
        "rest",
        "result",
        "scope",
        "yields",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        module: Module,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        owner: Class | None,
    ) -> None:
        super().__init__(name, module.source, node.lineno)
        self.module = module
        self.node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None = node
        self.owner = owner
        self.scope: Scope | None = None
        arguments = node.args
        self.positional = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        names = [*self.positional, *(one.arg for one in arguments.kwonlyargs)]
        self.parameters: dict[str, Variable] = {name: Variable() for name in names}
        self.rest: Container | None = None
        self.keyword: Container | None = None
        self.result = Variable()
        self.yields = Variable()
        self.attributes: dict[str, Variable] = {}
        self.is_generator = False


class Class(Value):
    """A class; its one instance stands for all objects of it."""

    __slots__ = (
        "attributes", "bases", "fields", "instance", "is_enum", "line", "members", "metaclass", "module", "mro",
        "name", "subclasses", "supers",
    )  # fmt: skip

    def __init__(self, name: str, module: Module, line: int) -> None:
        self.name = name
        self.module = module
        self.line = line
        self.bases: list[list[Class | External]] = []
        self.metaclass = Variable()
        self.attributes: dict[str, Variable] = {}
        self.fields: list[str] = []
        self.members: dict[str, Variable] = {}
        self.supers: dict[tuple[Class, str], Variable] = {}
        self.subclasses: dict[Class, None] = {}
        self.mro: list[Class | External] = [self]
        self.instance = Instance(self)
        self.is_enum = False


class Instance(Value):
    """All objects of one class."""

    __slots__ = ("fields", "of")

    def __init__(self, of: Class) -> None:
        self.of = of
        self.fields: dict[str, Variable] = {}


class Bound(Value):
    """A function with its first argument: a method of an object or of a class."""

    __slots__ = ("function", "receiver")

    def __init__(self, function: Function, receiver: Value) -> None:
        self.function = function
        self.receiver = receiver


class External(Value):
    """Something outside what is read, by its dotted name: the standard library, or a package without source."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Builtin(Value):
    """A known function of Python's own, perhaps with what it was bound to (``getattr``, ``list.append``)."""

    __slots__ = ("name", "of")

    def __init__(self, name: str, of: Value | None = None) -> None:
        self.name = name
        self.of = of


class Container(Value):
    """Objects made at one place of the program: a list, tuple, set or dict. Elements by constant key, else together."""

    __slots__ = ("element", "factory", "fields", "is_dict", "keys", "watchers")

    def __init__(self, *, is_dict: bool = False) -> None:
        self.is_dict = is_dict
        self.fields: dict[object, Variable] = {}
        self.element = Variable()
        self.keys = Variable()
        self.factory: Variable | None = None
        self.watchers: list[Callable[[object, Variable], None]] = []


class Generator(Value):
    """What calling a generator function gives."""

    __slots__ = ("function",)

    def __init__(self, function: Function) -> None:
        self.function = function


class Property(Value):
    """A property with its functions."""

    __slots__ = ("getter", "setter")

    def __init__(self) -> None:
        self.getter = Variable()
        self.setter = Variable()


class Wrapped(Value):
    """``staticmethod`` or ``classmethod`` around a function."""

    __slots__ = ("inner", "kind")

    def __init__(self, kind: str, inner: Value) -> None:
        self.kind = kind
        self.inner = inner


class Partial(Value):
    """``functools.partial``: a function with its first arguments."""

    __slots__ = ("function", "keywords", "positional")

    def __init__(
        self, function: Variable, positional: list[Variable | None], keywords: dict[str, Variable | None]
    ) -> None:
        self.function = function
        self.positional = positional
        self.keywords = keywords


class Super(Value):
    """``super()`` in a class, for one receiver."""

    __slots__ = ("after", "receiver")

    def __init__(self, after: Class, receiver: Value) -> None:
        self.after = after
        self.receiver = receiver


class Namespace(Value):
    """``globals()`` of a module."""

    __slots__ = ("module",)

    def __init__(self, module: Module) -> None:
        self.module = module


class Possible(Value):
    """A value that came from a name that only the running program knows; calls of it are possible, not certain."""

    __slots__ = ("inner",)

    def __init__(self, inner: Value) -> None:
        self.inner = inner
