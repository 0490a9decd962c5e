"""``run-tests`` finds the other Pythons that run, and says what it left out; the Pythons here are short scripts."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "run-tests"
PYTHON = """#!/usr/bin/env bash
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  *"install pytest") exit {pip} ;;
  "-m pytest "*) echo "tested {name}" ;;
esac
"""
SHIM = "#!/usr/bin/env bash\necho 'pyenv: command not found' >&2\nexit 127\n"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def told(folder: Path) -> str:
    for version in ("3.9", "3.13"):
        if not (folder / "bin" / f"python{version}").exists():
            put(folder / "bin" / f"python{version}", SHIM)
    put(folder / "main", PYTHON.format(name="main", pip=0))
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", str(SCRIPT), str(folder / "main")],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "PYENV_ROOT": str(folder / "pyenv"), "TMPDIR": str(folder)},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.skipif(os.name != "posix", reason="it is a script of bash")
class TestOtherPythons:
    def test_a_shim_that_does_not_run_gives_way_to_pyenvs_own(self, tmp_path: Path) -> None:
        for version in ("3.9.18", "3.13.0"):
            put(tmp_path / "pyenv/versions" / version / "bin/python", PYTHON.format(name=version, pip=0))
        said = told(tmp_path)
        assert [line for line in said.splitlines() if "tested" in line] == [
            "tested main",
            "tested 3.9.18",
            "tested 3.13.0",
        ]

    def test_one_that_runs_on_the_path_is_taken_and_what_is_left_out_is_said(self, tmp_path: Path) -> None:
        put(tmp_path / "bin/python3.9", PYTHON.format(name="3.9", pip=0))
        put(tmp_path / "pyenv/versions/3.9.18/bin/python", PYTHON.format(name="another", pip=0))
        said = told(tmp_path)
        assert "tested 3.9\n" in said
        assert "another" not in said
        assert said.endswith("Not tested on Python 3.13: there is none that runs.\n")

    def test_one_without_pytest_is_left_out_by_its_path(self, tmp_path: Path) -> None:
        found = tmp_path / "pyenv/versions/3.13.0/bin/python"
        put(found, PYTHON.format(name="3.13", pip=1))
        said = told(tmp_path)
        assert f"Not tested on Python 3.13: pytest could not be installed for {found}.\n" in said
        assert "Not tested on Python 3.9: there is none that runs.\n" in said
