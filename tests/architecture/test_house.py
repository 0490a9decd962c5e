"""The drawing in docs/architecture.md, the folders and the import contract say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "ktlo"
DRAWING = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rooms_on_disk() -> set[str]:
    folders = {
        f"{path.name}/" for path in HOUSE.iterdir() if path.is_dir() and not path.name.startswith("__")
    }
    files = {path.name for path in HOUSE.glob("*.py") if path.name != "__init__.py"}
    return folders | files


def rooms_by_floor() -> list[set[str]]:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", DRAWING, flags=re.MULTILINE)
    floors = {int(floor): set(re.findall(r"`([\w./]+)`", rooms)) for floor, rooms in rows}
    return [floors[floor] for floor in sorted(floors, reverse=True)]


def test_every_room_is_drawn_and_every_drawn_room_is_there() -> None:
    drawn = set().union(*rooms_by_floor())
    assert drawn == rooms_on_disk()


def test_the_import_contract_has_the_floors_of_the_drawing() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = contract["contracts"][0]["layers"]
    order = {
        room.strip().removeprefix("ktlo."): index
        for index, layer in enumerate(layers)
        for room in layer.split("|")
    }
    for above, below in zip(rooms_by_floor(), rooms_by_floor()[1:], strict=False):
        for upper in above:
            for lower in below:
                names = [room.removesuffix("/").removesuffix(".py") for room in (upper, lower)]
                assert order[names[0]] < order[names[1]], f"{upper} must stand above {lower}"


def test_every_source_is_a_folder_of_the_same_shape() -> None:
    from ktlo.sources.registry import kinds

    for name, kind in kinds().items():
        assert (HOUSE / "sources" / name).is_dir()
        assert kind.kind == name
        assert kind.summary
        assert (ROOT / "docs" / "sources" / f"{name}.md").is_file(), f"docs/sources/{name}.md is missing"


def test_no_file_holds_two_concepts() -> None:
    """Past 500 lines a file is two; style.md asks for 60 to 250."""
    long = {
        str(path.relative_to(ROOT)): length
        for path in HOUSE.rglob("*.py")
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_nothing_committed_names_a_package_registry_or_a_home_folder() -> None:
    forbidden = re.compile(
        r"https?://[\w.-]*(pypi|registry|pythonhosted|mirror)[\w.-]*|(?<![\w./~-])/(root|home)/[a-z]"
    )
    checked = [*ROOT.glob("*.lock"), *ROOT.glob("*.toml"), *ROOT.glob("*.md"), ROOT / "Makefile"]
    checked += [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    found = {
        str(path.relative_to(ROOT)): match.group()
        for path in checked
        if path != Path(__file__) and (match := forbidden.search(path.read_text(encoding="utf-8")))
    }
    assert not found
