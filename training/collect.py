"""Turn git histories on this disk into labelled examples for the category model.

Each commit whose author named its kind (a conventional-commit type, numpy's ``BUG:``, ``[SECURITY]``)
becomes one example; the name itself is removed from the text, so that the model has to learn from the rest.
Writes JSON lines for ``training/train.py``; nothing of it is ever committed. Recipe: ``training/README.md``.

    python training/collect.py --out examples.jsonl PATH/TO/repo=owner/name ...
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

CAP_PER_REPOSITORY_AND_TYPE = 700
"""No repository and no kind may drown the others."""
ADVISORIES = 300
"""Texts of published advisories per archive: they teach the words of security, not the shape of a diff."""

TYPES: dict[str, tuple[str, str]] = {
    # what the author wrote -> (category, sub-kind that train.py uses to vary the wording)
    **dict.fromkeys(("feat", "feature", "features", "enh", "enhancement"), ("feature", "feat")),
    **dict.fromkeys(("fix", "bugfix", "bug", "hotfix", "fixes"), ("bug_fix", "fix")),
    **dict.fromkeys(("perf", "performance"), ("performance", "perf")),
    **dict.fromkeys(("security", "sec"), ("security", "fix")),
    **dict.fromkeys(("refactor", "refac", "cleanup", "clean"), ("debt", "refactor")),
    **dict.fromkeys(("style", "sty", "typ", "maint", "mnt", "deprecate"), ("debt", "other")),
    **dict.fromkeys(("test", "tests", "tst"), ("debt", "test")),
    **dict.fromkeys(("docs", "doc"), ("debt", "docs")),
    **dict.fromkeys(("ci", "cicd"), ("infrastructure", "ci")),
    **dict.fromkeys(("build", "bld", "release", "rel", "docker", "packaging"), ("infrastructure", "build")),
    **dict.fromkeys(("deps", "dependencies"), ("dependency", "deps")),
}  # fmt: skip
CHORES = {"chore", "meta", "task", "maint", "mnt", "build", "ci", "cicd", "misc", "deps"}
DEPENDENCY_SCOPES = {"deps", "deps-dev", "dependencies", "dev-deps", "dep", "deps-ci"}
INFRASTRUCTURE_SCOPES = {"ci", "release", "build", "docker", "release-please", "actions", "helm"}
SECURITY_SCOPES = {"security", "sec", "cve"}
LABEL_SCOPES = DEPENDENCY_SCOPES | INFRASTRUCTURE_SCOPES | SECURITY_SCOPES | set(TYPES)

PREFIX = re.compile(
    r"""^[\s*\-]*(?:
        \[(?P<square>!*[A-Za-z]+)\]
      | (?P<type>[A-Za-z]+)(?:\s*[(\[](?P<scope>[^)\]]{0,60})[)\]])?!?\s*:
      | (?P<loose>feat|fix|chore|perf|refactor|tests|docs|style|hotfix)\((?P<loose_scope>[^)]{0,60})\)
    )\s*""",
    re.VERBOSE,
)
BUMP = re.compile(
    r"^(?:bump|upgrade|update|pin|downgrade)s?\b.*(?:\bfrom\b.*)?\b(?:to|from|v|@)\s*v?\d"
    r"|^(?:bump|upgrade|update)s? (?:all |dev |npm |non-major |go |rust )*"
    r"(?:deps|dependenc|lock ?file|cargo.lock|yarn.lock|submodule)",
    re.IGNORECASE,
)
SECURITY = re.compile(
    r"\bCVE-\d{4}-\d+|\bGHSA-|\bvulnerabilit|\bsecurity (?:fix|issue|bug|hole|advis|flaw|problem)"
    r"|\bXSS\b|\bSSRF\b|\bCSRF\b|path traversal|\bsaniti[sz]e (?:user|html|input|url)",
    re.IGNORECASE,
)
NAMED_SECURITY = re.compile(
    r"\[?\bCVE-\d{4}-\d+\b\]?[:/]?|\[SECURITY(?:-\d+)?\]|^SECURITY(?:-\d+)?\b:?|\bGHSA(?:-\w{4}){3}"
)
NOT_A_FIX = re.compile(
    r"\b(?:changelog|release notes?|upgrade|update|bump|ignore|docs?|tests?|comment|typo|list)\b"
    r"|\badd .* to security\b",
    re.IGNORECASE,
)
BOT = re.compile(
    r"\[bot\]|renovate|dependabot|greenkeeper|github-actions|snyk|semantic-release-bot|[-_. ]bot\b|\bbot@",
    re.IGNORECASE,
)
SKIP = re.compile(r"^(?:merge\b|revert|reapply|fixup!|squash!|wip\b)", re.IGNORECASE)
CLEANUP = re.compile(
    r"^(?:remove|clean|refactor|rename|tidy|drop|delete|typo|fix typo|lint|format|simplif|mov(?:e|ing) "
    r"|reorgani|deprecat|fix (?:lint|comment|test|flaky))",
    re.IGNORECASE,
)
BUILD_PATH = re.compile(
    r"^\.github/|^\.circleci/|^\.gitlab|^\.azure|^ci/|^tools/ci|^scripts/(?:release|build|ci)|^hack/"
    r"|(?:^|/)(?:Dockerfile|Makefile|Jenkinsfile|\.goreleaser[^/]*|lerna\.json|\.travis\.yml|appveyor\.yml"
    r"|CODEOWNERS)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Example:
    """One labelled commit, its label's traces removed from the text."""

    repository: str
    sha: str
    label: str
    kind: str
    """The sub-kind (``test``, ``docs``, ``ci``, ...) behind the label."""
    title: str
    body: str
    paths: list[str]
    lines_added: int
    lines_deleted: int


