"""The command `ktlo-instrument run -- …`: starts any command with every Python in it instrumented."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from ktlo_instrument.version import VERSION

_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*(?:\.exe)?$")
_WITH_VALUE = "WX"

_ABOUT = """\
Statistics of every function, and the telling calls in detail, without touching the code.

  ktlo-instrument run -- python app.py
  ktlo-instrument run -- gunicorn shop.wsgi:app
  ktlo-instrument run --service shop --endpoint http://ktlo:4318 -- uvicorn shop.main:app
"""


def main(given: Sequence[str] | None = None) -> NoReturn:
    """Become the command that was given."""
    parser = argparse.ArgumentParser(
        "ktlo-instrument", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a command with its functions counted")
    run.add_argument("--service", help="name it reports as (OTEL_SERVICE_NAME)")
    run.add_argument("--endpoint", help="OTLP/HTTP endpoint of ktlo (http://127.0.0.1:4318)")
    run.add_argument("--rules", help="URL of the ktlo server whose rules are followed")
    run.add_argument("--packages", help="patterns of modules, with commas (the application's own code)")
    run.add_argument("--exclude", help="patterns of modules or functions that are left alone")
    run.add_argument("rest", nargs=argparse.REMAINDER, metavar="-- command …")
    said = parser.parse_args(given)
    rest = said.rest[1:] if said.rest[:1] == ["--"] else said.rest
    if not rest:
        run.error("say what to run: ktlo-instrument run -- python app.py")
    environment = with_bootstrap(os.environ)
    for name, value in (
        ("OTEL_SERVICE_NAME", said.service),
        ("KTLO_INSTRUMENT_ENDPOINT", said.endpoint),
        ("KTLO_INSTRUMENT_RULES", said.rules),
        ("KTLO_INSTRUMENT_PACKAGES", said.packages),
        ("KTLO_INSTRUMENT_EXCLUDE", said.exclude),
    ):
        if value:
            environment[name] = value
    program = shutil.which(rest[0])
    if program is None:
        run.error(f"there is no command {rest[0]!r}")
    sys.stdout.flush()
    os.execve(program, rewritten(rest), environment)


def with_bootstrap(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which every Python begins with our `sitecustomize`."""
    made = dict(environment)
    folder = str(Path(__file__).parent / "bootstrap")
    before = [part for part in made.get("PYTHONPATH", "").split(os.pathsep) if part and part != folder]
    made["PYTHONPATH"] = os.pathsep.join([folder, *before])
    return made


def rewritten(command: Sequence[str]) -> list[str]:
    """`python app.py` becomes `python -m ktlo_instrument.launch app.py`; all else stays.

    Python reads its script by itself, past every import hook; `-m`, `-c` and programs are left as they are.
    """
    if not _PYTHON.match(os.path.basename(command[0])):
        return list(command)
    place = 1
    while place < len(command):
        option = command[place]
        if not option.startswith("-") or option == "-":
            break
        if option == "--":
            place += 1
            break
        letters = option[1:]
        if option.startswith("--"):
            place += 2 if "=" not in option and option == "--check-hash-based-pycs" else 1
            continue
        if "m" in letters.split("W")[0].split("X")[0] or "c" in letters.split("W")[0].split("X")[0]:
            return list(command)
        place += 2 if letters[-1] in _WITH_VALUE else 1
    if place >= len(command) or command[place] == "-":
        return list(command)
    return [*command[:place], "-m", "ktlo_instrument.launch", *command[place:]]


if __name__ == "__main__":
    main()
