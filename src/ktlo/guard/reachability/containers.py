"""The elements of a container: those of constant keys have variables of their own."""

from __future__ import annotations

from ktlo.guard.reachability.engine import Engine
from ktlo.guard.reachability.values import Container, Variable


def field(container: Container, key: object) -> Variable:
    """The variable of a constant key, made when it is new."""
    variable = container.fields.get(key)
    if variable is None:
        if len(container.fields) >= 500:
            return container.element
        variable = container.fields[key] = Variable()
        for watcher in list(container.watchers):
            watcher(key, variable)
    return variable


def each_field(container: Container, use: object) -> None:
    """Do something with every constant key, also later ones."""
    container.watchers.append(use)  # type: ignore[arg-type]
    for key, variable in list(container.fields.items()):
        use(key, variable)  # type: ignore[operator]


def everything(engine: Engine, container: Container, into: Variable | None) -> None:
    """All elements of a container."""
    engine.copy(container.element, into)
    each_field(container, lambda key, variable: engine.copy(variable, into))
