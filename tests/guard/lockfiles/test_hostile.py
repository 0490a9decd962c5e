"""A hostile repository is normal input: a clear sentence each, nothing read outside, bounded work."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ktlo.guard.dependency import Inventory
from ktlo.guard.lockfiles import Limits, read_lock_files


def read(root: Path, limits: Limits | None = None) -> dict[str, Inventory]:
    return dict(read_lock_files(root, limits))


def only_reason(root: Path, limits: Limits | None = None) -> str:
    """The one sentence of the one file, that gave no dependency."""
    ((_, inventory),) = read(root, limits).items()
    assert inventory.dependencies == ()
    (unchecked,) = inventory.unchecked
    return unchecked.reason


def lock(root: Path, content: str | bytes, name: str = "package-lock.json") -> Path:
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def test_a_lock_file_over_the_limit_is_refused_by_its_size_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "package-lock.json").open("wb") as file:
        file.truncate(200 * 2**20)  # sparse: costs no disk
    assert only_reason(tmp_path) == (
        "It has 209,715,200 bytes, more than the limit of 33,554,432. "
        "Raise the limit for lock files if it is meant to be that large."
    )


def test_the_limit_of_size_is_the_callers_to_set(tmp_path: Path) -> None:
    lock(tmp_path, "a==1.0 --hash=sha256:aa\n", "requirements.txt")
    assert read(tmp_path)["requirements.txt"].dependencies
    assert "more than the limit of 5" in only_reason(tmp_path, Limits(file_bytes=5))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n" + BOMB, "YAML tag or anchor in line 2"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\na: *b\n", "YAML alias in line 2"),
        ("pnpm-lock.yaml", "a: !!python/object/apply:os.system [id]\n", "YAML tag or anchor in line 1"),
        ("pnpm-lock.yaml", "a: 1\n---\nb: 2\n", "more than one YAML document"),
        ("pnpm-lock.yaml", "a: 1\nb:\n  c: 1\n  c: 2\n", "The key c is given twice, again in line 4"),
        ("pnpm-lock.yaml", "<<: {a: 1}\n", "YAML merge"),
        ("pnpm-lock.yaml", "a: " + "[" * 5_000, "nested too deep"),
        ("pnpm-lock.yaml", "[a]: b\n", "not text"),
        ("pnpm-lock.yaml", "lockfileVersion: '12.0'\n", "Its lockfileVersion is 12.0; 5 to 9 are known"),
        ("yarn.lock", "__metadata:\n  version: 8\n\"a@npm:1\": [" + "[" * 200, "nested too deep"),
        ("yarn.lock", "# yarn lockfile v1\nwhat is this\n", "Line 2 is not a line of yarn 1"),
        ("yarn.lock", 'a@1:\n  version "1"\na@1:\n  version "2"\n', "a@1 is answered twice"),
        ("package-lock.json", "[" * 100_000, "nested too deep"),
        ("package-lock.json", '{"a":' * 100_000, "nested too deep"),
        ("package-lock.json", '{"lockfileVersion": 3, "lockfileVersion": 2}', "lockfileVersion is given twice"),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": 5}', "packages should be a table but is a number"),
        ("package-lock.json", '{"lockfileVersion": 9}', "Its lockfileVersion is 9; 1, 2 and 3 are known"),
        ("package-lock.json", '{"lockfileVersion": ' + "9" * 10_000 + "}", "too long"),
        ("package-lock.json", b'{"a": "\xff\xfe"}', "not UTF-8 text (byte 7)"),
        ("package-lock.json", b"{}\0", "zero bytes"),
        ("package-lock.json", "", "not JSON"),
        ("bun.lock", "{/*", "not JSON"),
        ("poetry.lock", "[[package]]\nname = 'a'\nname = 'b'\n", "not TOML"),
        ("poetry.lock", "a = " + "[" * 100_000, "nested too deep"),
        ("poetry.lock", "a." * 1_000_000 + "b = 1", "more than 32 dotted parts"),
        ("Cargo.lock", "version = 9\n", "Its version is 9; 1 to 4 are known"),
        ("uv.lock", "version = 7\n", "Its version is 7; 1 is known"),
        ("go.mod", "module a\nrequire (\n", "never closed"),
        ("go.mod", "module a\nsurprise b v1\n", "Line 2 is not a line of go.mod"),
    ],
)  # fmt: skip
def test_what_no_tool_would_write_is_refused_with_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    assert sentence in only_reason(lock(tmp_path, content, name))


def test_includes_lead_nowhere_outside_the_folder_and_no_word_of_it_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hunter2 ~ password\n")
    root = lock(
        tmp_path / "repository", "-r ../secret.txt\n-r link.txt\n-c /etc/passwd\n", "requirements.txt"
    )
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    reasons = [entry.reason for entry in read(root)["requirements.txt"].unchecked]
    assert len(reasons) == 3
    assert all("leads out of the folder that is checked" in reason for reason in reasons)
    assert "hunter2" not in repr(read(root))


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    lock(tmp_path, "-r requirements-b.txt\na==1 --hash=sha256:aa\n", "requirements-a.txt")
    lock(tmp_path, "-r requirements-a.txt\nb==1 --hash=sha256:aa\n", "requirements-b.txt")
    found = read(tmp_path)
    assert {dependency.name for dependency in found["requirements-a.txt"].dependencies} == {"a", "b"}


def test_includes_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    for number in range(6):
        lock(tmp_path, f"-r requirements-{number + 1}.txt\n", f"requirements-{number}.txt")
    reasons = repr(read(tmp_path, Limits(includes=3))["requirements-0.txt"].unchecked)
    assert "includes more than 3 files" in reasons


def test_links_out_of_the_folder_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = lock(tmp_path / "outside", '{"lockfileVersion": 3, "packages": {}}')
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package-lock.json").symlink_to(outside / "package-lock.json")
    (root / "vendored").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (root / "yarn.lock").symlink_to(root / "yarn.lock")
    (root / "itself").symlink_to(root)
    found = read(root)
    assert found.keys() == {"package-lock.json", "vendored", "yarn.lock"}
    assert "leads out" in found["package-lock.json"].unchecked[0].reason
    assert "leads out" in found["vendored"].unchecked[0].reason
    assert "circle" in found["yarn.lock"].unchecked[0].reason


def test_a_pipe_in_place_of_a_lock_file_does_not_hold_the_check_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "yarn.lock")
    assert only_reason(tmp_path) == "It is not a regular file."


def test_names_with_newlines_and_escape_codes_are_escaped_wherever_they_show(tmp_path: Path) -> None:
    hostile = "a\n\x1b[31mred\udcff"
    name = os.fsencode("folder\n\x1b[2J")
    os.mkdir(os.path.join(os.fsencode(tmp_path), name))  # noqa: PTH102, PTH118 -- bytes that Path would not take
    content = {"lockfileVersion": 3, "packages": {f"node_modules/{hostile}": {"version": f"1\n{hostile}"}}}
    lock(tmp_path / os.fsdecode(name), json.dumps(content))
    ((path, inventory),) = read(tmp_path).items()
    assert path == r"folder\n\x1b[2J/package-lock.json"
    assert inventory.dependencies == ()
    assert all(entry.what.isprintable() and entry.reason.isprintable() for entry in inventory.unchecked)


def test_tokens_in_addresses_are_not_shown(tmp_path: Path) -> None:
    lock(tmp_path, "a @ https://user:hunter2@files.example/a.zip?token=hunter2\n", "requirements.txt")
    assert "hunter2" not in repr(read(tmp_path))


def test_absurd_versions_and_names_are_unchecked_and_cut(tmp_path: Path) -> None:
    packages = {
        "node_modules/" + "n" * 10_000: {"version": "1"},
        "node_modules/a": {"version": "9" * 100_000},
    }
    lock(tmp_path, json.dumps({"lockfileVersion": 3, "packages": packages}))
    inventory = read(tmp_path)["package-lock.json"]
    assert inventory.dependencies == ()
    assert len(inventory.unchecked) == 2
    assert all(len(entry.what) + len(entry.reason) < 500 for entry in inventory.unchecked)


def test_a_chain_of_requirements_does_not_cost_its_square(tmp_path: Path) -> None:
    packages: dict[str, object] = {"": {"dependencies": {"p0": "1"}}}
    for number in range(20_000):
        packages[f"node_modules/p{number}"] = {"version": "1.0.0", "dependencies": {f"p{number + 1}": "1"}}
    lock(tmp_path, json.dumps({"lockfileVersion": 3, "packages": packages}))
    found = read(tmp_path)["package-lock.json"].dependencies
    assert len(found) == 20_000
    assert max(len(dependency.path) for dependency in found) == Limits().path_length


def test_more_entries_than_the_limit_are_refused(tmp_path: Path) -> None:
    lock(tmp_path, "a==1\nb==1\nc==1\n", "requirements.txt")
    assert only_reason(tmp_path, Limits(dependencies=2)).startswith("It names more than 2 packages")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package-lock.json", '{"a": [' + "{}," * 2_000 + "{}]}"),
        ("uv.lock", "a = [" + "{}," * 2_000 + "]"),
        ("pnpm-lock.yaml", "a: [" + "{}," * 2_000 + "]"),
        ("pom.xml", "<project>" + "<a/>" * 2_000 + "</project>"),
    ],
)
def test_more_values_than_the_limit_are_refused_before_they_take_memory(
    tmp_path: Path, name: str, content: str
) -> None:
    lock(tmp_path, content, name)
    assert re.search(r"more than 1,000 values|too large", only_reason(tmp_path, Limits(values=1_000)))


def test_more_files_than_the_limit_stop_the_walk_with_a_sentence(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.txt").touch()
    assert only_reason(tmp_path, Limits(walked=5)).startswith("The folder holds more than 5 files")


def test_what_tools_installed_is_left_out(tmp_path: Path) -> None:
    lock(tmp_path, "{}", "node_modules/a/package-lock.json")
    lock(tmp_path, "a==1", ".venv/requirements.txt")
    lock(tmp_path, "home = x", "env-of-mine/pyvenv.cfg")
    lock(tmp_path, "a==1", "env-of-mine/lib/requirements.txt")
    assert read(tmp_path) == {}


@pytest.mark.parametrize(
    "piece", ["[", " ", "#", "a ", "\\\n", "--a ", "a[", '"', '\\"', ",", "a.", "(", "-"]
)
@pytest.mark.parametrize(
    "name", ["requirements.txt", "yarn.lock", "bun.lock", "go.mod", "poetry.lock", "dependency-tree.txt"]
)
def test_a_long_run_of_anything_does_not_cost_its_square(tmp_path: Path, name: str, piece: str) -> None:
    # With the square of it this would take minutes: the suite's own time limit is the judge.
    root = lock(tmp_path, "x" + piece * (400_000 // len(piece)) + "x", name)
    assert all(not inventory.dependencies for inventory in read(root).values())
