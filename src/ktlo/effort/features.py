"""A work item as the category model sees it: hashed words of title and body, its paths, the shape of its diff."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

BUCKETS: Final = 1 << 16
"""Columns of the hashed feature space; a power of two."""
CHUNK: Final = 4096
"""Items scored at a time: bounds memory, and lets row numbers fit 16 bits, which numpy sorts by radix."""
TITLE_LIMIT, BODY_LIMIT, PATH_LIMIT = 300, 1500, 64
"""Characters of title and body, and number of paths, that are read; what an item is for, its start says."""
_WORD = re.compile(r"v?\d+(?:\.\d+)+[\w.-]*|\d+|[^\W\d_]{2,30}")
_NOISE = re.compile(r"https?://\S+|^[A-Za-z]+(?:-[A-Za-z]+)+:.*$", re.MULTILINE)
"""Links, and trailers such as Signed-off-by."""
_SUFFIX = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|s|e)$")
_MANIFESTS: Final = (
    r"package\.json|go\.mod|cargo\.toml|pom\.xml|requirements[^/]*\.txt|setup\.(?:py|cfg)|pyproject\.toml"
    r"|gemfile|[^/]*\.gemspec|composer\.json|build\.gradle(?:\.kts)?|[^/]*\.csproj"
)
_PROSE: Final = "readme|changelog|changes|history|news|contributing|authors"
_CI: Final = (
    r"\.github/|\.circleci/|\.gitlab|\.travis|azure-pipelines|jenkinsfile|appveyor|\.drone|\.buildkite|ci/"
)
_TESTS: Final = "tests?|specs?|__tests__|testing|testdata|fixtures|e2e"
_BUILD: Final = (
    r"makefile|dockerfile|cmakelists|configure|docker-compose|chart\.yaml|helm/|deploy|tox\.ini|noxfile"
    r"|meson\.build|[^/]*\.(?:mk|am|m4|cmake|tf)"
)
_KINDS_OF_PATH: Final = (
    ("test files", re.compile(rf"(?:^|[/_.-])(?:{_TESTS})(?:[/_.-]|$)")),
    (
        "documentation",
        re.compile(rf"(?:^|/)(?:docs?|documentation|man)/|\.(?:md|rst|adoc|txt)$|(?:^|/)(?:{_PROSE})"),
    ),
    ("continuous integration", re.compile(rf"(?:^|/)(?:{_CI})")),
    ("a lock file", re.compile(r"(?:lock\.json|\.lock|lock\.yaml|go\.sum|shrinkwrap\.json)$|(?:^|/)vendor/")),
    ("a dependency list", re.compile(rf"(?:^|/)(?:{_MANIFESTS})$")),
    ("build or deployment files", re.compile(rf"(?:^|/)(?:{_BUILD})")),
)
"""What a path is, in plain words, by patterns on its lower-case form."""
_ANY_KIND: Final = re.compile("|".join(pattern.pattern for _, pattern in _KINDS_OF_PATH))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a work item: a commit, a change or an issue."""

    title: str
    body: str = ""
    paths: Sequence[str] = ()
    lines_added: int | None = None
    """Lines; ``None`` where there is no diff (issues)."""
    lines_deleted: int | None = None


class _Hashes(dict[str, int]):
    """Feature hash of a word, remembered, since words repeat; emptied when full, so memory is bounded."""

    def __init__(self, salt: str) -> None:
        super().__init__()
        self.salt = salt

    def __missing__(self, word: str) -> int:
        if len(self) > 200_000:
            self.clear()
        text = "0" if word.isdigit() else "0.0" if "." in word else _SUFFIX.sub("", word)
        value = self[word] = zlib.crc32(f"{self.salt}{text}".encode("utf-8", "surrogatepass"))
        return value


class _Paths(dict[str, tuple[list[int], list[str]]]):
    """Feature hashes of a path (folders, name, extension, kind) with their plain names, remembered."""

    def __missing__(self, path: str) -> tuple[list[int], list[str]]:
        if len(self) > 50_000:
            self.clear()
        lower = path.lower()[-200:]
        *folders, name = lower.split("/")
        names = [f"{folder}/" for folder in dict.fromkeys(folders[:6])] + [name]
        if name.rfind(".") > 0:
            names.append(f"*{name[name.rfind('.') :]}")
        if _ANY_KIND.search(lower):
            names += [kind for kind, pattern in _KINDS_OF_PATH if pattern.search(lower)]
        hashes = [zlib.crc32(f"p:{n}".encode("utf-8", "surrogatepass")) for n in names]
        value = self[path] = (hashes, names)
        return value


_SUBJECT, _BODY, _FIRST, _PATH = _Hashes("s:"), _Hashes("b:"), _Hashes("f:"), _Paths()


@dataclass(frozen=True, slots=True)
class Features:
    """Sparse rows, in row order; the first three arrays and ``names`` have one entry per feature."""

    columns: Indices
    values: Floats
    rows: Indices
    starts: Indices
    """First entry of each row; each row has at least its shape."""
    names: npt.NDArray[np.intp]
    """Index into ``words`` of the plain name; below zero: the shape of the diff, which has none."""
    words: list[str]
    silent: npt.NDArray[np.bool_]
    """Rows without a word or a path."""


