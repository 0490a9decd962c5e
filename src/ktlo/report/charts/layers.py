"""Places for the nodes of a directed graph: in layers, so that calls run from left to right and cross little.

Pure arithmetic for ``graph``. After Sugiyama, Tagawa and Toda (1981): circles are opened, a node stands one layer
after the last of those that lead to it, and each layer is ordered by the mean place of its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEEPEST = 8
"""Layers; what lies deeper stands in the last."""
MOST_COLUMNS = 8
_TALL = 9
"""Rows of a layer from which on it gets a second column, while there is room."""
_UNEVEN = 1.5
_SWEEPS = 6

Arrow = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where nodes stand.

    Attributes:
        places: (column, row) by node; rows may be halves, so that layers are centred.
        columns: how many there are.
        rows: how many there are.
        order: nodes from the first layer to the last, for lists.
    """

    places: Mapping[str, tuple[int, float]]
    columns: int
    rows: float
    order: tuple[str, ...]


def layered(nodes: Sequence[str], arrows: Sequence[Arrow]) -> Grid:
    """Lay out a graph.

    Args:
        nodes: names, the most important first; among equals the first stands first.
        arrows: (from, to) of known nodes; circles and loops are legal.
    """
    forward = _without_circles(nodes, arrows)
    layer = _layers(nodes, forward)
    layers: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        layers[layer[node]].append(node)
    _order(layers, forward)
    fair = -(-len(nodes) // MOST_COLUMNS)
    if max(map(len, layers), default=0) > _UNEVEN * fair + _TALL:
        # Layers so uneven leave most of the drawing empty: the same order, cut into columns of one height.
        ordered = [node for one in layers for node in one]
        layers = [ordered[first : first + fair] for first in range(0, len(ordered), fair)]
        _order(layers, forward)
    widths = _columns([len(one) for one in layers])
    rows = max((-(-len(one) // width) for one, width in zip(layers, widths, strict=True)), default=0)
    places: dict[str, tuple[int, float]] = {}
    first = 0
    for one, width in zip(layers, widths, strict=True):
        used = -(-len(one) // width)
        for number, node in enumerate(one):
            places[node] = (first + number % width, number // width + (rows - used) / 2)
        first += width
    return Grid(places, first, float(rows), tuple(node for one in layers for node in one))


def _without_circles(nodes: Sequence[str], arrows: Sequence[Arrow]) -> list[Arrow]:
    """Arrows without loops; one that closes a circle is turned round (depth first, without recursion)."""
    leads: dict[str, list[str]] = {node: [] for node in nodes}
    entered = {end for start, end in arrows if start != end}
    for start, end in dict.fromkeys(arrows):
        if start != end:
            leads[start].append(end)
    done: set[str] = set()
    on_path: set[str] = set()
    kept: list[Arrow] = []
    # Where nothing leads to is where calls begin.
    for root in sorted(nodes, key=lambda node: node in entered):
        if root in done:
            continue
        on_path.add(root)
        stack = [(root, iter(leads[root]))]
        while stack:
            node, following = stack[-1]
            end = next(following, "")
            if not end:
                stack.pop()
                on_path.discard(node)
                done.add(node)
            elif end in on_path:
                kept.append((end, node))
            else:
                kept.append((node, end))
                if end not in done:
                    on_path.add(end)
                    stack.append((end, iter(leads[end])))
    return kept


def _layers(nodes: Sequence[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    waiting = dict.fromkeys(nodes, 0)
    leads: dict[str, list[str]] = defaultdict(list)
    for start, end in arrows:
        waiting[end] += 1
        leads[start].append(end)
    layer = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    while ready:
        node = ready.pop()
        for end in leads[node]:
            layer[end] = max(layer[end], layer[node] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return {node: min(at, DEEPEST - 1) for node, at in layer.items()}


def _order(layers: list[list[str]], arrows: Sequence[Arrow]) -> None:
    near: dict[str, list[str]] = defaultdict(list)
    for start, end in arrows:
        near[start].append(end)
        near[end].append(start)
    at = {node: _middle(number, len(one)) for one in layers for number, node in enumerate(one)}
    for sweep in range(_SWEEPS):
        for one in layers if sweep % 2 == 0 else reversed(layers):
            wanted = {
                node: sum(at[each] for each in near[node]) / len(near[node]) if near[node] else at[node]
                for node in one
            }
            one.sort(key=wanted.__getitem__)
            at.update((node, _middle(number, len(one))) for number, node in enumerate(one))


def _middle(number: int, of: int) -> float:
    return (number + 0.5) / of


def _columns(counts: Sequence[int]) -> list[int]:
    widths = [1] * len(counts)
    while counts and sum(widths) < MOST_COLUMNS:
        tallest = max(range(len(counts)), key=lambda place: -(-counts[place] // widths[place]))
        if -(-counts[tallest] // widths[tallest]) <= _TALL:
            break
        widths[tallest] += 1
    return widths
