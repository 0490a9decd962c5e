"""Rules in the gitleaks format mean what they mean there."""

from __future__ import annotations

import pytest

from ktlo.errors import UserError
from ktlo.guard.secrets import default_rules, load_rules, scan_history, scan_tree
from ktlo.guard.secrets.engine import Engine

RULE = """
[[rules]]
id = "books-token"
description = "token of the book shop"
regex = '''(?i)(book)_([a-z0-9]{10})\\b'''
secretGroup = 2
keywords = ["BOOK_"]
"""


def seen(tmp_path, toml: str, text: str, path: str = "a.py", commit: str = "") -> list[bytes]:
    file = tmp_path / "gitleaks.toml"
    file.write_text(toml)
    return [one.secret for one in Engine(load_rules(file)).read(text.encode(), path, commit).sightings]


def test_the_group_is_the_secret_and_keywords_are_found_in_any_case(tmp_path) -> None:
    assert seen(tmp_path, RULE, "x Book_abcdefghij y") == [b"abcdefghij"]


def test_without_a_group_number_the_first_group_is_the_secret(tmp_path) -> None:
    assert seen(tmp_path, RULE.replace("secretGroup = 2", ""), "book_abcdefghij") == [b"book"]


def test_a_text_without_a_keyword_is_not_tried(tmp_path) -> None:
    assert seen(tmp_path, RULE.replace("BOOK_", "shop"), "book_abcdefghij") == []


def test_entropy_must_be_exceeded(tmp_path) -> None:
    assert seen(tmp_path, RULE + "entropy = 2", "book_aaaaaaaaab book_abcdefghij") == [b"abcdefghij"]


@pytest.mark.parametrize(
    ("allowlist", "is_allowed"),
    [
        ("regexes = ['''^abc''']", True),
        ("regexes = ['''^book_''']", False),
        ("regexTarget = 'match'\nregexes = ['''^book_''']", True),
        ("regexTarget = 'line'\nregexes = ['''# fine''']", True),
        ("paths = ['''^a\\.py$''']", True),
        ("paths = ['''tests/''']", False),
        ("stopwords = ['DEF']", True),
        ("commits = ['1234']", True),
        ("commits = ['9999']", False),
        ("condition = 'AND'\nstopwords = ['def']\npaths = ['''tests/''']", False),
        ("condition = 'AND'\nstopwords = ['def']\npaths = ['''a.py''']", True),
    ],
)
@pytest.mark.parametrize(
    "place", ["[[rules.allowlists]]", "[rules.allowlist]", "[[allowlists]]", "[allowlist]"]
)
def test_allowlists_of_a_rule_and_of_all_rules(
    tmp_path, place: str, allowlist: str, is_allowed: bool
) -> None:
    found = seen(tmp_path, f"{RULE}\n{place}\n{allowlist}\n", "book_abcdefghij # fine", commit="12345")
    assert found == ([] if is_allowed else [b"abcdefghij"])


def test_an_allowlist_for_named_rules_leaves_others_alone(tmp_path) -> None:
    other = "\n[[allowlists]]\ntargetRules = ['other']\nstopwords = ['abc']\n"
    assert seen(tmp_path, RULE + other, "book_abcdefghij") == [b"abcdefghij"]


def test_a_file_extends_our_rules_or_another_file(tmp_path, secret) -> None:
    (tmp_path / "base.toml").write_text(RULE)
    extending = "[extend]\nuseDefault = true\npath = 'base.toml'\ndisabledRules = ['jwt']\n"
    assert seen(tmp_path, extending, f"book_abcdefghij {secret()}") == [b"abcdefghij", secret().encode()]
    ids = {rule.id for rule in load_rules(tmp_path / "gitleaks.toml").rules}
    assert ids == {rule.id for rule in default_rules().rules} - {"jwt"} | {"books-token"}


def test_a_rule_about_names_alone_finds_files(tmp_path, repo) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[[rules]]\nid = 'key-file'\ndescription = 'key'\npath = '''\\.key$'''\n")
    repo.write("a.key", b"\0")
    repo.commit()
    for scan in (scan_tree, scan_history):
        [finding] = scan(repo.root, load_rules(file)).findings
        assert (finding.rule, finding.location.path, finding.location.line) == ("key-file", "a.key", 0)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[rules]", "not TOML"),
        ("[[rules]]\nregex = 'a'", "rule 1 has no id"),
        ("[[rules]]\nid = 'a'", "neither regex nor path"),
        ("[[rules]]\nid = 'a'\nregex = '(?<=a)b'", "rule a: the regular expression does not compile"),
        ("[[rules]]\nid = 'a'\nregex = 'a{2,1}'", "does not compile"),
        ("[[rules]]\nid = 'a'\nregex = 'a'\nsecretGroup = 3", "has 0 groups"),
        ("[[rules]]\nid = 'a'\nregex = 'a'\nkeywords = 'a'", "keywords is not a list of texts"),
        ("[[rules]]\nid = 'a'\nregex = 'a'\nentropy = 'much'", "entropy is not a number"),
        ("rules = 3", "rules is not a list of tables"),
        ("[extend]\nurl = 'https://example.org'", "extend.url is not followed"),
        ("[extend]\npath = 'gitleaks.toml'", "extend one another"),
        ("[extend]\npath = 'none.toml'", "cannot be read"),
    ],
)
def test_what_is_not_in_the_format_is_refused_with_its_place(tmp_path, toml: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        seen(tmp_path, toml, "")


def test_our_rules_are_many_and_each_has_a_hint_or_keywords_and_a_source() -> None:
    rules = default_rules().rules
    assert len(rules) >= 60
    assert not [rule.id for rule in rules if rule.regex and not rule.hint and not rule.keywords]
