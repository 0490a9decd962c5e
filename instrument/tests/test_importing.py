"""The import hook, and what it leaves alone."""

import importlib
import importlib.machinery
import importlib.util
import os
import sys

import pytest

from ktlo_instrument.choosing import Choice, matches
from ktlo_instrument.command import rewritten
from ktlo_instrument.importing import Hook, Loader
from ktlo_instrument.settings import Settings


@pytest.fixture
def hook(bench, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Hook(Choice(Settings(), [str(tmp_path)]), bench.sites)
    made.install()
    yield made
    made.uninstall()
    for name in [name for name in sys.modules if name.startswith("kti_")]:
        del sys.modules[name]


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()


def test_modules_of_the_application_are_counted_and_others_not(bench, hook, tmp_path):
    _write(tmp_path / "kti_app" / "__init__.py", "def f(): return 1\n")
    _write(tmp_path / "kti_app" / "part.py", "def g(): return 2\n")
    _write(tmp_path / "lib" / "site-packages" / "kti_lib.py", "def h(): return 3\n")
    sys.path.insert(0, str(tmp_path / "lib" / "site-packages"))
    try:
        app, part, lib = map(importlib.import_module, ("kti_app", "kti_app.part", "kti_lib"))
    finally:
        sys.path.pop(0)
    assert (app.f(), part.g(), lib.h()) == (1, 2, 3)
    assert set(bench.rows()) == {"f", "part.g"}
    assert isinstance(app.__spec__.loader, Loader)
    assert isinstance(app.__loader__, importlib.machinery.SourceFileLoader)
    assert type(lib.__loader__) is importlib.machinery.SourceFileLoader


def test_loading_again_goes_on_with_the_same_sites(bench, hook, tmp_path):
    _write(tmp_path / "kti_again.py", "def f(): return 1\n")
    module = importlib.import_module("kti_again")
    module.f()
    before = len(bench.sites.sites)
    module = importlib.reload(module)
    module.f()
    assert len(bench.sites.sites) == before
    assert bench.rows()["f"].calls == 2


def test_the_cache_is_used_and_renewed(bench, hook, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "kti_cached.py"
    _write(path, "def f(): return 1\n")
    assert importlib.import_module("kti_cached").f() == 1
    (kept,) = (tmp_path / "__pycache__").glob("kti_cached*ktlo*.pyc")
    from ktlo_instrument import importing

    with monkeypatch.context() as patch:
        patch.setattr(importing, "transform", lambda *given: 1 / 0)
        del sys.modules["kti_cached"]
        assert importlib.import_module("kti_cached").f() == 1
        assert hook.failed == 0
    kept.write_bytes(kept.read_bytes()[:30])
    del sys.modules["kti_cached"]
    assert importlib.import_module("kti_cached").f() == 1
    _write(path, "def f(): return 'changed'\n")
    os.utime(path, (1, 1))
    del sys.modules["kti_cached"]
    assert importlib.import_module("kti_cached").f() == "changed"
    assert bench.rows()["f"].calls == 4


def test_a_module_that_cannot_be_transformed_is_loaded_as_it_is(bench, hook, tmp_path, monkeypatch):
    from ktlo_instrument import importing

    monkeypatch.setattr(importing, "transform", lambda *given: 1 / 0)
    _write(tmp_path / "kti_plain.py", "def f(): return 1\n")
    assert importlib.import_module("kti_plain").f() == 1
    assert hook.failed == 1
    assert bench.rows() == {}


def test_errors_of_the_module_itself_are_pythons(bench, hook, tmp_path):
    _write(tmp_path / "kti_wrong.py", "def f(:\n")
    with pytest.raises(SyntaxError) as caught:
        importlib.import_module("kti_wrong")
    assert caught.value.lineno == 1
    assert caught.value.filename.endswith("kti_wrong.py")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("kti_absent")


def test_encodings_and_future_imports_are_followed(bench, hook, tmp_path):
    (tmp_path / "kti_latin.py").write_bytes(
        (
            '# -*- coding: latin-1 -*-\n"é"\nfrom __future__ import annotations\n'
            "def f(a: Undefined): return 'é'\n"
        ).encode("latin-1")
    )
    importlib.invalidate_caches()
    module = importlib.import_module("kti_latin")
    assert (module.f(1), module.__doc__, module.f.__annotations__) == ("é", "é", {"a": "Undefined"})


def test_resources_and_source_are_found(bench, hook, tmp_path):
    _write(tmp_path / "kti_data" / "__init__.py", "def f(): pass\n")
    (tmp_path / "kti_data" / "x.txt").write_text("data")
    module = importlib.import_module("kti_data")
    import inspect
    from importlib import resources

    assert inspect.getsource(module) == "def f(): pass\n"
    assert (resources.files("kti_data") / "x.txt").read_text() == "data"


def test_functions_left_out_count_nothing_and_still_work(bench, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    hook = Hook(Choice(Settings(exclude=("kti_some.quiet",)), [str(tmp_path)]), bench.sites)
    hook.install()
    try:
        _write(
            tmp_path / "kti_some.py",
            "import asyncio\ndef loud(): return 1\ndef quiet(): return locals()\nclass quietly:\n    pass\n",
        )
        module = importlib.import_module("kti_some")
        assert (module.loud(), module.quiet()) == (1, {})
    finally:
        hook.uninstall()
        sys.modules.pop("kti_some", None)
    assert set(bench.rows()) == {"loud"}


def test_pythons_own_library_is_left_alone_even_below_the_working_folder(tmp_path):
    import json

    everything = Choice(
        Settings(), [os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(json.__file__))))]
    )
    assert not everything.module("json", json.__file__)
    assert everything.module("shop", os.path.join(everything._roots[0], "shop.py"))
    assert not everything.module("shop", str(tmp_path / "shop.py"))


def test_patterns():
    assert matches("shop.orders.pay", ("shop",))
    assert matches("shop.orders", ("shop.*",))
    assert matches("shop", ("shop",))
    assert not matches("shopping", ("shop",))
    assert not matches("shop", ())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("python app.py a", "python -m ktlo_instrument.launch app.py a"),
        (
            "/usr/bin/python3.11 -u -W ignore app.py -m x",
            "/usr/bin/python3.11 -u -W ignore -m ktlo_instrument.launch app.py -m x",
        ),
        ("python -Xdev -O app.py", "python -Xdev -O -m ktlo_instrument.launch app.py"),
        ("python -m http.server", "python -m http.server"),
        ("python -um mod", "python -um mod"),
        ("python -c pass", "python -c pass"),
        ("python", "python"),
        ("python -", "python -"),
        ("gunicorn app:app", "gunicorn app:app"),
        ("pytest -k x", "pytest -k x"),
    ],
)
def test_only_a_pythons_own_script_is_rewritten(given, wanted):
    assert " ".join(rewritten(given.split())) == wanted