@dataclass(frozen=True)
class Verdict:
    """What a subject line says about itself, and the text without that; an empty label: its paths decide."""

    label: str
    kind: str
    title: str


def verdict(subject: str, body: str) -> Verdict | None:
    """Read the author's own classification; ``None`` where there is none, or an ambiguous one."""
    match = PREFIX.match(subject)
    if SKIP.match(subject):
        return None
    if match is None and NAMED_SECURITY.search(subject):
        title = NAMED_SECURITY.sub(" ", subject).strip()
        return None if NOT_A_FIX.search(title) or not title else Verdict("security", "fix", title)
    if match is None:
        return None
    word = (match["type"] or match["square"] or match["loose"] or "").lstrip("!")
    kind = word.lower()
    scope = (match["scope"] or match["loose_scope"] or "").strip()
    rest = subject[match.end() :].strip()
    if not rest or SKIP.match(rest):
        return None
    again = PREFIX.match(rest)  # "[BUGFIX] !!! fix: ..." and "MAINT: DOC: ...": two names, keep the text only
    if again and (again["type"] or again["loose"] or "").lower() in TYPES:
        rest = rest[again.end() :].strip() or rest
    scopes = {part.strip().lower() for part in re.split(r"[,/ ]", scope)}
    title = f"{scope}: {rest}" if scope and not scopes & LABEL_SCOPES else rest
    insecure = SECURITY.search(f"{rest}\n{body[:600]}") is not None
    bump = BUMP.match(rest) is not None
    if scopes & DEPENDENCY_SCOPES or kind in ("deps", "dependencies") or (kind in CHORES and bump):
        return None if insecure else Verdict("dependency", "deps", title)
    if word == "DEP":  # numpy and scipy: a deprecation
        return Verdict("debt", "other", title)
    if kind == "fix" and (scopes & SECURITY_SCOPES or SECURITY.search(rest)):
        # An upgrade away from a vulnerable version, or work on an audit command, is not clearly either.
        return None if NOT_A_FIX.search(rest) or "audit" in scopes else Verdict("security", "fix", title)
    if kind in TYPES:
        label, sub = TYPES[kind]
        if label == "security":
            return Verdict(label, sub, title)
        if insecure:  # a feature or test about security: not clearly one or the other
            return None
        if label == "bug_fix" and scopes & {
            "ci",
            "build",
            "test",
            "tests",
            "docs",
            "doc",
            "release",
            "docker",
        }:
            fixed = next(iter(scopes & {"ci", "build", "test", "tests", "docs", "doc", "release", "docker"}))
            return Verdict(*TYPES[fixed], title)
        return Verdict(label, sub, title)
    if kind in ("chore", "meta", "misc") and not insecure:
        if scopes & INFRASTRUCTURE_SCOPES:
            return Verdict("infrastructure", "build", title)
        if scopes & {"test", "tests", "docs", "doc"}:
            return Verdict("debt", "other", title)
        if CLEANUP.match(rest):
            return Verdict("debt", "other", title)
        return Verdict("", "build", title)  # decided by its paths
    return None


def clean_body(body: str) -> str:
    """Remove from a message body the types that squash merges leave at line starts."""
    lines = []
    for line in body.splitlines()[:60]:
        match = PREFIX.match(line)
        word = (match["type"] or match["square"] or match["loose"] or "").lower() if match else ""
        lines.append(line[match.end() :] if match and word in TYPES.keys() | CHORES else line)
    return "\n".join(lines)[:3000]


