"""``ktlo debt`` end to end on the house: add, show, accept, pay, schedule, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_an_entry_goes_its_way_from_written_down_to_paid(ktlo: Any, tmp_path: Path) -> None:
    added = ktlo(
        "debt", "add", "--title", "Split [bold]the[/bold] totals", "--hours", "40", "--interest", "4", "--by", "Ada",
        "--repository", "acme/shop", "--path", "src/totals.py", "--json",
    )  # fmt: skip
    assert added.code == 0, added.err
    key = added.json()["key"]
    listed = ktlo("debt", "list", "--kind", "hand")
    assert "The known debt costs about 4" in listed.out
    assert "Split [bold]the[/bold] totals" in " ".join(listed.out.split())
    shown = ktlo("debt", "show", key)
    assert "Said by Ada" in shown.out
    # Commits to the file in the year, none of them in a sum: the hours are Ada's.
    assert "something with the totals" in ktlo("debt", "show", key, "--rows").out
    accepted = ktlo("debt", "accept", key, "--by", "Ada", "--reason", "gone soon", "--until", "2999-01-01")
    assert "is accepted" in accepted.out
    assert ktlo("debt", "list", "--status", "accepted", "--json").json()["entries"][0]["key"] == key
    assert "is open" in ktlo("debt", "reopen", key, "--by", "Ada").out
    plan = ktlo("debt", "schedule", "--hours", "20", "--weeks", "6", "--json").json()
    assert {slot["key"] for slot in plan["slots"]} == {key}
    for kept, keys in (
        (("--kind", "hand", "--kind", "hotspot"), {key}),
        (("--kind", "hotspot"), set()),
        (("--status", "open"), {key}),
        (("--status", "accepted"), set()),
    ):
        some = ktlo("debt", "schedule", "--hours", "20", "--weeks", "6", *kept, "--json").json()
        assert {slot["key"] for slot in some["slots"]} == keys, kept
    target = tmp_path / "debt.md"
    assert ktlo("debt", "schedule", "--hours", "20", "--format", "md", "-o", str(target)).code == 0
    assert "## Pay back: Split" in target.read_text(encoding="utf-8")
    assert "is paid" in ktlo("debt", "pay", key, "--by", "Ada").out
    again = ktlo("debt", "pay", key, "--by", "Ada")
    assert again.code == 2
    assert "paid already" in again.err
    assert "said" in ktlo("debt", "paid").out
    assert ktlo("debt", "withdraw", key, "--by", "Ada").code == 0
    assert "there is no entry" in ktlo("debt", "show", key).err


def test_what_makes_no_sense_gets_a_sentence_and_exit_code_2(ktlo: Any) -> None:
    for words, said in (
        (("add", "--title", "x", "--hours", "-4", "--interest", "1", "--by", "Ada"), "never negative"),
        (("add", "--title", "x", "--hours", "4", "--interest", "1", "--by", ""), "who says so"),
        (("accept", "hand-none", "--by", "Ada", "--reason", "r", "--until", "soon"), "'soon' is no date"),
        (("schedule", "--hours", "-1"), "-1 hours a week are none"),
        (("schedule", "--format", "docx"), "no format 'docx'"),
        (("schedule", "--kind", "hotpot"), "'hotspot'"),
        (("show", "../secrets"), "no such page"),
        (("show", "hotspot-none"), "there is no entry"),
    ):
        answer = ktlo("debt", *words)
        assert answer.code == 2, words
        assert said in answer.err, words
        assert "Traceback" not in answer.err
