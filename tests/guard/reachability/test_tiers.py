"""How near a vulnerability is: the tier, the path that is shown, and what is said when nobody can tell."""

from __future__ import annotations

import pytest

from ktlo.guard.finding import Finding, Level, Location
from ktlo.guard.reachability.limits import Limits
from ktlo.guard.reachability.python import Judge
from ktlo.guard.reachability.tiers import Tier


def put(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("INIT", "__init__")
        path = path.with_name(path.name + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def environment(tmp_path):
    """`lib` calls `leak.parse`, and nobody calls `leak.other`; `quiet` is installed and never imported."""
    folder = tmp_path / "site-packages"
    put(
        folder,
        lib__INIT="from .core import read\n",
        lib__core="import leak\ndef read(text):\n    return leak.parse(text)\ndef unused():\n    return leak.other()\n",
        leak__INIT="from ._impl import parse, other, Reader\n",
        leak___impl="def parse(t): pass\ndef other(): pass\nclass Reader:\n    def pull(self): pass\n",
        quiet="def f():\n    pass\n",
    )
    for name, version, files in (
        ("lib", "1.0", ["lib/__init__.py", "lib/core.py"]),
        ("Leak", "2.0", ["leak/__init__.py", "leak/_impl.py"]),
        ("quiet", "3.0", ["quiet.py"]),
    ):
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(f"{one},,\n" for one in files))
    return folder


def about(package, version):
    facts = {"ecosystem": "PyPI", "package": package, "version": version}
    return Finding("vulnerabilities", "CVE-1", Level.HIGH, "…", Location("a"), "f", properties=facts)


@pytest.fixture
def reach(tmp_path, environment):
    def ask(source, package, *symbols, version="2.0", environment=environment, limits=None):
        project = put(tmp_path / "shop", shop__INIT="", shop__app=source)
        return Judge(project, environment, limits).judge(about(package, version), symbols)

    return ask


def test_a_call_through_another_package_is_called_and_the_whole_path_is_shown(reach):
    found = reach("import lib\n\ndef view():\n    lib.read('x')\n", "leak", "leak._impl:parse")
    assert found.tier is Tier.CALLED
    assert found.path == (
        "shop.app.view (shop/app.py:4)",
        "lib.core.read (site-packages/lib/core.py:3)",
        "leak._impl.parse",
    )


def test_a_symbol_may_be_named_where_it_is_only_passed_on(reach):
    found = reach("import lib\nlib.read('x')\n", "leak", "leak:parse")
    assert found.tier is Tier.CALLED
    assert found.path[-1] == "leak._impl.parse"


def test_a_vulnerable_function_that_nobody_calls_is_imported_not_called(reach):
    found = reach("import lib\nlib.read('x')\n", "leak", "leak:other")
    assert found.tier is Tier.IMPORTED
    assert found.path[-1] == "leak._impl.parse", "the nearest way into the package is shown"


def test_without_symbols_the_package_counts_as_imported(reach):
    assert reach("import lib\nlib.read('x')\n", "leak").tier is Tier.IMPORTED


def test_a_package_that_nothing_loads_is_installed(reach):
    assert reach("import lib\n", "quiet", version="3.0").tier is Tier.INSTALLED


def test_a_method_called_on_something_unknown_is_possible(reach):
    found = reach("import leak\n\ndef view(reader):\n    reader.pull()\n", "leak", "leak._impl:Reader.pull")
    assert found.tier is Tier.POSSIBLE
    assert found.path == ("shop.app.view (shop/app.py:4, possible)", "leak._impl.Reader.pull")


def test_a_name_that_only_the_run_knows_is_possible(reach):
    source = "import leak, sys\nfrom leak import _impl\ngetattr(_impl, sys.argv[1])()\n"
    found = reach(source, "leak", "leak._impl:other")
    assert found.tier is Tier.POSSIBLE
    assert "1 place could not be followed (shop/app.py:3" in found.limits


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import importlib, sys\nimportlib.import_module(sys.argv[1])\n", "a module whose name"),
        ("import sys\nexec(sys.argv[1])\n", "code that is made"),
        ("print 'Python 2'\n", "Python 2?"),
        ("def f(:\n", "no Python 3"),
        ("x = " + "(" * 5000 + ")" * 5000 + "\n", "not read"),
        ("x = " + "-" * 100_000 + "1\n", "not read"),
    ],
    ids=["import_module", "exec", "python2", "syntax", "brackets", "minus"],
)
def test_what_cannot_be_followed_makes_not_found_unknown(reach, source, why):
    found = reach(source, "quiet", version="3.0")
    assert found.tier is Tier.UNKNOWN
    assert why in found.limits


