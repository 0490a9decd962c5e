"""Our own rules for workflow files: few, and each about something that is a hole and not a taste.

They stand in for zizmor where that is not installed, and look at GitLab's files, which it does not. Sources: GitHub's
"Security hardening for GitHub Actions" (untrusted input, third-party actions, ``pull_request_target``, permissions of
the token); GitLab's "CI/CD YAML syntax reference" (``include``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ktlo.guard.finding import Level
from ktlo.guard.lint.remark import Remark
from ktlo.guard.workflows.document import Leaf, leaves

TOOL = "workflows"
RULES = {
    "template-injection": "text that strangers write is put into a script before it runs",
    "dangerous-triggers": "code of a pull request is checked out where secrets are",
    "unpinned-uses": "an action or image is named by a tag, which its owner can move",
    "excessive-permissions": "the token's permissions are not narrowed",
    "piped-download": "a download is run without being looked at",
    "open-include": "configuration is included that others can change",
}
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_UNTRUSTED = re.compile(
    r"github\.head_ref"
    r"|github\.event\.(issue|pull_request|discussion)\.(title|body)\b"
    r"|github\.event\.pull_request\.head\.(ref|label|repo\.default_branch)\b"
    r"|github\.event\.(comment|review|review_comment)\.body\b"
    r"|github\.event\.(head_commit|commits\S*)\.(message|author\.(name|email))\b"
    r"|github\.event\.pages\S*\.page_name\b"
    r"|github\.event\.workflow_run\.(head_branch|display_title|head_commit\.(message|author\.(name|email))"
    r"|head_repository\.description)\b"
)
_PIPED = re.compile(
    r"\b(?:curl|wget)\b[^\n|;&]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:ba|z|da|k)?sh\b"
    r"|\b(?:ba|z|da|k)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\()\s*(?:curl|wget)\b"
)
_THEIR_CODE = re.compile(r"github\.(event\.pull_request\.head|event\.workflow_run\.head|head_ref)|refs/pull/")
_PINNED = re.compile(r"@[0-9a-f]{40}$|@[0-9a-f]{64}$|@sha256:[0-9a-f]{64}$")


def judge_github(path: str, text: bytes) -> tuple[Remark, ...]:
    """What is wrong with a workflow or an action of GitHub's.

    Raises:
        WorkflowError: it cannot be read.
    """
    found = leaves(text)
    return tuple(_github(path, found))


def _github(path: str, found: tuple[Leaf, ...]) -> Iterator[Remark]:
    triggers = {
        name
        for one in found
        if one.keys[:1] == ("on",)
        for name in ((one.value,) if len(one.keys) == 1 or one.keys[1].isdigit() else (one.keys[1],))
    }
    runs_with_secrets = not triggers.isdisjoint({"pull_request_target", "workflow_run"})
    for one in found:
        last = one.keys[-1] if one.keys else ""
        if last == "run" or one.keys[-2:] == ("with", "script"):
            yield from _script(path, one)
        elif last == "uses" and not one.value.startswith("./") and not _PINNED.search(one.value):
            message = f"{one.value} is named by a tag or branch, which its owner can move: pin its commit"
            yield Remark(TOOL, "unpinned-uses", Level.MEDIUM, message, path, one.line)
        elif runs_with_secrets and one.keys[-2:] == ("with", "ref") and _THEIR_CODE.search(one.value):
            message = "code of a pull request is checked out in a workflow that has the repository's secrets"
            yield Remark(TOOL, "dangerous-triggers", Level.HIGH, message, path, one.line)
    jobs = {one.keys[1] for one in found if len(one.keys) > 1 and one.keys[0] == "jobs"}
    narrowed = {one.keys[1] for one in found if len(one.keys) > 2 and one.keys[2] == "permissions"}
    top = any(one.keys[:1] == ("permissions",) for one in found)
    if jobs - narrowed and not top:
        named = ", ".join(sorted(jobs - narrowed)[:3])
        message = f"no permissions are given for {named}, so that the token may have all of them"
        yield Remark(TOOL, "excessive-permissions", Level.MEDIUM, message, path, 1)


def _script(path: str, one: Leaf) -> Iterator[Remark]:
    for inner in _EXPRESSION.finditer(one.value):
        said = _UNTRUSTED.search(inner[1])
        if said:
            message = (
                f"{said[0]} is written by strangers and becomes part of the script: pass it as a variable"
            )
            yield Remark(TOOL, "template-injection", Level.HIGH, message, path, one.line)
    if _PIPED.search(one.value):
        yield _piped(path, one)


def _piped(path: str, one: Leaf) -> Remark:
    message = "a download is run without being looked at: compare its checksum first"
    return Remark(TOOL, "piped-download", Level.MEDIUM, message, path, one.line)


def judge_gitlab(path: str, text: bytes) -> tuple[Remark, ...]:
    """What is wrong with a pipeline of GitLab's.

    Raises:
        WorkflowError: it cannot be read.
    """
    return tuple(_gitlab(path, leaves(text)))


def _gitlab(path: str, found: tuple[Leaf, ...]) -> Iterator[Remark]:
    includes: dict[tuple[str, ...], dict[str, Leaf]] = {}
    for one in found:
        if one.keys[:1] == ("include",) and one.keys[-1] in ("remote", "integrity", "project", "ref"):
            includes.setdefault(one.keys[:-1], {})[one.keys[-1]] = one
        if {"script", "before_script", "after_script"} & set(one.keys) and _PIPED.search(one.value):
            yield _piped(path, one)
    for said in includes.values():
        if "remote" in said and "integrity" not in said:
            message = f"{said['remote'].value} is included without its hash: add integrity"
            yield Remark(TOOL, "open-include", Level.MEDIUM, message, path, said["remote"].line)
        if "project" in said and "ref" not in said:
            message = f"{said['project'].value} is included at whatever its branch holds: add ref"
            yield Remark(TOOL, "open-include", Level.LOW, message, path, said["project"].line)
