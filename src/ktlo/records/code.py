"""Code and its history: commits, the files they touch, tags, and what the current tree looks like.

Filled by ``sources/git``; read by effort (who worked on what), hotspots and debt indicators.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, record


@record("commits", key=("source", "repository", "sha"), order=("repository", "source", "sha"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit reachable from the refs that the source follows."""

    source: Annotated[str, Field("Identifier of the source that delivered the row", label=True)]
    repository: Annotated[str, Field("Repository, as owner/name or the folder's name", label=True)]
    sha: Annotated[str, Field("Object id, hexadecimal")]
    parents: Annotated[tuple[str, ...], Field("Object ids of the parents; two or more in a merge")]
    authored_at: Annotated[dt.datetime, Field("When the author says the change was made")]
    committed_at: Annotated[dt.datetime, Field("When the commit object was made")]
    authored_offset: Annotated[int, Field("Author's offset from UTC", unit="min")]
    author_name: Annotated[str, Field("Author, after the repository's mailmap")]
    author_email: Annotated[str, Field("Author's address, after the repository's mailmap")]
    committer_name: Annotated[str, Field("Committer, after the mailmap")]
    committer_email: Annotated[str, Field("Committer's address, after the mailmap")]
    co_authors: Annotated[
        tuple[str, ...], Field("Co-authored-by trailers as 'Name <mail>', after the mailmap")
    ]
    subject: Annotated[str, Field("First line of the message")]
    body: Annotated[str, Field("Rest of the message, at most 4,000 characters")]
    is_merge: Annotated[bool, Field("True with two or more parents")]
    files_changed: Annotated[int, Field("Files touched, against the first parent", unit="files")]
    lines_added: Annotated[int, Field("Lines added, text files only", unit="lines")]
    lines_deleted: Annotated[int, Field("Lines deleted, text files only", unit="lines")]
    paths: Annotated[tuple[str, ...], Field("Touched paths, the first 50")]
    dated_by: Annotated[
        str,
        Field(
            "author, or committer when the author's date is impossible (before 1971, or after its"
            " own commit by more than a day), or none when both are",
            label=True,
        ),
    ]


@record(
    "file_changes",
    key=("source", "repository", "sha", "path"),
    order=("repository", "path", "source", "sha"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file touched by one commit (merges are left out: their work is in their parents)."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    sha: Annotated[str, Field("The commit")]
    path: Annotated[str, Field("Path after the commit; bytes that are not UTF-8 as \\xNN")]
    old_path: Annotated[str, Field("Path before a rename; empty otherwise")]
    authored_at: Annotated[dt.datetime, Field("When the commit was authored")]
    author_email: Annotated[str, Field("Author's address, after the mailmap")]
    lines_added: Annotated[int, Field("Lines added; 0 in a binary file", unit="lines")]
    lines_deleted: Annotated[int, Field("Lines deleted; 0 in a binary file", unit="lines")]
    is_binary: Annotated[bool, Field("True when git counts no lines")]


@record("tags", key=("source", "repository", "name"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag; most teams tag what they release."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    name: Annotated[str, Field("Tag name without refs/tags/")]
    sha: Annotated[str, Field("The commit it points to")]
    tagged_at: Annotated[dt.datetime, Field("Tagger's date, or the commit's for a light tag")]


@record("files", key=("source", "repository", "path"), order=("repository", "source", "path"))
@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A text file in the tree at the newest collected commit."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    path: Annotated[str, Field("Path in the tree")]
    language: Annotated[str, Field("Language by file name; empty when unknown", label=True)]
    lines: Annotated[int, Field("Lines that are not blank", unit="lines")]
    complexity: Annotated[
        float,
        Field(
            "Sum over lines of indentation depth: the language-neutral proxy of Hindle, Godfrey and"
            " Holt, Reading Beside the Lines, 2008",
            unit="levels",
        ),
    ]
    longest_indent: Annotated[int, Field("Deepest indentation in the file", unit="levels")]
    role: Annotated[str, Field("source, test, docs, config, generated or vendored", label=True)]
    sha: Annotated[str, Field("The commit at which it was measured")]


@record(
    "code_samples",
    key=("source", "repository", "sampled_at"),
    order=("repository", "source", "sampled_at"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSample:
    """Size and complexity of the whole tree at one moment of the past, for the trend."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    sampled_at: Annotated[dt.datetime, Field("The moment that the sample stands for")]
    sha: Annotated[str, Field("The newest commit at that moment")]
    files: Annotated[int, Field("Source files measured", unit="files")]
    lines: Annotated[int, Field("Lines that are not blank, in source files", unit="lines")]
    complexity: Annotated[float, Field("Sum of the files' complexity", unit="levels")]
    markers: Annotated[int, Field("TODO, FIXME, HACK and XXX in source files")]


@record(
    "markers",
    key=("source", "repository", "path", "line"),
    order=("repository", "source", "path", "line"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A TODO, FIXME, HACK or XXX comment in the current tree: debt that its author admitted."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    path: Annotated[str, Field("File")]
    line: Annotated[int, Field("Line number, from 1")]
    word: Annotated[str, Field("TODO, FIXME, HACK or XXX", label=True)]
    text: Annotated[str, Field("The line, at most 200 characters")]
    introduced_at: Annotated[dt.datetime | None, Field("When the line was last changed (blame)")]
    author_email: Annotated[str, Field("Who wrote the line; empty when unknown")]


@record(
    "dependencies",
    key=("source", "repository", "manifest", "name"),
    order=("repository", "source", "manifest", "name"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A dependency that a manifest of the current tree declares, and since when it stands so."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    manifest: Annotated[str, Field("Path of the manifest that declares it")]
    ecosystem: Annotated[str, Field("OSV ecosystem name: PyPI, npm, Go, crates.io…", label=True)]
    name: Annotated[str, Field("Package name as written in the manifest")]
    requirement: Annotated[str, Field("Version or range as written")]
    changed_at: Annotated[
        dt.datetime | None, Field("When that line of the manifest was last changed (blame)")
    ]
