"""A dashboard as a form: names of fields are paths (``rows.0.panels.1.title``), buttons change its shape.

The form works without a script: a button that adds, removes or moves something posts the whole form and gets it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ktlo.errors import UsageError
from ktlo.telemetry.dashboards.model import Dashboard

MOST_FIELDS = 3000
_NUMBERS = frozenset({"width", "most"})
_FLAGS = frozenset({"all"})
_LISTS = frozenset({"values"})


def from_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The dashboard that a form says, not yet checked; what is empty is left out.

    Raises:
        UsageError: a name of a field that the form does not have.
    """
    root: dict[str, Any] = {}
    for name, value in pairs:
        steps = name.split(".")
        if steps[0] not in Dashboard.model_fields:
            continue
        into: dict[str, Any] = root
        for step in steps[:-1]:
            into = into.setdefault(step, {})
            if not isinstance(into, dict):
                raise UsageError(f"the field {name[:60]!r} is none of this form")
        into[steps[-1]] = _read(steps[-1], value)
    listed = _listed(root)
    return listed if isinstance(listed, dict) else {}


def _read(name: str, value: str) -> Any:
    value = value.replace("\r\n", "\n").strip()
    if name in _NUMBERS:
        return int(value) if value.isdigit() and len(value) < 9 else value
    if name in _FLAGS:
        return bool(value)
    if name in _LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _listed(value: Any) -> Any:
    """Mappings whose keys are numbers as lists; empty texts and lists left out."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() and len(key) < 6 for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    made = {key: _listed(each) for key, each in value.items()}
    made = {key: each for key, each in made.items() if each not in ("", [], None, {})}
    if "queries" in made:
        made["queries"] = [each for each in made["queries"] if isinstance(each, dict) and each.get("expr")]
    return made


def changed(said: dict[str, Any], act: str) -> dict[str, Any]:
    """The dashboard after a button: ``add-row``, ``add-panel:0``, ``remove:0.1``, ``up:0.1``, ``down:0.1``, ….

    Raises:
        UsageError: there is no such button.
    """
    what, _, place = act.partition(":")
    if not all(part.isdigit() and len(part) < 4 for part in place.split(".") if part):
        raise UsageError(f"there is no button {act[:60]!r}")
    at = [int(part) for part in place.split(".") if part]
    rows: list[Any] = said.setdefault("rows", [])
    variables: list[Any] = said.setdefault("variables", [])
    try:
        if what == "add-row":
            rows.append({"panels": []})
        elif what == "remove-row":
            del rows[at[0]]
        elif what == "add-variable":
            variables.append({"name": f"variable{len(variables) + 1}"})
        elif what == "remove-variable":
            del variables[at[0]]
        elif what == "add-panel":
            rows[at[0]].setdefault("panels", []).append({"kind": "promql"})
        elif what == "add-query":
            rows[at[0]]["panels"][at[1]].setdefault("queries", []).append({"expr": ""})
        elif what == "remove":
            del rows[at[0]]["panels"][at[1]]
        elif what in ("up", "down"):
            _move(rows, at, -1 if what == "up" else 1)
        elif what not in ("save", "show"):
            raise UsageError(f"there is no button {act[:60]!r}")
    except (IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            "this part of the form is not there any more", fix="Open the dashboard again"
        ) from error
    return said


def _move(rows: list[Any], at: list[int], by: int) -> None:
    """A panel within its row, or into the next one."""
    row, place = at
    panels = rows[row]["panels"]
    if 0 <= place + by < len(panels):
        panels[place], panels[place + by] = panels[place + by], panels[place]
    elif 0 <= row + by < len(rows):
        panel = panels.pop(place)
        others = rows[row + by].setdefault("panels", [])
        others.insert(len(others) if by < 0 else 0, panel)
