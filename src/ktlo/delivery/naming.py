"""What names mean: which environments are production, which names are one version, which service a name speaks of."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

ELSEWHERE = frozenset(
    {
        "staging", "stage", "stg", "dev", "devel", "develop", "development", "test", "testing", "tests", "qa", "uat",
        "preview", "previews", "pre", "preprod", "preproduction", "sandbox", "local", "review", "demo", "ci", "nonprod",
        "non", "integration", "int", "pr", "ephemeral", "canary",
    }
)  # fmt: skip
"""Words in the name of an environment that is not production."""

_HEXADECIMAL = re.compile(r"[0-9a-f]+")


def is_production(environment: str, patterns: Sequence[str] = ()) -> bool:
    """Whether an environment is production.

    Args:
        environment: its name; without a name it is taken for production.
        patterns: what ``delivery.production`` says; without it, everything is production but what has a word of
            :data:`ELSEWHERE` in its name.
    """
    name = environment.strip().casefold()
    if patterns:
        return any(fnmatchcase(name, pattern.strip().casefold()) for pattern in patterns)
    words = re.split(r"[^a-z0-9]+", name)
    return not any(re.sub(r"\d+$", "", word) in ELSEWHERE for word in words)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is like one of the patterns, whatever the case."""
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def bare(version: str) -> str:
    """A version as it is compared: without ``refs/tags/``, a leading v, and capitals."""
    text = version.strip().casefold().removeprefix("refs/tags/")
    return text[1:] if len(text) > 1 and text[0] == "v" and text[1].isdigit() else text


def same_version(one: str, two: str) -> bool:
    """Whether two names mean one version: ``v1.2`` and ``1.2``, a commit and its beginning of 7 digits or more."""
    first, second = sorted((bare(one), bare(two)), key=len)
    if not first:
        return False
    if first == second:
        return True
    return (
        len(first) >= 7
        and _HEXADECIMAL.fullmatch(first) is not None
        and (_HEXADECIMAL.fullmatch(second) is not None and second.startswith(first))
    )


def named_service(text: str, services: Collection[str]) -> str:
    """The only service whose name stands in a text as words of its own (``prod-pay``, ``pay@1.2``); else empty."""
    folded = text.casefold()
    found = {
        name
        for name in services
        if re.search(rf"(?<![a-z0-9]){re.escape(name.casefold())}(?![a-z0-9])", folded)
    }
    longest = {one for one in found if not any(one != other and one in other for other in found)}
    return longest.pop() if len(longest) == 1 else ""