def test_without_an_environment_a_direct_call_is_still_seen(reach):
    source = "from leak import parse as p\nimport leak\n\ndef view():\n    p('x')\n    leak.Reader().pull()\n"
    found = reach(source, "leak", "leak:parse", environment=None)
    assert found.tier is Tier.CALLED
    assert found.path == ("shop.app.view (shop/app.py:5)", "leak.parse")
    assert reach(source, "leak", "leak:Reader.pull", environment=None).tier is Tier.CALLED
    assert reach(source, "leak", "leak:other", environment=None).tier is Tier.IMPORTED


def test_without_an_environment_not_found_is_unknown_never_installed(reach):
    found = reach("x = 1\n", "leak", environment=None)
    assert found.tier is Tier.UNKNOWN
    assert "no environment" in found.limits


def test_a_package_that_the_environment_lacks_or_has_in_another_version_is_told(reach):
    assert "not in the environment" in reach("x = 1\n", "absent").limits
    assert "the environment has leak 2.0" in reach("import leak\n", "leak", version="1.9").limits


def test_a_path_from_the_program_is_told_before_one_from_its_tests(tmp_path, environment):
    project = put(
        tmp_path / "shop",
        tests__test_leak="import leak\nleak.parse('x')\n",
        shop__INIT="",
        shop__app="import lib\ndef a():\n    b()\ndef b():\n    lib.read('x')\n",
    )
    found = Judge(project, environment).judge(about("leak", "2.0"), ["leak:parse"])
    assert found.path[0].startswith("shop.app.b")


def test_time_that_runs_out_is_unknown(reach):
    found = reach("import lib\n", "quiet", version="3.0", limits=Limits(seconds=0))
    assert found.tier is Tier.UNKNOWN
    assert "stopped at its limit" in found.limits


def test_a_hostile_project_costs_little_and_breaks_nothing(tmp_path, environment):
    project = put(tmp_path / "shop", app="import lib\nlib.read('x')\n")
    (project / "loop").symlink_to(project)
    (project / "out.py").symlink_to("/etc/passwd")
    (project / "latin.py").write_bytes(b"x = '\xe4'\n")
    (project / "declared.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe4'\n")
    (project / "nul.py").write_bytes(b"x = 1\0\n")
    (project / "nonsense.py").write_bytes(b"# -*- coding: nonsense -*-\n")
    (project / "wide.py").write_text("x = " + " + ".join(["f()"] * 20_000) + "\n")
    (project / "elifs.py").write_text("if a: pass\n" + "elif b: lib()\n" * 3000)
    (project / "chain.py").write_text("x" + ".y()" * 20_000 + "\n")
    (project / "evil\x1b[31m.py").write_text("def f(:\n")
    with (project / "large.py").open("wb") as large:
        large.truncate(200 * 2**20)
    (project / "circle.py").write_text(
        "def f(*a):\n    f(1, *a)\n    f(*a)\nf(f)\n" + "class A(A): pass\n" * 50
    )
    (project / "selves.py").write_text(
        "import os\nfrom functools import partial\np = partial(os.walk, key=None)\np = partial(p, key=p)\np(key=p)\n"
        "errors = (KeyError,)\nerrors = (errors, errors, errors)\n"
        "try:\n    pass\nexcept errors as error:\n    error()\n"
    )
    found = Judge(project, environment).judge(about("leak", "2.0"), ["leak:parse"])
    assert found.tier is Tier.CALLED
    assert "files were not read" in found.limits
    assert "\x1b" not in found.limits
    unread = Judge(project, environment)._graph.unread
    names = " ".join(one.path for one in unread)
    assert all(name in names for name in ("latin.py", "nul.py", "nonsense.py", "large.py"))
    assert "declared.py" not in names
    assert "out.py" not in names, "links are not followed"


def test_a_call_that_may_mean_very_many_functions_is_only_possible(tmp_path, environment):
    many = "".join(f"def f{n}():\n    pass\n" for n in range(20))
    table = ", ".join(f"f{n}" for n in range(20))
    source = f"import lib\n{many}for one in [{table}, lib.read]:\n    one('x')\n"
    project = put(tmp_path / "shop", app=source)
    assert Judge(project, environment).judge(about("leak", "2.0"), ["leak:parse"]).tier is Tier.POSSIBLE


def test_a_graph_that_stopped_early_never_says_imported_of_a_known_function(reach):
    found = reach("import leak\n", "leak", "leak:other", limits=Limits(seconds=0))
    assert found.tier is Tier.UNKNOWN
