"""Which spans of a trace are drawn, and where its log records stand among them.

A trace of a few hundred spans is drawn whole. Of a larger one the roots, the critical path, errors, what a person
opened and then level by level what fits is drawn; each drawn span says how many below it are not. Nothing is dropped:
opening a span draws its children, and everything can be asked for at once.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ktlo.telemetry.logs import Record
from ktlo.telemetry.trace import Node

FITS = 600
"""Spans of a trace that is drawn whole, and of a larger one what is drawn at first."""
MOST_CRITICAL, MOST_ERRORS, MOST_OPENED, MOST_LOGS = 200, 200, 2_000, 500


@dataclass(frozen=True, slots=True)
class Row:
    """A span that is drawn, or a log record at its place.

    Attributes:
        node: the span; ``None`` for a log record.
        log: the record; ``None`` for a span.
        depth: level that it is at.
        hidden: spans below it that are not drawn and are below no drawn child of it.
        hidden_errors: of them, with status error.
    """

    node: Node | None
    log: Record | None
    depth: int
    hidden: int = 0
    hidden_errors: int = 0


def parents_of(nodes: Sequence[Node]) -> list[int | None]:
    """Place of each span's parent among spans that stand parents before children; ``None`` for a root."""
    found: list[int | None] = []
    path: list[int] = []
    for place, node in enumerate(nodes):
        del path[node.depth :]
        found.append(path[-1] if path else None)
        path.append(place)
    return found


def drawn(nodes: Sequence[Node], opened: Collection[str] = (), *, fits: int = FITS) -> list[bool]:
    """For each span whether it is drawn.

    Args:
        nodes: spans, parents before their children.
        opened: identifiers of spans whose children are wanted.
        fits: how many are drawn beyond what must be.
    """
    if len(nodes) <= fits:
        return [True] * len(nodes)
    parent = parents_of(nodes)
    children: dict[int | None, list[int]] = defaultdict(list)
    for place, above in enumerate(parent):
        children[above].append(place)
    kept = [False] * len(nodes)

    def keep(place: int | None) -> None:
        while place is not None and not kept[place]:
            kept[place] = True
            place = parent[place]

    wanted = [place for place, node in enumerate(nodes) if node.is_critical][:MOST_CRITICAL]
    wanted += [place for place, node in enumerate(nodes) if node.is_error][:MOST_ERRORS]
    for place, node in enumerate(nodes):
        if node.span_id in opened:
            wanted += [place, *children[place][:MOST_OPENED]]
    for place in wanted:
        keep(place)
    left = max(0, fits - sum(kept))
    level = deque(children[None])
    while level and left:
        place = level.popleft()
        if not kept[place]:
            keep(place)
            left -= 1
        level += children[place]
    return kept


def rows(
    nodes: Sequence[Node],
    logs: Sequence[Record] = (),
    opened: Collection[str] = (),
    *,
    fits: int = FITS,
) -> list[Row]:
    """What is drawn, from top to bottom: parents before their children, what a span logged among them by time.

    A record of a span that is not drawn stands under the nearest one above it that is; one without a span, or of a span
    that is not here, stands at the level of the roots.
    """
    kept, parent = drawn(nodes, opened, fits=fits), parents_of(nodes)
    shown_above: list[int | None] = []
    hidden, hidden_errors = [0] * len(nodes), [0] * len(nodes)
    for place, node in enumerate(nodes):
        above = parent[place]
        if kept[place]:
            shown_above.append(place)
            continue
        nearest = shown_above[above] if above is not None else None
        shown_above.append(nearest)
        if nearest is not None:
            hidden[nearest] += 1
            hidden_errors[nearest] += node.is_error
    below: dict[int | None, list[tuple[int, int, int | Record]]] = defaultdict(list)
    for place, node in enumerate(nodes):
        if kept[place]:
            below[parent[place]].append((node.start_ns, place, place))
    first: dict[str, int] = {}
    for place, node in enumerate(nodes):
        first.setdefault(node.span_id, place)
    for number, record in enumerate(logs[:MOST_LOGS]):
        own = first.get(record.span_id) if record.span_id else None
        at = shown_above[own] if own is not None else None
        below[at].append((record.logged_ns, len(nodes) + number, record))
    made: list[Row] = []
    waiting = [(item, 0) for item in sorted(below[None], key=_order, reverse=True)]
    while waiting:
        (_, _, what), depth = waiting.pop()
        if isinstance(what, Record):
            made.append(Row(None, what, depth))
            continue
        made.append(Row(nodes[what], None, depth, hidden[what], hidden_errors[what]))
        waiting += [(item, depth + 1) for item in sorted(below[what], key=_order, reverse=True)]
    return made


def _order(item: tuple[int, int, int | Record]) -> tuple[int, int]:
    return item[0], item[1]