def _mix(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Indices:
    """Hash pairs of 32-bit hashes into one (Knuth's multiplicative hash)."""
    left = np.multiply(first.astype(np.uint64), np.uint64(2654435761))
    right = np.multiply(second.astype(np.uint64), np.uint64(2246822519))
    mixed: Indices = np.right_shift(left + right, np.uint64(13)).astype(np.int64) & 0xFFFFFFFF
    return mixed


def features(items: Sequence[Evidence]) -> Features:
    """Turn up to ``CHUNK`` items into sparse rows.

    Args:
        items: The work items; of each, only the first part of a long text is read.

    Returns:
        Rows whose groups (title, word pairs, body, paths, shape) each have about unit length, so that a long
        body does not shout down a title.
    """
    subject: list[int] = []
    first: list[int] = []
    body: list[int] = []
    path: list[int] = []
    subject_words: list[str] = []
    body_words: list[str] = []
    path_words: list[str] = []
    counts = np.zeros((4, len(items)), dtype=np.int64)  # title words, first words, body words, path features
    shape = np.full((3, len(items)), -1, dtype=np.int64)
    for row, item in enumerate(items):
        words = _WORD.findall(item.title[:TITLE_LIMIT].lower())
        if words:
            subject += [_SUBJECT[word] for word in words]
            subject_words += words
            first.append(_FIRST[words[0]])
            counts[:2, row] = len(words), 1
        if item.body:
            said = list(dict.fromkeys(_WORD.findall(_NOISE.sub("", item.body[:BODY_LIMIT].lower()))))
            body += [_BODY[word] for word in said]
            body_words += said
            counts[2, row] = len(said)
        before = len(path)
        for one in item.paths[:PATH_LIMIT]:
            hashes, names = _PATH[one]
            path += hashes
            path_words += names
        counts[3, row] = len(path) - before
        shape[0, row] = len(item.paths)
        if item.lines_added is not None and item.lines_deleted is not None:
            shape[1:, row] = max(item.lines_added, 0), max(item.lines_deleted, 0)

    number = np.arange(len(items))
    rows = [np.repeat(number, count) for count in counts]
    s = np.array(subject, dtype=np.int64)
    follows = np.flatnonzero(rows[0][1:] == rows[0][:-1])
    pairs = _mix(s[follows], s[follows + 1])
    first_word = np.cumsum(counts[0]) - counts[0]
    shapes = _shape_codes(shape)
    length = np.maximum(counts, 1).astype(np.float32)
    files = np.clip([len(item.paths) for item in items], 1, PATH_LIMIT).astype(np.float32)
    n_subject, n_body = len(subject_words), len(body_words)
    at_body, at_path, at_pair = n_subject, n_subject + n_body, n_subject + n_body + len(path)
    pieces = [
        (s, rows[0], 1 / np.sqrt(length[0])[rows[0]], np.arange(n_subject)),
        (pairs, rows[0][follows], 1 / np.sqrt(length[0])[rows[0][follows]], at_pair + follows),
        (np.array(first, dtype=np.int64), rows[1], np.full(len(first), 0.7), first_word[rows[1]]),
        (
            np.array(body, dtype=np.int64),
            rows[2],
            0.8 / np.sqrt(length[2])[rows[2]],
            at_body + np.arange(n_body),
        ),
        (np.array(path, dtype=np.int64), rows[3], 0.5 / files[rows[3]], at_path + np.arange(len(path))),
        (shapes.ravel(), np.tile(number, len(shapes)), np.full(shapes.size, 0.3), np.full(shapes.size, -1)),
    ]
    column, owner, value, name = (np.concatenate(part) for part in zip(*pieces, strict=True))
    order = np.argsort(owner.astype(np.uint16), kind="stable")
    owner = owner[order]
    word_pairs = [f"{a} {b}" for a, b in itertools.pairwise([*subject_words, ""])]
    return Features(
        columns=(column & (BUCKETS - 1))[order],
        values=value.astype(np.float32)[order],
        rows=owner,
        starts=np.searchsorted(owner, number),
        names=name[order],
        words=subject_words + body_words + path_words + word_pairs,
        silent=counts.sum(axis=0) == 0,
    )


def _shape_codes(shape: Indices) -> Indices:
    """Describe (files, lines added, lines deleted) by five hashed codes: three sizes and two joint ones."""
    size = np.where(shape < 0, 15, np.minimum(np.log2(np.maximum(shape, 0) + 1).astype(np.int64), 11))
    changed = np.maximum(shape[1] + shape[2], 1)
    ratio = np.where(shape[1] < 0, 6, np.rint(4 * np.maximum(shape[1], 0) / changed).astype(np.int64))
    codes = [
        size[0],
        size[1],
        size[2],
        ratio * 16 + np.minimum(size[1:].max(axis=0), 15),
        ratio * 16 + size[0],
    ]
    return np.stack([_mix(code + 1000 * k, np.full_like(code, 77 + k)) for k, code in enumerate(codes)])
