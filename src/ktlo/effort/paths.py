"""What a path says about the work: lock files, pipelines, tests, documentation, code nobody wrote by hand.

Regular expressions that Python and the store's engine (RE2) read alike, since rules test paths in Python
and the attribution counts lines in SQL. Names follow GitHub's linguist (vendored, generated).
"""

from __future__ import annotations

import enum
import functools
import re

LOCK_FILE = (
    r"(?i)(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock"
    r"|cargo\.lock|poetry\.lock|pdm\.lock|uv\.lock|pipfile\.lock|conda-lock\.yml|gemfile\.lock|composer\.lock"
    r"|go\.sum|flake\.lock|mix\.lock|pubspec\.lock|podfile\.lock|package\.resolved|packages\.lock\.json"
    r"|gradle\.lockfile|paket\.lock|cartfile\.resolved|requirements[^/]*\.lock|\.terraform\.lock\.hcl)$"
)
"""Versions that a package manager resolved."""

MANIFEST = (
    r"(?i)(?:^|/)(?:package\.json|go\.mod|cargo\.toml|pipfile|gemfile|[^/]+\.gemspec|composer\.json|pom\.xml"
    r"|build\.gradle(?:\.kts)?|libs\.versions\.toml|requirements[^/]*\.(?:txt|in)|requirements/[^/]+\.(?:txt|in)"
    r"|pyproject\.toml|setup\.(?:py|cfg)|environment\.ya?ml|packages\.config|[^/]+\.(?:cs|fs)proj"
    r"|directory\.packages\.props|podfile|mix\.exs|pubspec\.yaml|package\.swift)$"
)
"""Dependencies that a person declares; edited for other reasons as well."""

PIPELINE = (
    r"(?i)^(?:\.github/(?:workflows|actions)/|\.circleci/|\.gitlab/ci/|\.buildkite/|\.azure-pipelines/|\.tekton/"
    r"|\.teamcity/|\.ci/|ci/)"
    r"|(?:^|/)(?:\.gitlab-ci[^/]*\.ya?ml|\.travis\.ya?ml|appveyor\.yml|\.appveyor\.yml|azure-pipelines[^/]*\.yml"
    r"|jenkinsfile[^/]*|\.drone\.yml|bitbucket-pipelines\.yml|cloudbuild\.yaml|\.cirrus\.yml|\.pre-commit-config\.yaml"
    r"|codecov\.ya?ml|\.codecov\.ya?ml|\.goreleaser\.ya?ml|renovate\.json5?|dependabot\.ya?ml)$"
)
"""Continuous integration and release automation."""

INFRASTRUCTURE = r"(?i)\.(?:tf|tfvars)$|(?:^|/)(?:terraform|ansible)/"
"""Machines declared as code. Dockerfiles, charts and deploy/ are left out: for many they are the product."""

TEST = (
    r"(?i)(?:^|/)(?:tests?|specs?|__tests__|testing|testdata|test-data|fixtures|e2e|__snapshots__|__mocks__)/"
    r"|(?:^|/)(?:test_[^/]+\.py|conftest\.py|[^/]+[_.-](?:test|tests|spec)\.[a-z0-9]+)$"
    r"|(?:^|/)[^/]*[a-z0-9](?-i:Tests?|Spec|IT)\.(?:java|kt|scala|cs|swift|groovy|php)$"
)
"""Tests and what they read."""

DOCUMENTATION = (
    r"(?i)(?:^|/)(?:docs?|documentation|man|website|adr|rfcs?)/"
    r"|(?:^|/)(?:readme|changelog|changes|history|news|contributing|authors|maintainers|codeowners|license|notice"
    r"|code_of_conduct|security|upgrading|governance|roadmap|todo)(?:\.[a-z]+)?$"
    r"|\.(?:md|mdx|rst|adoc|asciidoc)$"
)
"""Written for people."""

NOT_BY_HAND = (
    LOCK_FILE + r"|(?i)(?:^|/)(?:vendor|node_modules|third[-_]party|thirdparty|bower_components|pods|carthage"
    r"|external|\.yarn)/"
    r"|(?:^|/)__snapshots__/|\.(?:min\.(?:js|css)|map|snap|svg|ipynb|pb\.go|pb\.cc|pb\.h|designer\.cs|g\.dart)$"
    r"|(?:_pb2(?:_grpc)?\.pyi?|[._-]generated\.[a-z0-9]+|zz_generated[^/]*\.go|_gen\.go|bindata\.go)$"
    r"|(?:^|/)(?:generated|__generated__)/"
)
"""Lock files, vendored and generated code: their lines are nobody's hours."""


class PathKind(enum.StrEnum):
    """What a path is, as far as a rule needs to know."""

    LOCK_FILE = "lock file"
    MANIFEST = "dependency manifest"
    PIPELINE = "pipeline"
    INFRASTRUCTURE = "infrastructure"
    TEST = "test"
    DOCUMENTATION = "documentation"
    OTHER = "other"


def _portable(pattern: str) -> str:
    """Python wants ``(?i)`` at the very beginning; RE2 takes it there too."""
    return "(?i)" + pattern.replace("(?i)", "")


NOT_BY_HAND = _portable(NOT_BY_HAND)

_KINDS = tuple(
    (kind, re.compile(_portable(pattern)))
    for kind, pattern in (
        (PathKind.LOCK_FILE, LOCK_FILE),
        (PathKind.TEST, TEST),
        (PathKind.PIPELINE, PIPELINE),
        (PathKind.DOCUMENTATION, DOCUMENTATION),
        (PathKind.INFRASTRUCTURE, INFRASTRUCTURE),
        (PathKind.MANIFEST, MANIFEST),
    )
)
"""In order: a Dockerfile among test fixtures is a test; a workflow file below docs/ stays documentation."""


@functools.lru_cache(maxsize=1 << 16)
def kind_of_path(path: str) -> PathKind:
    """What a path is; OTHER for the code itself."""
    for kind, pattern in _KINDS:
        if pattern.search(path):
            return kind
    return PathKind.OTHER
