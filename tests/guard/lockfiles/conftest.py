"""Cases are text files: a sentence, then each file of a small repository under ``--- path``, then the table expected.

To add a case write the files, run ``KTLO_WRITE_CASES=1 pytest tests/guard/lockfiles``, and check the table by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ktlo.guard.lockfiles import read_lock_files

CASES = Path(__file__).parent / "cases"
_HEAD = "--- "
_EXPECTED = "expected"


@dataclass(frozen=True)
class Case:
    path: Path
    sentence: str
    files: dict[str, str]
    expected: str

    def lay_out(self, root: Path) -> Path:
        for name, content in self.files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
        return root


def load(path: Path) -> Case:
    sentence, *rest = ("\n" + path.read_text(encoding="utf-8")).split("\n" + _HEAD)
    files = dict(part.partition("\n")[::2] for part in rest)
    expected = files.pop(_EXPECTED, "")
    return Case(path, sentence.strip(), {name: f"{text}\n" for name, text in files.items()}, expected.strip())


def cases() -> list[Case]:
    return [load(path) for path in sorted(CASES.glob("*.txt"))]


def table(root: Path) -> str:
    """What is read, one line each, for people to check by eye."""
    rows: list[str] = []
    for path, inventory in read_lock_files(root):
        rows.append(
            f"{path}: {len(inventory.dependencies)} dependencies, {len(inventory.unchecked)} unchecked"
        )
        for found in inventory.dependencies:
            direct = {True: "direct", False: "indirect", None: "direct?"}[found.is_direct]
            why = {True: "development", False: "production", None: "purpose?"}[found.is_development]
            place = f"line {found.location.line}" if found.location.line else "line?"
            cells = [
                f"{found.ecosystem} {found.name} {found.version}",
                found.origin.value,
                place,
                direct,
                why,
            ]
            rows.append("  " + " | ".join([*cells, " > ".join(found.path)]).rstrip(" |"))
        rows.extend(f"  ? {entry.what} | {entry.reason}" for entry in inventory.unchecked)
    return "\n".join(rows)
