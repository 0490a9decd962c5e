"""Teams and rotas for the tests, said as in ktlo.yaml."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ktlo.planning.rota.duties import Absence
from ktlo.planning.rota.rules import Rota, rotas_of
from ktlo.settings.rota import RotaSettings

START = dt.datetime(2027, 1, 4, tzinfo=dt.UTC)
"""A Monday."""
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy", "joe", "kim", "lou")


def rota(members: int | list[str] = 8, people: dict[str, Any] | None = None, **said: Any) -> Rota:
    """A rota of some people; everything else as it would be said in the settings."""
    listed = list(NAMES[:members]) if isinstance(members, int) else members
    everybody = {name: {"name": name.capitalize(), **(people or {}).get(name, {})} for name in listed}
    settings = RotaSettings.model_validate(
        {"people": everybody, "rotas": {"checkout": {"members": listed, **said}}}
    )
    return rotas_of(settings)["checkout"]


def after(days: float) -> dt.datetime:
    """So many days after the start."""
    return START + dt.timedelta(days=days)


def away(person: str, first: int, last: int, number: str = "") -> Absence:
    """Somebody's time off from one day after the start to another, both included."""
    start, end = after(first), after(last + 1)
    words = f"{start:%-d %b} to {end - dt.timedelta(days=1):%-d %b}"
    return Absence(number or f"{person}{first}", person, start, end, words)