def messages(repository: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (sha, subject, body) of every commit by a person that is no merge."""
    out = subprocess.run(
        ["git", "-C", str(repository), "log", "--no-merges", "--format=%H%x00%an <%ae>%x00%s%x00%b%x01"],
        capture_output=True, check=True,
    ).stdout.decode("utf-8", "replace")  # fmt: skip
    for entry in out.split("\x01"):
        sha, *fields = entry.strip("\n").split("\x00")
        if len(fields) == 3 and not BOT.search(fields[0]):
            yield sha, fields[1], fields[2]


def diffs(repository: Path, shas: list[str]) -> dict[str, tuple[list[str], int, int]]:
    """Look up (paths, lines added, lines deleted) of the given commits; damaged ones are left out."""
    found: dict[str, tuple[list[str], int, int]] = {}
    while shas:
        log = ["git", "-C", str(repository), "log", "--no-walk=unsorted", "--stdin"]
        run = subprocess.run(
            [*log, "--numstat", "--no-renames", "--format=%x01%H"],
            input="\n".join(shas).encode(), capture_output=True, check=False,
        )  # fmt: skip
        entries = run.stdout.decode("utf-8", "replace").split("\x01")[1:]
        # git stops at a commit one of whose files is absent from a partial copy: go on behind it.
        shas = shas[len(entries) + (not entries) :] if run.returncode else []
        for entry in entries[:-1] if run.returncode else entries:
            sha, *lines = entry.split("\n")
            rows = [line.split("\t") for line in lines if line.count("\t") == 2]
            count = [(int(a), int(d)) if a != "-" else (0, 0) for a, d, _ in rows]
            found[sha] = ([p for _, _, p in rows], sum(a for a, _ in count), sum(d for _, d in count))
    return found


def examples(repository: Path, name: str, rng: random.Random) -> Iterator[Example]:
    """Yield at most ``CAP_PER_REPOSITORY_AND_TYPE`` examples per sub-kind of one repository."""
    pools: dict[tuple[str, str], list[tuple[str, Verdict, str]]] = defaultdict(list)
    seen: set[str] = set()
    for sha, subject, body in messages(repository):
        said = verdict(subject, body)
        if said and said.title.lower() not in seen:  # cherry-picks say the same thing again
            seen.add(said.title.lower())
            pools[said.label, said.kind].append((sha, said, body))
    chosen = []
    for _, pool in sorted(pools.items()):
        rng.shuffle(pool)
        chosen += pool[:CAP_PER_REPOSITORY_AND_TYPE]
    found = diffs(repository, [sha for sha, _, _ in chosen])
    for sha, said, body in chosen:
        paths, added, deleted = found.get(sha, ([], 0, 0))
        if not paths:
            continue
        label, kind = said.label, said.kind
        if not label:
            if not all(BUILD_PATH.search(path) for path in paths):
                continue
            label = "infrastructure"
        yield Example(name, sha, label, kind, said.title, clean_body(body), paths[:200], added, deleted)


def advisories(archive: Path, rng: random.Random) -> Iterator[Example]:
    """Yield text-only security examples from the summaries in an archive of OSV records."""
    texts: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.name.endswith((".json", ".yaml")) or (stream := tar.extractfile(member)) is None:
                continue
            record = yaml.load(stream.read(), Loader=yaml.CSafeLoader)  # JSON is YAML too
            text = record.get("summary") or str(record.get("details", "")).split(". ")[0]
            if isinstance(record.get("id"), str) and 12 < len(text) < 200:
                texts.setdefault(text, record["id"])
    for text in rng.sample(sorted(texts), min(ADVISORIES, len(texts))):
        yield Example(archive.name.split("-")[0], texts[text], "security", "advisory", text, "", [], 0, 0)


def hand_labelled(labels: Path, repositories: dict[str, Path]) -> Iterator[Example]:
    """Yield the commits that a person labelled, as they are: nothing is removed from their text."""
    rows = [line.split("\t") for line in labels.read_text().splitlines() if not line.startswith("#")]
    for name, repository in repositories.items():
        mine = {sha: label for given, sha, label in rows if given == name}
        found = diffs(repository, sorted(mine))
        for sha, subject, body in messages(repository):
            if sha in mine and sha in found:
                paths, added, deleted = found[sha]
                yield Example(name, sha, mine[sha], "hand", subject, body[:3000], paths[:200], added, deleted)


def main() -> None:
    """Read the repositories given as ``PATH=NAME`` and write the examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", metavar="PATH=NAME")
    parser.add_argument("--advisories", type=Path, action="append", default=[], metavar="OSV.tar")
    parser.add_argument(
        "--hand", type=Path, metavar="hand_labels.tsv", help="only the commits labelled there"
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.out.open("w", encoding="utf-8") as out:
        if arguments.hand:
            pairs = (given.partition("=") for given in arguments.repositories)
            for example in hand_labelled(arguments.hand, {name: Path(path) for path, _, name in pairs}):
                out.write(json.dumps(asdict(example)) + "\n")
            return
        for given in arguments.repositories:
            path, _, name = given.partition("=")
            counts: Counter[str] = Counter()
            for example in examples(Path(path), name or Path(path).name, random.Random(name)):  # noqa: S311
                out.write(json.dumps(asdict(example)) + "\n")
                counts[example.label] += 1
            print(name, sum(counts.values()), dict(counts.most_common()), flush=True)
        for archive in arguments.advisories:
            for example in advisories(archive, random.Random(archive.name)):  # noqa: S311
                out.write(json.dumps(asdict(example)) + "\n")


if __name__ == "__main__":
    main()
