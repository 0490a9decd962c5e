"""`ktlo check adopt`: only rules that the code keeps and did not always keep, and the style that is there."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ktlo.guard.lint.style import measure

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)
BODY = "".join(f"def name_{n}(items):\n    return items['key_{n}']\n\n\n" for n in range(30))


@pytest.fixture
def repo(repo):
    """A repository that once compared with None, and mended it."""
    (repo.root / "ruff.toml").unlink()
    repo.write("a.py", f"{BODY}def old(x):\n    print(x, dict())\n    return x == None\n")
    repo.commit()
    repo.write("a.py", f"{BODY}def old(x):\n    print(x, {{}})\n    return x is None\n")
    repo.commit()
    return repo


@pytest.fixture
def adopt(run):
    def call(*arguments):
        done = run(["adopt"], "--json", *arguments)
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done

    return call


def proposed(report):
    return {one["code"] for one in report["proposal"]["rules"]}


def test_a_rule_that_was_broken_once_and_is_kept_now_is_proposed(adopt):
    code, report, _ = adopt()
    assert code == CLEAN
    assert "E711" in proposed(report)


def test_a_rule_that_is_broken_now_or_never_fired_is_not(adopt):
    _, report, _ = adopt()
    assert not {"T201", "ANN001"} & proposed(report)  # broken now
    assert not {"S105", "DJ001", "B006"} & proposed(report)  # never fired here
    assert report["proposal"]["silent"] > 100


def test_without_history_no_rule_is_proposed(adopt, repo):
    subprocess.run(["rm", "-rf", str(repo.root / ".git")], check=True)
    _, report, _ = adopt()
    assert (proposed(report), report["proposal"]["versions"]) == (set(), 0)


def test_nothing_is_written_unless_asked(adopt, repo):
    _, report, _ = adopt()
    assert report["file"] == "ruff.toml"
    assert not (repo.root / "ruff.toml").exists()
    code, report, _ = adopt("--write")
    assert code == CLEAN
    written = tomllib.loads((repo.root / "ruff.toml").read_text())
    assert "C408" in written["lint"]["extend-select"]
    assert "E711" not in written["lint"]["extend-select"]  # ruff's defaults have it
    assert written["format"]["quote-style"] == "single"
    assert written["line-length"] == 79
    ruff = str(Path(sys.executable).with_name("ruff"))
    done = subprocess.run([ruff, "check", "--no-cache", "."], cwd=repo.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_somebody_has_set_stays_and_comments_too(adopt, repo):
    repo.write(
        "pyproject.toml",
        "# ours\n[project]\nname = 'shop'\nrequires-python = '>=3.11'\n\n[tool.ruff]\nline-length = 100 # wide\n"
        "[tool.ruff.lint]\nselect = ['F'] # few\nignore = ['D']\n",
    )
    code, report, _ = adopt("--write")
    assert (code, report["file"], report["proposal"]["target"]) == (CLEAN, "pyproject.toml", "py311")
    text = (repo.root / "pyproject.toml").read_text()
    ruff = tomllib.loads(text)["tool"]["ruff"]
    assert ruff["line-length"] == 100
    assert ruff["lint"]["select"] == ["F"]
    assert "E711" in ruff["lint"]["extend-select"]
    assert not any(code.startswith("D") and code[1].isdigit() for code in ruff["lint"]["extend-select"])
    for comment in ("# ours", "# wide", "# few"):
        assert comment in text
    assert adopt()[1]["added"] == []  # said already


def test_rules_that_fire_under_the_repositorys_own_settings_are_taken_out_again(adopt, repo):
    repo.write(
        "a.py",
        f"{BODY}def pick(a, b, c):\n    return a, b, c\n\n\ndef wide(a, b, c, d, e, f):\n    return a\n",
    )
    repo.commit()
    repo.write("a.py", f"{BODY}def pick(a, b, c):\n    return a, b, c\n")
    repo.commit()
    repo.write("ruff.toml", "[lint.pylint]\nmax-args = 2\n")
    _, report, _ = adopt("--write")
    assert "PLR0913" in proposed(report)  # kept by ruff's own measure of five
    assert report["taken_out"]["PLR0913"] == 1
    assert "PLR0913" not in (repo.root / "ruff.toml").read_text()


@pytest.mark.parametrize("text", ["[", "lint = 3\n", "[lint]\nselect = 3\n", "\x00"])
def test_a_configuration_that_is_none_is_left_alone(adopt, repo, text):
    repo.write("ruff.toml", text)
    code, _, done = adopt("--write")
    assert code in (USAGE, INCONCLUSIVE)
    assert (repo.root / "ruff.toml").read_text() == text
    assert "Traceback" not in done.stderr


def test_a_configuration_that_is_a_link_is_not_written_through(adopt, repo, tmp_path):
    (tmp_path / "theirs.toml").write_text("")
    (repo.root / "ruff.toml").symlink_to(tmp_path / "theirs.toml")
    assert adopt("--write")[0] == USAGE
    assert (tmp_path / "theirs.toml").read_text() == ""


def test_a_repository_without_python_is_told_so(adopt, repo):
    (repo.root / "a.py").unlink()
    repo.commit()
    assert adopt()[0] == USAGE


def test_style_is_told_only_where_the_code_agrees():
    assert measure([]).length == 0
    tabs = "".join(f"if x:\n\ty{n} = 'a'\n" for n in range(30))
    style = measure([tabs])
    assert (style.indent, style.width, style.quotes, style.quoted) == ("tab", 0, "single", 30)
    mixed = measure([tabs + "".join(f'if x:\n    y{n} = "a"\n' for n in range(30))])
    assert (mixed.indent, mixed.quotes) == ("", "")
    two = measure(["".join(f"if x:\n  y{n} = 1\n" for n in range(30))])
    assert (two.indent, two.width) == ("space", 2)
    few = measure(["x = 'a'\n"])
    assert (few.quotes, few.quoted) == ("", 1)


def test_strings_that_hold_quotes_and_docstrings_say_nothing_about_taste():
    text = (
        '"""Doc."""\n'
        + "".join(f'x{n} = "it\'s"\n' for n in range(30))
        + "def f():\n    'doc'\n    return 'x'\n"
    )
    assert (measure([text]).quoted, measure([text]).quote_share) == (1, 1.0)


def test_a_limit_holds_nearly_all_lines_and_the_rest_are_counted():
    text = "x = 1\n" * 5_000 + f"y = {'1' * 200}\n" + f"z = {'1' * 85}\n" * 10
    style = measure([text])
    assert (style.length, style.longest, style.over) == (90, 204, 1)


def test_code_that_does_not_parse_is_counted_for_its_lines_only():
    assert measure(["def (:\n" * 30]).lines == 30
