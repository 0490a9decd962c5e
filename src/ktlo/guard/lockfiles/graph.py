"""Why a dependency is there: the shortest path from the project, and whether only development leads to it.

Readers give the edges their lock file states; breadth first from the project's own requirements gives paths as
``npm ls`` or ``uv tree`` would print them, the shortest of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Place:
    """What a file tells about why a dependency is there; see ``Dependency`` for the fields."""

    is_direct: bool | None = None
    is_development: bool | None = None
    path: tuple[str, ...] = ()


def places(
    production: Iterable[Node],
    development: Iterable[Node],
    next_nodes: Callable[[Node], Iterable[Node]],
    name: Callable[[Node], str],
    longest: int,
) -> dict[Node, Place]:
    """Places of all nodes that the project's requirements lead to.

    Args:
        production: what the project asks for to run.
        development: what it asks for to be developed.
        next_nodes: a node's own requirements.
        name: a node's name in a path.
        longest: paths with more names are not told (a stranger's chain must not cost its square).

    Returns:
        Reached nodes; development is False when any path from production leads to the node.
    """
    roots = list(dict.fromkeys(production))
    run = _paths(roots, next_nodes)
    develop = list(dict.fromkeys(development))
    both = _paths([*roots, *develop], next_nodes)
    direct = {*roots, *develop}
    found: dict[Node, Place] = {}
    for node in both:
        parents = run if node in run else both
        chain: list[str] = []
        step: Node | None = node
        while step is not None and len(chain) < longest:
            chain.append(name(step))
            step = parents[step]
        path = tuple(reversed(chain)) if step is None else ()
        found[node] = Place(node in direct, node not in run, path)
    return found


def _paths(roots: list[Node], next_nodes: Callable[[Node], Iterable[Node]]) -> dict[Node, Node | None]:
    parents: dict[Node, Node | None] = dict.fromkeys(roots)
    queue = deque(roots)
    while queue:
        node = queue.popleft()
        for following in next_nodes(node):
            if following not in parents:
                parents[following] = node
                queue.append(following)
    return parents
