"""The workflows check: files that tell GitHub Actions and GitLab CI what to run.

GitHub's are judged by zizmor, offline, where it is installed, and by our own smaller set of rules otherwise; the
report says by which. GitLab's are judged by our own. A file that cannot be read is not checked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from ktlo.guard.checks.lint import allowed
from ktlo.guard.checks.protocol import Answer, Subject, idle
from ktlo.guard.finding import Level, Outcome, Unchecked
from ktlo.guard.lint.files import Files, files_of
from ktlo.guard.lint.programs import Surroundings, find_program, run_program
from ktlo.guard.lint.ratchet import held, of_check
from ktlo.guard.lint.remark import LintError, Remark, as_findings
from ktlo.guard.lint.sarif_report import read_sarif
from ktlo.guard.workflows.document import WorkflowError
from ktlo.guard.workflows.rules import TOOL, judge_github, judge_gitlab

CHECK = "workflows"
_GITHUB = re.compile(r"\.github/workflows/[^/]+\.ya?ml|(?:.*/)?action\.ya?ml")
_GITLAB = re.compile(r"(?:.*/)?\.gitlab-ci\.ya?ml|\.gitlab/ci/.*\.ya?ml|.*\.gitlab-ci\.ya?ml")
_LARGEST = 4 << 20
_AT_ONCE = 300
_LEVELS = {"High": Level.HIGH, "Medium": Level.MEDIUM, "Low": Level.LOW, "Informational": Level.LOW}


class Workflows:
    """Workflow files."""

    name: ClassVar[str] = CHECK
    summary: ClassVar[str] = (
        "GitHub Actions and GitLab CI files: injection, unpinned actions, too many rights"
    )

    def run(self, subject: Subject) -> Answer:
        """Judge every workflow file, and hold what is wrong to the counts of the lint baseline.

        Raises:
            UserError: the baseline cannot be read.
        """
        judged = look_at_workflows(subject)
        if judged is None:
            return idle(self.name, "there are no workflow files")
        if subject.is_past or subject.before is not None:
            return Answer(judged)
        counts = allowed(subject)
        if counts is None:
            return Answer(judged)
        ratcheted = held(judged.findings, of_check(counts, CHECK))
        left_out: tuple[str, ...] = ()
        if ratcheted.slack and not judged.unchecked:
            left_out = (
                f"{CHECK}: {ratcheted.slack:,} fewer than the baseline allows: ktlo check accept lowers it.",
            )
        return Answer(replace(judged, findings=ratcheted.failing, known=ratcheted.known), left_out=left_out)


def look_at_workflows(subject: Subject) -> Outcome | None:
    """What is wrong with the workflow files, whatever the baseline; ``None`` when there are none."""
    files = files_of(subject.root)
    github = [path for path in files.paths if _GITHUB.fullmatch(path)]
    gitlab = [path for path in files.paths if _GITLAB.fullmatch(path)]
    if not github and not gitlab:
        return None
    remarks: list[Remark] = []
    unchecked: list[Unchecked] = []
    tools: list[str] = []
    zizmor = find_program("zizmor", subject.root, home=subject.installed) if github else None
    if zizmor is None:
        _own(files, github, judge_github, remarks, unchecked)
    else:
        try:
            tools.append(_version(str(zizmor), subject))
            for start in range(0, len(github), _AT_ONCE):
                remarks += _zizmor(str(zizmor), github[start : start + _AT_ONCE], subject)
        except LintError as error:
            unchecked.append(Unchecked(CHECK, "the GitHub workflows", f"zizmor could not say: {error}"))
    _own(files, gitlab, judge_gitlab, remarks, unchecked)
    if gitlab or zizmor is None:
        tools.append("ktlo's own rules")
    return Outcome(
        CHECK,
        tuple(as_findings(remarks, subject.root, CHECK)),
        tuple(unchecked),
        len(github) + len(gitlab) - len(unchecked),
        "workflow files",
        tools=tuple(tools),
    )


def _own(
    files: Files, paths: list[str], judge: Any, remarks: list[Remark], unchecked: list[Unchecked]
) -> None:
    for path in paths:
        text = files.start(path, _LARGEST + 1)
        try:
            if len(text) > _LARGEST:
                raise WorkflowError(f"it is larger than {_LARGEST >> 20} MiB")
            remarks += judge(path, text)
        except WorkflowError as error:
            unchecked.append(Unchecked(CHECK, path, str(error)))


def _version(program: str, subject: Subject) -> str:
    said = run_program(
        [program, "--version"], Surroundings(subject.root.resolve(), 60, home=subject.installed)
    ).output
    return said.decode("utf-8", "replace").strip()[:60]


def _zizmor(program: str, paths: list[str], subject: Subject) -> list[Remark]:
    root = subject.root.resolve()
    options = [
        "--offline",
        "--format=sarif",
        "--no-progress",
        "--quiet",
        "--no-exit-codes",
        "--strict-collection",
    ]
    around = Surroundings(root, subject.settings.check_seconds * 0.9, home=subject.installed)
    ran = run_program([program, *options, "--", *(f"./{path}" for path in paths)], around)
    if ran.code:
        raise LintError(f"it ended with {ran.code}: {ran.complaint or 'no word why'}")
    levels = _levels(ran.output)
    return [
        Remark(
            TOOL,
            (rule := one.rule.removeprefix("zizmor/")),
            levels.get((rule, one.path, one.line), one.level),
            one.message,
            one.path,
            one.line,
        )
        for one in read_sarif(ran.output, root, "zizmor")
    ]


def _levels(text: bytes) -> dict[tuple[str, str, int], Level]:
    """Zizmor's own severity, which its SARIF level is coarser than; nothing when it is of another shape."""
    found: dict[tuple[str, str, int], Level] = {}
    for run in msgspec.json.decode(text)["runs"]:
        for result in run["results"]:
            said = result.get("properties", {}).get("zizmor/severity")
            try:
                physical = result["locations"][0]["physicalLocation"]
                place = (
                    physical["artifactLocation"]["uri"].removeprefix("./"),
                    physical["region"]["startLine"],
                )
            except (KeyError, IndexError, TypeError, AttributeError):
                continue
            if said in _LEVELS:
                found[result["ruleId"].removeprefix("zizmor/"), *place] = _LEVELS[said]
    return found
