"""``ktlo secrets move``, ``rotate``, ``revoke`` and ``journal``: what is done about a found secret.

Values come in by reference only (``env:``, ``file:``, ``-`` for standard input), never as an argument, which a process
list would show; none is printed. Exit codes: 0 done, 1 still alive or not proven, 2 the outside failed, 4 wrong use.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktlo.cli.main import AsJson
from ktlo.errors import KtloError, UserError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ktlo.guard.secrets.rules import RuleSet

_ALIVE, _OUTSIDE, _WRONG_USE = 1, 2, 4

Fingerprint = Annotated[str, typer.Argument(help="As `ktlo secrets scan` prints it.")]
Place = Annotated[Path, typer.Argument(help="Folder of the repository.")]
Rules = Annotated[
    Path | None,
    typer.Option(help="The rules it was found with, when they are not ktlo's own.", show_default=False),
]


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``ktlo secrets``."""
    group.command(
        epilog="Examples:  ktlo secrets move 1f0c… --to vault:secret/shop/payments#API_KEY"
        "  ·  ktlo secrets move 1f0c… --to vault:secret/shop/payments#API_KEY --leave env:API_KEY --yes"
    )(move)
    group.command(
        epilog="Examples:  ktlo secrets rotate 1f0c… --new env:NEW_KEY  ·  ktlo secrets rotate 1f0c… --new - < key"
    )(rotate)
    group.command(
        epilog="Examples:  ktlo secrets revoke 1f0c…  ·  ktlo secrets revoke 1f0c… --lease env:LEASE_ID"
        "  ·  ktlo secrets revoke 1f0c… --probe https://api.example.org/me --header 'X-Api-Key: {secret}'"
    )(revoke)
    group.command(epilog="Examples:  ktlo secrets journal  ·  ktlo secrets journal --json")(journal)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        print(f"ktlo: {error}", file=sys.stderr)
        raise typer.Exit(_WRONG_USE) from None
    except KtloError as error:
        print(f"ktlo: {error}", file=sys.stderr)
        raise typer.Exit(_OUTSIDE) from None


def _rules(given: Path | None) -> RuleSet:
    from ktlo.guard.secrets import default_rules, load_rules

    return load_rules(given) if given else default_rules()


def move(
    fingerprint: Fingerprint,
    path: Place = Path(),
    to: Annotated[str, typer.Option(help="Where it goes: vault:MOUNT/PATH#KEY.", metavar="REFERENCE")] = "",
    leave: Annotated[
        str,
        typer.Option(
            help="What is left in the file: reference (to Vault), or env:NAME for a look-up of a variable.",
            metavar="WHAT",
        ),
    ] = "reference",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the file is changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change and stop.")] = False,
    rules: Rules = None,
    as_json: AsJson = False,
) -> None:
    """Move a secret of the working tree into Vault (KV version 2) and leave a reference in its place.

    Signs in as the environment says: VAULT_ADDR with VAULT_TOKEN, or with VAULT_ROLE_ID and VAULT_SECRET_ID. The value
    is in Vault before the file is changed; what is interrupted goes on when it is run again. See docs/check-vault.md.
    """
    from ktlo.cli.output import print_json
    from ktlo.guard.vault.journal import Journal
    from ktlo.guard.vault.moving import carry_out, prepare
    from ktlo.vault import open_session, parse_reference

    with _sentences():
        if leave != "reference" and not leave.startswith("env:"):
            raise UserError(f"there is no {leave!r} to leave", fix="Choose reference, or env:NAME")
        reference = parse_reference(to) if to else None
        if reference is None:
            raise UserError("it is not said where the secret goes", fix="--to vault:MOUNT/PATH#KEY")
        session = open_session()
        with Journal(path).held():
            prepared = prepare(path, fingerprint, reference, leave, _rules(rules), session)
            if not as_json:
                print(prepared.diff, end="")
            if dry_run:
                print("Nothing was changed.", file=sys.stderr)
                raise typer.Exit
            if not yes and not _agreed(f"Put it into Vault at {reference} and change {prepared.found.path}?"):
                print("Nothing was changed.", file=sys.stderr)
                raise typer.Exit(_WRONG_USE)
            done = carry_out(path, prepared, session)
    if as_json:
        print_json(
            {
                "fingerprint": fingerprint, "rule": done.found.rule, "path": done.found.path,
                "reference": str(reference), "version": done.version,
                "replaced": done.planned.count if done.planned else 0,
                "needs": done.planned.needs if done.planned else "",
            }
        )  # fmt: skip
        return
    print(f"Vault holds it at {reference} (version {done.version}); {done.found.path} refers to it.")
    if done.planned and done.planned.needs:
        print(f"{done.found.path} needs `{done.planned.needs}`.")
    print("It is still burnt: history keeps it. Have its issuer make a new one, then:")
    print(f"  ktlo secrets rotate {fingerprint} --new env:NEW_VALUE")
    print(f"  ktlo secrets revoke {fingerprint}")


