"""What `ktlo check` asks, and what fails a build (docs/check.md)."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

from ktlo.settings.strict import Strict


class IgnoreSettings(Strict):
    """A finding the team lives with for a while: somebody answers for it, says why, and until when."""

    id: str = Field(min_length=1, description="Advisory (any of its names), rule or fingerprint.")
    package: str = Field("", description="Only for this package, * as wildcard; empty for all.")
    path: str = Field("", description="Only for files that match this, * as wildcard; empty for all.")
    owner: str = Field(min_length=1, description="Who answers for it.")
    reason: str = Field(min_length=1, description="Why it is acceptable for now.")
    expires: datetime.date = Field(description="Last day it holds; after it `ktlo check` fails.")
    justification: Literal[
        "",
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    ] = Field("", description="Why we are not affected, in OpenVEX's words; written to `--format openvex`.")


class SecretCheckSettings(Strict):
    """What the secrets check of `ktlo check` looks at. See docs/check-secrets.md."""

    rules: str = Field("", description="Rules in the gitleaks format; empty for ktlo's own.")
    scope: Literal["tree", "staged", "history"] = Field("tree", description="Where to look.")


class LintSettings(Strict):
    """Which linters must run. Without it those run that the repository has a configuration for."""

    require: list[str] = Field(
        default_factory=list,
        description="Linters that must run, configured or not: one that is not installed is not checked.",
    )
    skip: list[str] = Field(default_factory=list, description="Linters that do not run.")
    trust: list[str] = Field(
        default_factory=list,
        description="Linters that may run the repository's own code (eslint, clippy, golangci-lint). Counts only"
        " in a settings file outside of the repository.",
    )


class LicenseSettings(Strict):
    """Licences that dependencies may have. Without it they are not looked at. SPDX ids, `*` as wildcard."""

    allow: list[str] = Field(default_factory=list, description="Allowed; all others are findings.")
    deny: list[str] = Field(default_factory=list, description="Not allowed, also when `allow` names them.")
    environments: list[str] = Field(
        default_factory=lambda: [".venv", "venv", "node_modules"],
        description="Folders of installed packages that tell licences which lock files do not.",
    )
    known: dict[str, str] = Field(
        default_factory=dict,
        description="Licences that nothing tells, by package: `PyPI:left` or `PyPI:left@1.0`.",
    )

    @property
    def is_given(self) -> bool:
        """True when there is a policy."""
        return bool(self.allow or self.deny)


class GuardSettings(Strict):
    """What `ktlo check` asks, and what fails a build. See docs/check.md."""

    databases: list[str] = Field(
        default_factory=lambda: ["https://api.osv.dev"],
        min_length=1,
        description="Advisory databases: URL of an OSV service, or a folder, zip or tar archive of OSV records.",
    )
    max_age_days: float = Field(7, gt=0, description="Age in days at which a database is too old.")
    lock_files: Literal["expected", "none"] = Field(
        "expected", description="`none` says that a repository without lock files has no dependencies."
    )
    internal: list[str] = Field(
        default_factory=list,
        description="Packages of your own that no database knows, such as `@acme/*` or `PyPI:acme-*`.",
    )
    fail_from: Literal["critical", "high", "medium", "low"] = Field(
        "low", description="Findings of this level and above fail; those of unknown level always do."
    )
    fail_from_development: Literal["critical", "high", "medium", "low", ""] = Field(
        "", description="The same for dependencies that only development needs; empty for no difference."
    )
    fail_from_unreached: Literal["critical", "high", "medium", "low", ""] = Field(
        "",
        description="The same for vulnerabilities whose code ours does not call, as far as the call graph tells"
        " (reachability `imported` or `installed`); empty for no difference.",
    )
    ignores: list[IgnoreSettings] = Field(default_factory=list)
    vex: list[str] = Field(default_factory=list, description="OpenVEX files that speak of dependencies.")
    server: Literal["local", "all", "off"] = Field(
        "local",
        description="Whether the server looks at the repositories it reads: `local` with databases on disk only,"
        " `all` asks services too (they are told names and versions), `off` not at all.",
    )
    server_seconds: float = Field(
        20, gt=0, le=3600, description="Seconds that the server spends on one repository in each collection."
    )
    updates_per_week: int = Field(
        5, ge=1, le=100, description="Updates a week that the rolling plan gives each repository."
    )
    indexes: dict[str, str] = Field(
        default_factory=dict,
        description="Package indexes to ask for release dates, by ecosystem (PyPI, npm, crates.io, Go): address of"
        " each. They are told names of your dependencies; none is asked when it is empty.",
    )
    known_exploited: list[str] = Field(
        default_factory=list,
        description="CISA's catalogue of known exploited vulnerabilities: JSON files, or folders of them.",
    )
    epss: list[str] = Field(
        default_factory=list, description="EPSS scores: CSV files (also .gz), or folders of them."
    )
    reachability: Literal["on", "off"] = Field(
        "on", description="Whether findings tell how near they are to the project's code."
    )
    reachability_seconds: float = Field(
        60, gt=0, le=3600, description="Time for the call graph; what it has not seen by then is unknown."
    )
    environment: str = Field(
        "",
        description="Environment with the dependencies' code (its folder or site-packages), which is read and never"
        " run; `.venv` or `venv` of the repository when empty.",
    )
    symbols: list[str] = Field(
        default_factory=list, description="YAML files that name vulnerable functions by advisory."
    )
    test: str = Field("", description="Command that must succeed after each change of `ktlo check fix`.")
    test_seconds: float = Field(1800, gt=0, le=86_400, description="Time for that command.")
    govulncheck_database: str = Field(
        "",
        description="Vulnerability database for govulncheck, such as `file:///srv/vulndb`; its own when empty.",
    )
    skip: list[str] = Field(
        default_factory=list, description="Checks that do not run; `ktlo check list` names all."
    )
    check_seconds: float = Field(
        600, gt=0, le=86_400, description="Time for each check; one that takes longer is not checked."
    )
    secrets: SecretCheckSettings = SecretCheckSettings()
    lint: LintSettings = LintSettings()
    licenses: LicenseSettings = LicenseSettings()
