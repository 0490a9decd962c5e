"""Python's own loader and ours give the same answers, to everything that asks a loader."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import SOURCES, calls
from receiver import receiver

PACKAGE = {
    "app/__init__.py": '"""Of the package."""\ndef here(a: int, b=1):\n    """Of the function."""\n    return a\n\n'
    "class Thing:\n    def method(self):\n        # a comment\n        return 1\n",
    "app/top.txt": "top",
    "app/work.py": "def double(n):\n    return 2 * n\n",
    "app/other.py": "def half(n):\n    return n // 2\n",
    "app/sub/__init__.py": "",
    "app/sub/text.txt": "hällo",
    "app/sub/broken.py": 'def fails():\n    x = 1\n    raise ValueError("é")  # here\n',
    "app/sub/unloaded.py": "def three():\n    return 3\n",
    "first/spread/one.py": "def f():\n    return 1\n",
    "second/spread/two.py": "def f():\n    return 2\n",
}


@pytest.fixture
def package(tmp_path):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    probe = Path(__file__).with_name("loader_probe.py").read_text("utf-8")
    (tmp_path / "app" / "__main__.py").write_text(probe, "utf-8")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/inside.py", "def f():\n    return 7\n")
        archive.writestr("zipped/z.txt", "in a zip file")
    return tmp_path


def test_every_question_about_a_module_has_pythons_own_answer(run, package):
    python, folders = [sys.executable, "-m", "app"], ["first", "second", "zipped.zip"]
    plain = subprocess.run(
        python,
        cwd=package,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    wanted = json.loads(plain.stdout)
    with receiver() as (url, kept):
        done = run(
            "", url=url, command=python, environment={"PYTHONPATH": os.pathsep.join([str(SOURCES), *folders])}
        )
    assert (done.err, done.returncode) == ("", 0)
    assert json.loads(done.out) == wanted
    assert len(wanted) > 70
    counted = calls(kept)
    assert counted["app.other.half"] == 2, "what multiprocessing spawned under -m is not counted"
    assert counted["app.__main__.main"] == 1
    assert {"app.work.double", "app.sub.unloaded.three", "spread.one.f"} <= set(counted)


def test_the_loader_of_a_framework_can_be_copied_too():
    from ktlo_instrument.frameworks import _After

    spec = importlib.util.find_spec("json")
    wrapped = _After(spec.loader, print)
    assert copy.deepcopy(wrapped) == spec.loader
    assert wrapped.get_filename("json") == spec.origin
