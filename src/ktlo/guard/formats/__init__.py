"""A report in the form a reader asks for: people, CI systems, code scanning. Each file is one form of `Report`.

A new form is one file with ``render(report) -> str`` and a line in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ktlo.guard.verdict import Report

FORMATS = {
    "text": "for people: the verdict first, details after",
    "json": "everything, for programs",
    "sarif": "SARIF 2.1.0, for code scanning",
    "junit": "JUnit XML, for CI systems that show tests",
    "github": "GitHub Actions workflow commands: annotations on the lines",
    "markdown": "a comment for a pull request; with --since only what the change adds",
    "gitlab": "GitLab Code Quality: every finding, for merge requests",
    "gitlab-dependencies": "GitLab dependency scanning report: vulnerabilities",
    "gitlab-secrets": "GitLab secret detection report",
    "cyclonedx": "CycloneDX 1.6: bill of materials with the dependency tree, vulnerabilities and their analysis (VEX)",
    "openvex": "OpenVEX 0.2.0: what is known and decided about each vulnerability",
}
"""Name of each form and what it is for."""


def renderer(name: str) -> Callable[[Report], str]:
    """The function that renders a form.

    Raises:
        KeyError: there is no such form.
    """
    if name not in FORMATS:
        raise KeyError(name)
    render: Callable[[Report], str] = import_module(f"ktlo.guard.formats.{name.replace('-', '_')}").render
    return render
