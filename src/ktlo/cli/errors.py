"""``ktlo errors``: what goes wrong in services, one error in full, and what you say of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo errors  ·  ktlo errors --since 7d --service shop --standing regressed"
        "  ·  ktlo errors 2-0a0bf3c1864f1e09  ·  ktlo errors 2-0a0bf3c1864f1e09 --resolved-in 1.4.2"
        "  ·  ktlo errors 2-0a0bf3c1864f1e09 --ignore 'the crawler sends garbage' --json",
    )(errors)


def errors(
    fingerprint: Annotated[str, typer.Argument(help="One error in full; empty lists them.")] = "",
    since: Annotated[str, typer.Option(help="15min, 1h, 7d before the end, a date or an instant.")] = "1d",
    until: Annotated[str, typer.Option(help="End; now when empty.", show_default=False)] = "",
    service: Annotated[str, typer.Option(help="Keep only this service.", show_default=False)] = "",
    version: Annotated[str, typer.Option(help="Keep only this version.", show_default=False)] = "",
    text: Annotated[
        str, typer.Option(help="Keep what has this in type, message or frames.", show_default=False)
    ] = "",
    standing: Annotated[
        list[str] | None,
        typer.Option(help="Keep only regressed, new, open, resolved or ignored; repeat for several."),
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Say that it is resolved as of now.")] = False,
    resolved_in: Annotated[
        str, typer.Option(help="Say that it is resolved in this version.", show_default=False)
    ] = "",
    ignore: Annotated[str, typer.Option(help="Say why it is ignored.", show_default=False)] = "",
    reopen: Annotated[bool, typer.Option("--reopen", help="Take back what was said.")] = False,
    issue: Annotated[str, typer.Option(help="Address of the issue made of it.", show_default=False)] = "",
    author: Annotated[str, typer.Option(help="Who says it; your login when empty.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="Most errors to print.", min=1, max=500)] = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List errors in groups, what came back and what is new first; show one; say what it is."""
    import getpass

    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json
    from ktlo.errors import UsageError

    said = _said(resolved=resolved, resolved_in=resolved_in, ignore=ignore, reopen=reopen)
    if (said or issue) and not fingerprint:
        raise UsageError("of which error?", fix="Give its fingerprint; `ktlo errors` lists them")
    asked: dict[str, Any] = {
        "since": since, "until": until, "service": service, "version": version, "q": text,
        "standing": standing, "limit": limit,
    }  # fmt: skip
    with connect(data, config) as client:
        who = author or getpass.getuser()
        if said:
            client.post(f"/errors/{fingerprint}/verdict", {**said, "author": who})
        if issue:
            client.post(f"/errors/{fingerprint}/issue", {"url": issue, "author": who})
        if fingerprint:
            answer = client.get(f"/errors/{fingerprint}", {"since": since, "until": until})
        else:
            answer = client.get("/errors", asked)
    if as_json:
        print_json(answer)
    elif fingerprint:
        _print_one(answer)
    elif answer:
        _print_list(answer)
    else:
        console.print(f"No error was reported in this stretch ({since}).", markup=False)


def _said(*, resolved: bool, resolved_in: str, ignore: str, reopen: bool) -> dict[str, str]:
    from ktlo.errors import UsageError

    wanted = [bool(resolved or resolved_in), bool(ignore), reopen]
    if sum(wanted) > 1:
        raise UsageError("an error is one of resolved, ignored and open", fix="Give one of the options")
    if wanted[0]:
        return {"said": "resolved", "version": resolved_in}
    if ignore:
        return {"said": "ignored", "reason": ignore}
    return {"said": "open"} if reopen else {}


def _print_list(rows: list[dict[str, Any]]) -> None:
    from ktlo.cli.output import print_table

    print_table(
        ("error", "standing", "reports", "traces", "what", "where", "services", "last seen"),
        [
            (
                row["fingerprint"], row["standing"], row["occurrences"], row["traces"],
                f"{row['title']}: {row['message']}"[:80], row["culprit"], ", ".join(row["services"]),
                row["last_seen"][:16].replace("T", " "),
            )
            for row in rows
        ],
    )  # fmt: skip


def _print_one(answer: dict[str, Any]) -> None:
    from ktlo.cli.output import console, print_table

    it = answer["error"]
    lines = [
        f"{it['title']}: {it['message'][:500]}",
    ]
    first = it["first_seen"][:16].replace("T", " ")
    about = "about " if it["traces"] > 100 else ""  # as the API says: estimated above
    reports = (
        f"{counted(it['occurrences'], 'reports')} in {about}{counted(it['traces'], 'traces')} in this stretch"
    )
    lines.append(f"{it['standing']}, {reports}, {it['total']} since {first}")
    if it["issue"]:
        lines.append(f"issue {it['issue']}")
    for line in lines:
        console.print(line, markup=False, highlight=False)
    if answer["stacktrace"]:
        console.print(answer["stacktrace"].rstrip(), markup=False, highlight=False)
    if answer["spread"]:
        print_table(
            ("service", "version", "operation", "reports"),
            [
                (row["service"], row["version"], row["operation"], row["occurrences"])
                for row in answer["spread"]
            ],
        )
    if answer["samples"]:
        print_table(
            ("when", "service", "trace", "span"),
            [
                (row["occurred_at"][:19].replace("T", " "), row["service"], row["trace_id"], row["span_id"])
                for row in answer["samples"]
            ],
        )
