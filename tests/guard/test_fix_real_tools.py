"""`ktlo check fix` with every tool that it runs: the real program, a small registry on this machine.

`KTLO_TEST_TOOLS` may name folders (separated as in PATH) in which poetry, pdm and pip-compile lie, which are no
dependencies of ktlo. A tool that is neither there nor on the PATH is skipped, with the reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from shop import put, record
from small_registries import cargo_registry, go_proxy, npm_registry, python_index, served
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.lockfiles import read_lock_files

LEFT_OVER = 1
NPM_LISTS = ("npm", "ls", "--package-lock-only", "--all")
NPM_QUIET = ("--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def pep621(folder, extra):
    asked = '["left>=1,<2", "upper", "strict", "bystander"]'
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = {asked}\n{extra}'
    )


OLD = ("left", "lower", "held", "bystander")


def poetry(folder, address):
    source = f'[[tool.poetry.source]]\nname = "here"\nurl = "{address}/simple/"\npriority = "primary"\n'
    # The old tables: Poetry 1 knows no others.
    ranges = 'python = ">=3.11"\nleft = ">=1,<2"\nupper = "*"\nstrict = "*"\nbystander = "*"\n'
    (folder / "pyproject.toml").write_text(
        f"[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n{ranges}{source}"
    )
    before = (folder / "pyproject.toml").read_bytes()
    run(folder, "poetry", "add", "--lock", "-n", *(f"{name}==1.0.0" for name in OLD))
    (folder / "pyproject.toml").write_bytes(before)
    is_old = "version 1." in run(folder, "poetry", "--version")
    run(folder, "poetry", "lock", "-n", *(["--no-update"] if is_old else []))


def pdm(folder, address):
    source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{address}/simple/"\nverify_ssl = false\n'
    pep621(folder, f"[tool.pdm]\ndistribution = false\n{source}")
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{name}==1.0.0\n" for name in OLD))
    run(folder, "pdm", "lock", "--override", str(pins))
    pins.unlink()
    run(folder, "pdm", "lock", "--update-reuse")
    (folder / ".pdm-python").unlink(missing_ok=True)


def pip_compile(folder, _):
    (folder / "requirements.in").write_text("left>=1,<2\nupper\nstrict\nbystander\n")
    (folder / "requirements.txt").write_text("".join(f"{name}==1.0.0\n" for name in OLD))
    quiet = ("-q", "--strip-extras", "--generate-hashes", "--no-emit-index-url")
    run(folder, "pip-compile", *quiet, "requirements.in")


def npm(folder, _):
    asked = {"left": "^1.0.0", "upper": "^1.0.0", "strict": "^1.0.0", "bystander": "^1.0.0"}
    manifest = json.dumps({"name": "shop", "version": "1.0.0", "dependencies": asked}, indent=2)
    (folder / "package.json").write_text(manifest)
    run(folder, "npm", "install", *NPM_QUIET, *(f"{name}@1.0.0" for name in OLD))
    (folder / "package.json").write_text(manifest)
    run(folder, "npm", "install", *NPM_QUIET)


def cargo(folder, _):
    (folder / "src").mkdir()
    (folder / "src" / "main.rs").write_text("fn main() {}\n")
    asked = "".join(f'{name} = "1"\n' for name in ("left", "upper", "strict", "bystander"))
    head = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
    (folder / "Cargo.toml").write_text(f"{head}[dependencies]\n{asked}")
    run(folder, "cargo", "generate-lockfile")
    for name in ("left", "lower", "bystander"):
        run(folder, "cargo", "update", "--package", name, "--precise", "1.0.0")


def go(folder, _):
    names = ("left", "upper", "bystander")
    imports = "".join(f'import _ "example.org/{name}"\n' for name in names)
    (folder / "main.go").write_text(f"package main\n\n{imports}\nfunc main() {{}}\n")
    needs = "".join(f"require example.org/{name} v1.0.0\n" for name in names)
    (folder / "go.mod").write_text(f"module example.org/shop\n\ngo 1.18\n\n{needs}")
    run(folder, "go", "mod", "tidy")


@dataclass(frozen=True)
class Tool:
    """A tool, how a project of it begins, and what it says of a lock file that is whole."""

    begin: Callable[[Path, str], None]
    lock: str
    ecosystem: str
    touches: frozenset[str]
    agrees: tuple[str, ...] = ()
    prefix: str = ""


TOOLS = {
    "poetry": Tool(poetry, "poetry.lock", "PyPI", frozenset({"poetry.lock"}), ("poetry", "check", "--lock")),
    "pdm": Tool(pdm, "pdm.lock", "PyPI", frozenset({"pdm.lock"}), ("pdm", "lock", "--check")),
    "pip-compile": Tool(pip_compile, "requirements.txt", "PyPI", frozenset({"requirements.txt"})),
    "npm": Tool(npm, "package-lock.json", "npm", frozenset({"package-lock.json", "package.json"}), NPM_LISTS),
    "cargo": Tool(
        cargo,
        "Cargo.lock",
        "crates.io",
        frozenset({"Cargo.lock"}),
        ("cargo", "metadata", "--locked", "--offline"),
    ),
    "go": Tool(go, "go.mod", "Go", frozenset({"go.mod", "go.sum"}), ("go", "build", "./..."), "example.org/"),
}


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registries")
    python_index(folder)
    npm_registry(folder / "npm")
    cargo_registry(folder / "cargo")
    go_proxy(folder / "go")
    (folder / "cargo-home").mkdir()
    (folder / "cargo-home" / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "here"\n'
        f"[source.here]\nlocal-registry = {json.dumps(str(folder / 'cargo'))}\n"
    )
    with served(folder) as address, pytest.MonkeyPatch.context() as patch:
        tools = os.environ.get("KTLO_TEST_TOOLS", "")
        patch.setenv("PATH", os.pathsep.join(filter(None, (tools, os.environ["PATH"]))))
        for name in ("PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL", "KTLO_CONFIG"):
            patch.delenv(name, raising=False)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ann")
            patch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")
        for name, value in {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{address}/simple/",
            "PIP_CACHE_DIR": folder / "pip-cache",
            "POETRY_CONFIG_DIR": folder / "poetry",
            "POETRY_CACHE_DIR": folder / "poetry-cache",
            "POETRY_VIRTUALENVS_CREATE": "false",
            "PDM_CONFIG_FILE": folder / "pdm.toml",
            "PDM_CACHE_DIR": folder / "pdm-cache",
            "PDM_USE_VENV": "0",
            "PDM_CHECK_UPDATE": "0",
            "npm_config_registry": f"{address}/npm/",
            "npm_config_cache": folder / "npm-cache",
            "npm_config_update_notifier": "false",
            "npm_config_omit_lockfile_registry_resolved": "true",
            "CARGO_HOME": folder / "cargo-home",
            "GOPROXY": f"file://{folder}/go",
            "GOMODCACHE": folder / "go-cache",
            "GOFLAGS": "-modcacherw",
            "GOSUMDB": "off",
            "GOTOOLCHAIN": "local",
        }.items():
            patch.setenv(name, str(value))
        yield address


@pytest.fixture(scope="module", params=TOOLS)
def begun(request, registries, tmp_path_factory):
    """A project of each tool, whose lock file has old versions; made once."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is neither on the PATH nor in KTLO_TEST_TOOLS")
    tool = TOOLS[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "shop"
    folder.mkdir()
    tool.begin(folder, registries)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "Start")
    return tool, folder


