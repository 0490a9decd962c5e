"""``ktlo rota load`` and ``who`` where a pager's schedule says who really was on call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.people import OnCallShift
from ktlo.settings import load_settings
from ktlo.store.open import open_store

ROTA = """
rota:
  people:
    ada: {name: Ada, aliases: ["opsgenie:u1"]}
    bob: {name: Bob, aliases: [bob@acme.org]}
  rotas:
    checkout:
      members: [ada, bob]
      roles: {primary: {}, secondary: {schedule: Backup}}
"""
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def shift(who: str, account: str, first: int, last: int | None) -> OnCallShift:
    """Whole days from today, in the rotation ``primary`` of the schedule ``checkout``; no last one: without an end."""
    end = None if last is None else TODAY + dt.timedelta(days=last)
    return OnCallShift(
        source="opsgenie:account",
        external_id=f"s1|{account}|{first}",
        schedule="Checkout",
        schedule_id="s1",
        layer="primary",
        is_override=False,
        team="",
        person=who,
        account=f"opsgenie:{account}",
        started_at=TODAY + dt.timedelta(days=first),
        ended_at=end,
    )


def test_the_load_says_whose_hours_they_were_by_which_schedule_and_what_is_not_known(
    house_copy: Path, ktlo: Callable[..., Any]
) -> None:
    file = house_copy / "ktlo.yaml"
    file.write_text(file.read_text(encoding="utf-8") + ROTA, encoding="utf-8")
    store = open_store(load_settings(file), house_copy / "data")
    shifts = [
        shift("ada@elsewhere.org", "u1", -10, -7),
        shift("bob@acme.org", "u2", -7, -5),
        shift("zoe@acme.org", "u3", -5, -4),
        shift("ada@elsewhere.org", "u1", -2, None),
    ]
    store.insert(TABLES["on_call_shifts"], to_arrow(shifts, OnCallShift))
    store.close()

    last = (TODAY - dt.timedelta(days=1)).date().isoformat()
    first = (TODAY - dt.timedelta(days=30)).date().isoformat()
    said = ktlo("rota", "load", "--from", first, "--to", last)
    assert said.code == 0, said.err
    rows = [line.split() for line in said.out.splitlines() if line.strip().startswith(("Ada", "Bob"))]
    assert [row[:3] for row in rows[:2]] == [["Ada", "120.0", "2"], ["Bob", "48.0", "1"]]
    assert "Who was on call is told by Checkout (opsgenie:account): primary." in said.out
    assert "Nothing was read of a schedule Backup: its role counts as planned." in said.out
    assert "zoe@acme.org had 24 hours and is not in the rota: they count for nobody." in said.out

    now = ktlo("rota", "who", "--json").json()[0]
    assert [(one["person"], one["because"]) for one in now["duties"]] == [("ada", "schedule")]
    assert now["uncovered"] == ["secondary"]
