"""``ktlo metrics explain``: one metric as other products define it, and why the numbers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ktlo.cli.client import Client


def explain(
    client: Client, metric: str, asked: Mapping[str, Any], only: Sequence[str], *, as_json: bool
) -> None:
    """Ask the server and print the answer.

    Args:
        client: to whom.
        metric: which one; empty lists those that can be explained.
        asked: period and filters, as the API takes them.
        only: dialects; all when empty.
        as_json: print what the API answers.
    """
    from ktlo.cli.output import print_json, print_table

    if not metric:
        listed = client.get("/dialects")
        if as_json:
            print_json(listed)
        else:
            print_table(
                ("metric", "what it is", "compared with", "dialects"),
                [(m["name"], m["title"], m["own"], ", ".join(m["dialects"])) for m in listed],
            )
        return
    found = client.get(f"/dialects/{metric}", params={**asked, "dialect": list(only)})
    if as_json:
        print_json(found)
        return
    _print(found)


def _print(found: Any) -> None:
    from ktlo.cli.output import console, print_table
    from ktlo.report.dialects import difference_text, value_text

    unit = found["unit"]
    print_table(
        ("by", "it would show", "in one unit", "against ktlo", "rows"),
        [
            (
                one["title"],
                one["shown"],
                value_text(one["value"], unit),
                "" if one["dialect"] == "ktlo" else difference_text(one["difference"], unit),
                one["n"],
            )
            for one in found["dialects"]
        ],
        f"{found['title']}, {found['start'][:10]} to {found['end'][:10]}",
    )
    own = next(one for one in found["dialects"] if one["dialect"] == "ktlo")
    if own["reason"]:
        console.print(f"Not estimable by ktlo: {own['reason']}.", markup=False)
    if not any(one["n"] for one in found["dialects"]):
        console.print(
            "No definition finds anything in this period, so there is no difference to explain. Ask for a longer one"
            " with --from all; `ktlo sources list` says what is connected and what it delivered, `ktlo sources add`"
            " connects more.",
            markup=False,
        )
        return
    for one in found["dialects"]:
        if one["dialect"] == "ktlo":
            continue
        print_table(
            ("cause", "ktlo", one["title"], "then it is", "that makes", "rows more/fewer/changed"),
            [
                (
                    cause["title"],
                    cause["ktlo"],
                    cause["theirs"],
                    value_text(cause["after"], unit),
                    difference_text(cause["difference"], unit),
                    f"{cause['came']}/{cause['went']}/{cause['changed']}",
                )
                for cause in one["causes"]
            ],
            f"Why {one['title']} differs",
        )
        for trap in one["traps"]:
            console.print(f"Mind: {trap}", markup=False)
        console.print(f"Source: {one['source']}", style="dim", markup=False)
    for silent in found["shows_none"]:
        console.print(f"{silent} shows no such number.", markup=False)