@pytest.fixture
def project(begun, tmp_path):
    """The project, holes in `left`, `lower` and `held` that 1.5.0 fixes, and `ktlo check fix` upon it."""
    tool, source = begun
    folder = tmp_path / "shop"
    shutil.copytree(source, folder)
    advisories = tmp_path / "advisories"
    advisories.mkdir()
    for name in ("left", "lower", "held"):
        full = tool.prefix + name
        put(advisories, record(f"GHSA-{name}", full, ecosystem=tool.ecosystem, fixed="1.5.0"))

    def fix(*arguments):
        line = [
            "check",
            "fix",
            str(folder),
            "--cache",
            str(tmp_path / "cache"),
            "--database",
            str(advisories),
        ]
        done = CliRunner().invoke(commands(), [*line, *arguments])
        return done.exit_code, done.output

    return tool, folder, fix


def locked(tool, folder):
    return {
        one.name.removeprefix(tool.prefix): one.version.removeprefix("v")
        for path, inventory in read_lock_files(folder)
        if path == tool.lock
        for one in inventory.dependencies
    }


def test_each_is_a_commit_of_the_smallest_version_whether_asked_for_or_needed_by_another(project, tmp_path):
    tool, folder, fix = project
    before = locked(tool, folder)
    assert {before[name] for name in ("left", "lower", "bystander")} == {"1.0.0"}
    manifests = {one: one.read_bytes() for one in folder.glob("pyproject.toml")}
    code, output = fix("--test", f"cat {tool.lock} >> {tmp_path}/ran; echo >> {tmp_path}/times")
    subjects = run(folder, "git", "log", "--format=%s").splitlines()
    # Whatever cannot be checked in a small lock file is the gate's matter: the two updates are made.
    assert sorted(subjects) == [
        "Start",
        f"Update {tool.prefix}left from 1.0.0 to 1.5.0",
        f"Update {tool.prefix}lower from 1.0.0 to 1.5.0",
    ], output
    after = locked(tool, folder)
    assert after == {**before, "left": "1.5.0", "lower": "1.5.0"}
    assert len((tmp_path / "times").read_text().splitlines()) == 3, "before anything, and after each change"
    assert "1.5.0" in (tmp_path / "ran").read_text()
    assert set(run(folder, "git", "diff", "--name-only", "HEAD~2").split()) <= tool.touches
    assert run(folder, "git", "status", "--porcelain") == ""
    assert {one: one.read_bytes() for one in manifests} == manifests
    if tool.agrees:
        run(folder, *tool.agrees)
    if "held" in before:
        assert code == LEFT_OVER
        assert "held" in output
        assert "1 not possible" in output


