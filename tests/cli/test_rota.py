"""``ktlo rota``, from an empty rota to a published plan, a swap and a file for PagerDuty."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROTA = """
rota:
  people:
    ada: {name: Ada, aliases: [ada@acme.org, "pagerduty:PADA"]}
    bob: {name: Bob, aliases: [bob@acme.org, "pagerduty:PBOB"]}
    cyd: {name: Cyd, aliases: [cyd@acme.org, "pagerduty:PCYD"]}
    dan: {name: Dan, aliases: [dan@acme.org, "pagerduty:PDAN"]}
  rotas:
    checkout: {members: [ada, bob, cyd, dan], time_zone: Europe/Berlin}
"""


@pytest.fixture
def rota(house_copy: Path, ktlo: Callable[..., Any]) -> Callable[..., Any]:
    """``ktlo rota …`` on a house with one rota."""
    file = house_copy / "ktlo.yaml"
    if "rota:" not in file.read_text(encoding="utf-8"):
        file.write_text(file.read_text(encoding="utf-8") + ROTA, encoding="utf-8")
    return lambda *words: ktlo("rota", *words)


def day(weeks: int) -> str:
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(weeks=weeks)).isoformat()


def test_a_rota_is_planned_shown_swapped_and_exported(rota: Callable[..., Any], tmp_path: Path) -> None:
    assert rota("who").code == 1
    planned = rota("plan", "--weeks", "8", "--effort", "0.3", "--publish", "--json").json()
    assert planned["is_published"]
    assert len(planned["duties"]) == 8
    assert rota("who").code == 0
    gaps = rota("gaps", "--days", "30")
    assert (gaps.code, gaps.out.strip()) == (0, "Nothing is wrong in the coming 30 days.")

    shown = rota("show", "--json").json()
    mine, other = shown[2], next(duty for duty in shown[3:] if duty["person"] != shown[2]["person"])
    asked = rota(
        "swap",
        "ask",
        other["name"],
        "--shift",
        mine["start"][:10],
        "--in-return",
        other["start"][:10],
        "--json",
    ).json()
    assert asked["step"] == "asked"
    early = rota("swap", "approve", asked["number"], "--as", "ada")
    assert (early.code, "it can be approved when it is accepted" in early.err) == (2, True)
    assert rota("swap", "accept", asked["number"], "--as", other["person"]).code == 0
    third = next(n for n in ("ada", "bob", "cyd", "dan") if n not in (mine["person"], other["person"]))
    assert "In force" in rota("swap", "approve", asked["number"], "--as", third).out
    assert rota("show", "--json").json()[2]["person"] == other["person"]

    file = tmp_path / "pagerduty.json"
    assert rota("export", "--format", "pagerduty", "-o", str(file)).code == 0
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["schedule"]["schedule_layers"][0]["rotation_turn_length_seconds"] == 604800
    back = rota("import", str(file), "--rota", "checkout", "--role", "primary", "--json").json()
    assert [(d["person"], d["start"]) for d in back["duties"]] == [
        (d["person"], d["start"]) for d in rota("show", "--json").json()
    ]
    assert "BEGIN:VCALENDAR" in rota("export", "--format", "ics").out
    assert "members:" in rota("import", str(file)).out


def test_time_off_in_a_planned_shift_is_told_at_once_and_can_be_taken_back(rota: Callable[..., Any]) -> None:
    rota("plan", "--weeks", "8", "--effort", "0.3", "--publish")
    duty = rota("show", "--json").json()[2]
    said = rota("off", duty["person"], duty["start"][:10], "--reason", "concert", "--json").json()
    assert said["troubles"][0]["words"].startswith(f"{duty['name']} is primary")
    assert rota("gaps").code == 1
    assert rota("off", "--take-back", said["entered"][0]["number"]).out.strip() == "Taken back."
    assert rota("wish", duty["person"], day(5)).code == 0
    assert len(rota("wish", "--json").json()) == 1


def test_what_cannot_be_planned_says_why_and_what_to_give_up(rota: Callable[..., Any]) -> None:
    for name in ("ada", "bob", "cyd", "dan"):
        rota("off", name, day(20), day(21))
    refused = rota("plan", "--from", day(15), "--weeks", "8")
    assert refused.code == 1
    assert "cannot be filled" in refused.out
    assert "moves the time off" in refused.out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("off", "zoe", "2030-01-01"), "nobody in any rota is called 'zoe'"),
        (("off", "ada", "2020-01-01"), "1 Jan 2020 is over"),
        (("off", "ada", "--calendar", "missing.ics"), "there is no such file"),
        (("plan", "nowhere"), "there is no rota called 'nowhere'"),
        (("plan", "--from", "2020-01-01"), "is in the past"),
        (("swap", "accept", "0000", "--as", "ada"), "there is no swap '0000'"),
        (("stand-in", "ada", "--from", "2030-01-02", "--to", "2030-01-01"), "the end is not after the start"),
        (("export", "--from", "2040-01-01"), "nobody is planned for checkout"),
    ],
)
def test_wrong_use_is_one_sentence(rota: Callable[..., Any], words: tuple[str, ...], what: str) -> None:
    said = rota(*words)
    assert said.code == 2
    assert what in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [("who",), ("gaps",), ("check",), ("plan",), ("show",), ("who", "--json")])
def test_without_a_rota_every_question_about_one_says_so_with_the_same_exit_code(
    words: tuple[str, ...], ktlo: Callable[..., Any], tmp_path: Path
) -> None:
    empty = tmp_path / "ktlo.yaml"
    empty.write_text("{}\n", encoding="utf-8")
    said = ktlo("rota", *words, "--data", str(tmp_path / "data"), "--config", str(empty))
    assert said.code == 2
    assert "rota" in said.err
    assert "ktlo.yaml" in said.err
