"""``ktlo check fix``: the smallest updates that end known vulnerabilities, one commit each, tests in between.

Exit codes: 0 nothing is left that can be mended, 1 something is left, 2 it could not be told, 4 wrong use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config
from ktlo.errors import UsageError
from ktlo.wording import counted

if TYPE_CHECKING:
    from ktlo.guard.fixing.run import Result

_SIGNS = {"done": "done", "planned": "would", "undone": "undone", "not possible": "left"}


def register(group: typer.Typer, command: type[Any]) -> None:
    """Add the command."""
    group.command(
        "fix",
        cls=command,
        epilog='Examples:  ktlo check fix --dry-run  ·  ktlo check fix --test "make test"'
        '  ·  ktlo check fix --test "make test" --branch security-updates',
    )(fix)


def fix(
    path: Annotated[Path, typer.Argument(help="Folder of the repository.")] = Path(),
    test: Annotated[
        str,
        typer.Option(
            help="Command that must succeed after each change; default: guard.test.",
            metavar="COMMAND",
            show_default=False,
        ),
    ] = "",
    no_test: Annotated[bool, typer.Option("--no-test", help="Commit without running tests.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; nothing is run or changed.")
    ] = False,
    branch: Annotated[
        str, typer.Option(help="Make this branch for the commits.", metavar="NAME", show_default=False)
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(help="Only this package; may be repeated.", metavar="PACKAGE")
    ] = None,
    database: Annotated[
        list[str] | None,
        typer.Option(
            help="Advisory database instead of guard.databases: URL of an OSV service, folder, zip or tar.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for indexes; default: your cache folder.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Update what is vulnerable, as little as possible: one commit each, undone when the tests fail.

    It runs the project's own tools and tests; nothing is pushed. See docs/check-fix.md.
    """
    from ktlo.cli.check import guarded, run_of

    def work() -> int:
        from ktlo.guard.fixing.choice import judge_of
        from ktlo.guard.fixing.findings import findings_to_fix
        from ktlo.guard.fixing.plan import plan
        from ktlo.guard.fixing.run import State, Wish, mend

        asked = run_of(path, database, cache, config)
        command = "" if no_test else test or asked.settings.test
        if not (command or no_test or dry_run):
            raise UsageError("no tests are named", fix='Give --test "make test", or --no-test to go without')
        found = findings_to_fix(asked)
        judge = judge_of(found.question)
        changes = plan(
            [one for one in found.findings if not only or one.properties.get("package") in only], judge
        )
        wish = Wish(path, command, asked.settings.test_seconds, branch, dry_run)
        results = mend(changes, wish, judge, lambda one: None if as_json else _say(one))
        if as_json:
            _print_json(results)
        else:
            _sum(results, found.unchecked)
        left = [one for one in results if one.state in (State.UNDONE, State.NOT_POSSIBLE)]
        if left:
            return 1
        return 2 if found.unchecked else 0

    raise typer.Exit(guarded(work))


def _say(result: Result) -> None:
    from ktlo.guard.formats.text import printable

    change = result.change
    title = change.title(result.version)
    major = " (another major version)" if change.leaves_major and change.version else ""
    commit = f" in {result.commit}" if result.commit else ""
    lead = _SIGNS[result.state.value]
    what = title if change.version else f"{change.package} {' and '.join(change.current)}"
    print(f"{lead:<7} {printable(what)}{major}{commit}")
    print(f"        {printable(change.lock_file)}: {printable(', '.join(change.advisories))}")
    if result.reason:
        print(f"        {printable(result.reason)}")
    sys.stdout.flush()


def _sum(results: tuple[Result, ...], unchecked: int) -> None:
    if not results:
        print("Nothing to mend: no finding that fails is about a package.")
    else:
        counts = {name: sum(one.state.value == name for one in results) for name in _SIGNS}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        print(f"{len(results)} {'change' if len(results) == 1 else 'changes'}: {told}.")
    if unchecked:
        print(f"{counted(unchecked, 'things')} could not be checked; ktlo check names them.")


def _print_json(results: tuple[Result, ...]) -> None:
    from ktlo.cli.output import print_json

    print_json(
        [
            {
                "package": one.change.package,
                "ecosystem": one.change.ecosystem,
                "lock_file": one.change.lock_file,
                "from": list(one.change.current),
                "to": one.version or one.change.version,
                "leaves_major": one.change.leaves_major,
                "advisories": list(one.change.advisories),
                "state": one.state.value,
                "reason": one.reason,
                "commit": one.commit,
            }
            for one in results
        ]
    )
