"""What the documentation tells people to type exists, and what it points to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def typed_lines(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    joined = "\n".join(block.replace("\\\n", " ") for block in FENCE.findall(text))
    lines = [line.removeprefix("$ ").strip() for line in joined.splitlines()]
    return [re.sub(r"^(\w+=(\"[^\"]*\"|'[^']*'|\S*) )+", "", line) for line in lines]


def ktlo_commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for line in typed_lines(page):
            command = line.split(" | ")[0].split(" < ")[0].split(" > ")[0].split("  #")[0].strip()
            if command.startswith("ktlo "):
                found.append((page.relative_to(ROOT).as_posix(), command))
    return found


@pytest.mark.parametrize(("page", "line"), ktlo_commands())
def test_every_command_shown_is_understood(page: str, line: str) -> None:
    from ktlo.cli.main import commands

    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(commands())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert words == [] or words[0].startswith("-") or not hasattr(command, "commands"), f"{page}: {words[0]}?"
    # Parsed as when typed, without running it: an option or argument that does not exist raises.
    command.make_context(command.name, words)


def test_every_make_target_shown_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for line in typed_lines(page):
            if line.startswith("make "):
                target = line.split()[1]
                assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{target} is not there"


def test_every_page_of_the_documentation_is_reachable_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        if page.is_dir():
            waiting += sorted(page.glob("*.md"))
            continue
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            found = (page.parent / target).resolve()
            if "://" not in target and found.suffix in ("", ".md") and found.exists():
                waiting.append(found)
    assert {page for page in PAGES if page not in reached} == set()