def test_an_update_that_breaks_the_tests_leaves_every_file_as_it_was(project):
    tool, folder, fix = project
    before = (folder / tool.lock).read_bytes()
    code, output = fix("--only", f"{tool.prefix}lower", "--test", f"! grep -qF 1.5.0 {tool.lock}")
    assert code == LEFT_OVER, output
    assert "The tests fail with it" in output
    assert (folder / tool.lock).read_bytes() == before
    assert run(folder, "git", "status", "--porcelain") == ""
    assert run(folder, "git", "log", "--format=%s").split() == ["Start"]


@pytest.fixture
def npm_project(registries, tmp_path):
    """Makes a project of npm with these ranges and hand-written copies, and a hole in `lower` fixed in 1.5.0."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH")
    folder = tmp_path / "shop"
    folder.mkdir()
    put(tmp_path, record("GHSA-lower", "lower", fixed="1.5.0"))

    def make(asked, install):
        manifest = json.dumps({"name": "shop", "version": "1.0.0", **asked}, indent=2)
        (folder / "package.json").write_text(manifest)
        for one in install:
            run(folder, "npm", "install", *NPM_QUIET, one)
        (folder / "package.json").write_text(manifest)
        run(folder, "npm", "install", *NPM_QUIET)
        run(folder, "git", "init", "-q", "-b", "main")
        run(folder, "git", "add", "-A")
        run(folder, "git", "commit", "-q", "-m", "Start")
        line = ["check", "fix", str(folder), "--cache", str(tmp_path / "cache"), "--database", str(tmp_path)]
        output = CliRunner().invoke(commands(), [*line, "--test", "true"]).output
        packages = json.loads((folder / "package-lock.json").read_text())["packages"]
        return output, {place: entry["version"] for place, entry in packages.items()}

    return make, folder


def test_npm_never_gives_a_package_a_version_that_its_range_forbids(npm_project):
    make, folder = npm_project
    asked = {"dependencies": {"lower": "^2.0.0", "upper": "^1.0.0"}}
    before = folder / "package-lock.json"
    old = {"version": "1.0.0", "integrity": "sha512-" + "A" * 86 + "=="}
    packages = {"": {"name": "shop", "version": "1.0.0", **asked}}
    packages["node_modules/lower"] = {**old, "version": "2.0.0"}
    packages["node_modules/upper"] = {**old, "dependencies": {"lower": "^1.0.0"}}
    packages["node_modules/upper/node_modules/lower"] = old
    before.write_text(
        json.dumps({"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages})
    )
    output, after = make(asked, ())
    # npm itself would let `upper`, which needs 1.x, share the project's own 2.0.0; or take that down to 1.5.0.
    assert "1 not possible" in output, output
    assert after["node_modules/lower"] == "2.0.0"
    assert after["node_modules/upper/node_modules/lower"] == "1.0.0"
    assert json.loads((folder / "package.json").read_text())["dependencies"] == asked["dependencies"]
    assert run(folder, "git", "status", "--porcelain") == ""


def test_npm_keeps_an_exact_pin_exact_and_a_development_dependency_one(npm_project):
    make, folder = npm_project
    output, after = make({"devDependencies": {"lower": "1.0.0"}}, ())
    assert "1 done" in output, output
    assert after["node_modules/lower"] == "1.5.0"
    manifest = json.loads((folder / "package.json").read_text())
    assert manifest["devDependencies"] == {"lower": "1.5.0"}
    assert "dependencies" not in manifest


def test_cargo_mends_two_majors_of_one_crate_each_within_its_own(registries, tmp_path):
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not on the PATH")
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text("fn main() {}\n")
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nlower = "1"\n'
        'newer = { package = "lower", version = "2" }\n'
    )
    run(folder, "cargo", "generate-lockfile")
    run(folder, "cargo", "update", "--package", "lower@1.9.0", "--precise", "1.0.0")
    run(folder, "cargo", "update", "--package", "lower@2.1.0", "--precise", "2.0.0")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "Start")
    hole = record("GHSA-lower", "lower", ecosystem="crates.io", fixed="1.5.0")
    hole["affected"][0]["ranges"][0]["events"] += [{"introduced": "2.0.0"}, {"fixed": "2.1.0"}]
    put(tmp_path, hole)
    line = ["check", "fix", str(folder), "--cache", str(tmp_path / "cache"), "--database", str(tmp_path)]
    output = CliRunner().invoke(commands(), [*line, "--test", "true"]).output
    assert "1 done" in output, output
    assert run(folder, "git", "log", "-1", "--format=%s") == (
        "Update lower from 1.0.0 and 2.0.0 to 1.5.0 and 2.1.0\n"
    )
    run(folder, "cargo", "metadata", "--locked", "--offline")
