"""`pip install ktlo` alone: light, quick, and every command that needs more says the line to type."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_SERVER = """
import sys

class Absent:
    names = {"chdb", "pyarrow", "numpy", "scipy", "fastapi", "uvicorn", "jinja2", "sqlalchemy", "alembic",
             "typst", "clickhouse_connect", "pandas", "starlette"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in Absent.names else found(name, package)
from ktlo.cli import main
main()
"""


def run_without_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_SERVER, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_help_needs_nothing_but_the_base_install() -> None:
    done = run_without_server("--help")
    assert done.returncode == 0
    assert "Keeping the lights on" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["up"],
        ["sync"],
        ["metrics"],
        ["report"],
        ["query", "SELECT 1"],
        ["classify", "--unsure"],
        ["sources"],
        ["sources", "add", "git", "."],
        ["sources", "add", "csv", "incidents.csv"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_the_server_part_says_the_line_to_type(command: list[str]) -> None:
    done = run_without_server(*command)
    assert done.returncode == 2
    assert "pip install 'ktlo[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_tells_that_only_the_light_part_is_there() -> None:
    done = run_without_server("doctor", "--json")
    assert "Traceback" not in done.stderr
    assert '"engine"' in done.stdout
    assert "ktlo[server]" in done.stdout
