"""Reads the small programs with their true calls, and runs one to see which calls really happen.

The format is told in programs/README.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
TRACER = Path(__file__).parent / "tracer.py"


@dataclass(frozen=True)
class Call:
    caller: str
    callee: str
    is_certain: bool
    is_run: bool
    mark: str  # "", "missed" or "false"

    @property
    def pair(self) -> tuple[str, str]:
        return self.caller, self.callee


@dataclass(frozen=True)
class Program:
    name: str
    files: dict[str, str]
    calls: tuple[Call, ...]

    def write(self, folder: Path) -> Path:
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return folder


def programs() -> list[Program]:
    found = []
    for file in sorted(PROGRAMS.glob("*.txt")):
        for part in file.read_text(encoding="utf-8").split("program: ")[1:]:
            title, _, rest = part.partition("\n")
            files: dict[str, str] = {}
            for section in (
                rest.split("\n-- ") if rest.startswith("-- ") is False else ("\n" + rest).split("\n-- ")
            ):
                if section.strip():
                    name, _, text = section.partition("\n")
                    files[name.strip()] = text.rstrip("\n") + "\n"
            calls = [_call(line) for line in files.pop("calls").splitlines() if line.strip()]
            found.append(Program(title, files, tuple(calls)))
    return found


def _call(line: str) -> Call:
    mark = next((word for word in ("missed", "false") if f"[{word}]" in line), "")
    is_run = "(not run)" not in line and mark != "false"
    plain = line.replace("(not run)", "").replace(f"[{mark}]", "").strip()
    caller, arrow, callee = plain.split()
    return Call(caller, callee, arrow == "->", is_run, mark)


def run(folder: Path, main: str = "main.py", *arguments: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Run a program; gives the calls that happened, and the functions that ran (also generators)."""
    done = subprocess.run(
        [sys.executable, "-I", str(TRACER), str(folder), main, *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return {(caller, callee) for caller, callee in told["calls"]}, set(told["ran"])