def rotate(
    fingerprint: Fingerprint,
    path: Place = Path(),
    new: Annotated[
        str,
        typer.Option(help="The new value: env:NAME, file:PATH, or - for standard input.", metavar="WHERE"),
    ] = "",
) -> None:
    """Write a new value where a moved secret is kept in Vault; the old one stays in an earlier version."""
    from ktlo.guard.vault.journal import Journal
    from ktlo.guard.vault.moving import rotate as write_new
    from ktlo.vault import open_session

    with _sentences():
        value = _value(new)
        session = open_session()
        with Journal(path).held():
            step = write_new(path, fingerprint, value, session)
    print(f"{step.reference}: {step.note}; the old value is in version {step.version} until it is ended.")
    print(f"Next: ktlo secrets revoke {fingerprint}")


def revoke(
    fingerprint: Fingerprint,
    path: Place = Path(),
    lease: Annotated[
        str,
        typer.Option(help="Lease of Vault that the value came with: env:NAME or file:PATH.", metavar="WHERE"),
    ] = "",
    probe: Annotated[
        str,
        typer.Option(
            help="Address that answers 401 to a dead value, where no issuer is known.", metavar="URL"
        ),
    ] = "",
    header: Annotated[
        str,
        typer.Option(
            help="Header that carries it to --probe: 'NAME: … {secret}'.", show_default="a bearer token"
        ),
    ] = "",
    only_prove: Annotated[
        bool, typer.Option("--only-prove", help="Ask whether it is dead; do not ask for its end.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the end to come into force.", min=0)] = 30,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is ended.")] = False,
    rules: Rules = None,
    as_json: AsJson = False,
) -> None:
    """End a leaked value where it was issued, and close the finding only when the issuer refuses it.

    The value itself is sent to its issuer: GitHub, GitLab, Slack, npm, Vault, or the address given with --probe.
    """
    import dataclasses
    import os

    from ktlo.cli.output import print_json
    from ktlo.guard.vault import closing, issuers
    from ktlo.guard.vault.journal import Journal
    from ktlo.vault import open_session

    with _sentences():
        has_vault = bool(os.environ.get("VAULT_ADDR") or os.environ.get("BAO_ADDR"))
        session = open_session() if has_vault or lease else None
        with Journal(path).held():
            old = closing.old_value(path, fingerprint, _rules(rules), session)
            issuer = None if lease else closing.issuer_for(old, probe, header)
            who = f"{issuer.name} ({issuers.address_of(issuer)})" if issuer else "Vault"
            what = (
                "asked with the old value" if only_prove else "asked to end it, and asked with the old value"
            )
            if not yes and not _agreed(f"{who} is {what}. Go on?"):
                print("Nothing was done.", file=sys.stderr)
                raise typer.Exit(_WRONG_USE)
            if issuer is not None:
                result = closing.close(path, old, issuer, revokes=not only_prove, wait=wait)
            else:
                assert session is not None  # noqa: S101 - opened above, a lease is given
                result = closing.close_lease(path, old, _value(lease).get_secret_value(), session)
    if as_json:
        print_json({"fingerprint": fingerprint, **dataclasses.asdict(result)})
    else:
        print(f"{result.sentence}.")
        if result.fix:
            print(f"{result.fix}.")
    if not result.is_closed:
        raise typer.Exit(_ALIVE)


def journal(path: Place = Path(), as_json: AsJson = False) -> None:
    """Show what was done about which secret: stored, replaced, rotated, revoked, alive, dead, closed."""
    import dataclasses

    from ktlo.cli.output import console, print_json, print_table
    from ktlo.guard.vault.journal import Journal

    with _sentences():
        entries = Journal(path).entries()
    if as_json:
        print_json([dataclasses.asdict(one) for one in entries])
    elif not entries:
        console.print(
            "Nothing was moved or revoked here yet: `ktlo secrets scan` finds, `ktlo secrets move` moves."
        )
    else:
        print_table(
            ("when", "step", "fingerprint", "rule", "path", "Vault", "issuer", "note"),
            [(e.at, e.step, e.fingerprint, e.rule, e.path, _kept(e), e.issuer, e.note) for e in entries],
        )


def _kept(entry: Any) -> str:
    return f"{entry.reference} v{entry.version}" if entry.reference else ""


def _value(where: str) -> SecretStr:
    from pydantic import SecretStr

    from ktlo.settings.secret_reference import secret

    if where == "-":
        text = sys.stdin.readline(1 << 16).strip()
        if not text:
            raise UserError("there is nothing on standard input", fix="ktlo secrets rotate … --new - < FILE")
        return SecretStr(text)
    return secret(where)


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UserError(
            "nobody is there to be asked", fix="Say --yes, or --dry-run to see what would be done"
        )
    return typer.confirm(question)
