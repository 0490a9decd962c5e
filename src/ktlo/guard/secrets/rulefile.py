"""Reads rules in the gitleaks TOML format, ours and a team's.

Source of the format: README of github.com/gitleaks/gitleaks, "Configuration" (v8.28): ``[extend]``,
``[[rules]]``, ``[allowlist]`` and ``[[allowlists]]``, for all rules or inside one. ``[[rules.required]]`` is
not applied: such a rule reports more, never less, than under gitleaks.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.guard.finding import Level
from ktlo.guard.secrets.checksums import CHECKSUMS
from ktlo.guard.secrets.patterns import Pattern
from ktlo.guard.secrets.rules import Allowlist, Context, Rule, RuleSet, Target

_DEEPEST = 4
"""Files that may extend one another."""
_LARGEST = 4 << 20
_REGEX_TARGETS = {"": Target.SECRET, "secret": Target.SECRET, "match": Target.MATCH, "line": Target.LINE}


def default_rules() -> RuleSet:
    """Our own rules, from the formats vendors publish (``rules.toml``)."""
    text = resources.files("ktlo.guard.secrets").joinpath("rules.toml").read_text("utf-8")
    return parse_rules(text, "ktlo's own rules", Path(), 0)


def load_rules(path: Path) -> RuleSet:
    """Rules of a file, with those it extends.

    Raises:
        UserError: the file cannot be read or is not in the format; the sentence names the rule.
    """
    return _load(path, 0)


def _load(path: Path, depth: int) -> RuleSet:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError("the rules are larger than 4 MiB", where=str(path), fix="Split or trim them")
        text = path.read_text("utf-8")
    except OSError as error:
        raise UserError(f"the rules cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise UserError("the rules are not UTF-8 text", where=str(path)) from None
    return parse_rules(text, str(path), path.parent, depth)


def parse_rules(text: str, where: str, folder: Path, depth: int = 0) -> RuleSet:
    """Rules of a TOML text.

    Args:
        text: the TOML.
        where: its name in messages.
        folder: what ``extend.path`` is relative to.
        depth: how many files led here.

    Raises:
        UserError: it is not in the format.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"the rules are not TOML: {error}", where=where) from None
    rules: dict[str, Rule] = {}
    allowlists: list[Allowlist] = []
    extend = _table(document, "extend", where)
    for base in _bases(extend, where, folder, depth):
        rules |= {rule.id: rule for rule in base.rules}
        allowlists += base.allowlists
    for disabled in _strings(extend, "disabledRules", where):
        rules.pop(disabled, None)
    for number, table in enumerate(_tables(document, "rules", where), 1):
        rule = _rule(table, where, number, rules)
        if rule is not None:
            rules[rule.id] = rule
    allowlists += _allowlists(document, where)
    return RuleSet(tuple(rules.values()), tuple(allowlists))


def _bases(extend: Mapping[str, Any], where: str, folder: Path, depth: int) -> list[RuleSet]:
    bases: list[RuleSet] = []
    if extend.get("useDefault"):
        bases.append(default_rules())
    if extend.get("url"):
        raise UserError("extend.url is not followed", where=where, fix="Keep the rules in the repository")
    if given := _string(extend, "path", where):
        if depth >= _DEEPEST:
            raise UserError(f"more than {_DEEPEST} files extend one another", where=where)
        bases.append(_load(folder / given, depth + 1))
    return bases


def _rule(table: Mapping[str, Any], where: str, number: int, known: Mapping[str, Rule]) -> Rule | None:
    name = _string(table, "id", where)
    if not name:
        raise UserError(f"rule {number} has no id", where=where)
    place = f"{where}, rule {name}"
    if table.get("skipReport"):
        return None
    base = known.get(name)
    pattern, path = _string(table, "regex", place), _string(table, "path", place)
    regex = Pattern(pattern, place) if pattern else base.regex if base else None
    paths = Pattern(path, place) if path else base.path if base else None
    if regex is None and paths is None:
        raise UserError("the rule has neither regex nor path", where=place)
    group = _number(table, "secretGroup", place, base.secret_group if base else 0)
    if regex is not None and group > regex.groups:
        raise UserError(f"secretGroup is {group:g}, the regex has {regex.groups} groups", where=place)
    hint = _string(table, "hint", place)
    checksum = _string(table, "checksum", place)
    if checksum and checksum not in CHECKSUMS:
        raise UserError(f"there is no checksum called {checksum}", where=place)
    keywords = tuple(word.lower().encode() for word in _strings(table, "keywords", place) if word)
    try:
        level = Level(_string(table, "level", place) or (base.level if base else Level.HIGH))
        context = Context(_string(table, "context", place) or (base.context if base else Context.NONE))
    except ValueError as error:
        raise UserError(f"{error}", where=place) from None
    return Rule(
        id=name,
        description=_string(table, "description", place) or (base.description if base else name),
        regex=regex,
        path=paths,
        secret_group=int(group),
        hint=Pattern(hint, place) if hint else base.hint if base and not pattern and not keywords else None,
        entropy=_number(table, "entropy", place, base.entropy if base else 0),
        keywords=keywords or (base.keywords if base else ()),
        allowlists=(base.allowlists if base else ()) + tuple(_allowlists(table, place)),
        level=level,
        context=context,
        checksum=checksum or (base.checksum if base else ""),
    )


def _allowlists(table: Mapping[str, Any], where: str) -> list[Allowlist]:
    found = [_table(table, "allowlist", where), *_tables(table, "allowlists", where)]
    return [_allowlist(one, f"{where}, allowlist") for one in found if one]


def _allowlist(table: Mapping[str, Any], where: str) -> Allowlist:
    condition = (_string(table, "condition", where) or "OR").upper()
    if condition not in ("AND", "&&", "OR", "||"):
        raise UserError(f"condition is {condition}; it may be AND or OR", where=where)
    target = _string(table, "regexTarget", where)
    if target not in _REGEX_TARGETS:
        raise UserError(f"regexTarget is {target}; it may be secret, match or line", where=where)
    return Allowlist(
        needs_all=condition in ("AND", "&&"),
        commits=tuple(commit.lower() for commit in _strings(table, "commits", where) if commit),
        paths=tuple(Pattern(path, where) for path in _strings(table, "paths", where)),
        regexes=tuple(Pattern(regex, where) for regex in _strings(table, "regexes", where)),
        target=_REGEX_TARGETS[target],
        stopwords=tuple(word.lower().encode() for word in _strings(table, "stopwords", where) if word),
        rules=frozenset(_strings(table, "targetRules", where)),
    )


def _table(table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise UserError(f"{key} is not a table", where=where)
    return value


def _tables(table: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UserError(f"{key} is not a list of tables", where=where)
    return value


def _string(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise UserError(f"{key} is not a text", where=where)
    return value


def _strings(table: Mapping[str, Any], key: str, where: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UserError(f"{key} is not a list of texts", where=where)
    return value


def _number(table: Mapping[str, Any], key: str, where: str, default: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UserError(f"{key} is not a number from 0", where=where)
    return value
