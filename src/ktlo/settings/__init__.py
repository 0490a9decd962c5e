"""What a person says once, in ``ktlo.yaml`` or the environment, and where things are kept.

Only what cannot be found out is asked. Secrets are given by reference (``env:NAME``, ``file:PATH`` or
``vault:PATH#KEY``), never as values. Source of the format: docs/reference/configuration.md, generated from
these models.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from ktlo.errors import UserError
from ktlo.settings.bounded_yaml import read_bounded
from ktlo.settings.calendars import CalendarSettings
from ktlo.settings.delivery import DeliverySettings
from ktlo.settings.instrument import InstrumentSettings
from ktlo.settings.rota import RotaSettings
from ktlo.settings.sql import SqlSettings
from ktlo.settings.strict import Strict
from ktlo.settings.telemetry import TelemetrySettings

FILE_NAME = "ktlo.yaml"
PORT = 5856


class StoreSettings(Strict):
    """Where records and state are kept."""

    url: str = Field(
        "",
        description="ClickHouse server, https://user@host:8443/database; empty for the embedded engine."
        " The password is read from KTLO_STORE_PASSWORD.",
    )
    cluster: str = Field("", description="Name of the ClickHouse cluster; empty on a single server.")
    state: str = Field(
        "", description="SQLAlchemy URL of the state database; empty for SQLite in the data folder."
    )


class ServerSettings(Strict):
    """How the server listens."""

    host: str = Field("127.0.0.1", description="Address to listen on; others need a token.")
    port: int = Field(PORT, ge=0, le=65535, description="Port of the pages and the API.")
    sync_minutes: float = Field(15, gt=0, description="How often sources are read again, in minutes.")


class ServiceSettings(Strict):
    """One service: what different tools call the same thing."""

    repositories: list[str] = Field(default_factory=list, description="owner/name or folder name.")
    paths: list[str] = Field(
        default_factory=list,
        description="Folders or files of it, where several services share a repository: [services/pay, libs/money].",
    )
    names: list[str] = Field(default_factory=list, description="What trackers, pagers and CSV files call it.")
    workloads: list[str] = Field(default_factory=list, description="Orchestrator workloads.")
    telemetry: list[str] = Field(default_factory=list, description="service.name in telemetry.")
    team: str = Field("", description="Owning team.")
    calendar: str = Field(
        "", description="Business calendar, a key of `calendars`; the one named `default` when empty."
    )


class TeamSettings(Strict):
    """One team: who is in it."""

    members: list[str] = Field(default_factory=list, description="Mails or logins.")


class PersonSettings(Strict):
    """One person's aliases, where they cannot be found."""

    aliases: list[str] = Field(default_factory=list, description="Other mails, logins or names.")
    bot: bool = Field(False, description="True for automation that looks like a person.")


class RuleSettings(Strict):
    """A rule of the team's own that gives work items a category. All given conditions must hold."""

    category: Literal[
        "feature",
        "bug_fix",
        "security",
        "performance",
        "dependency",
        "incident",
        "infrastructure",
        "debt",
        "support",
    ] = Field(description="The category to give.")
    label: str = Field("", description="Label of an issue or change, * as wildcard.")
    issue_type: str = Field("", description="Issue type, * as wildcard.")
    title: str = Field("", description="Regular expression searched in the title or subject.")
    branch: str = Field("", description="Branch of a change, * as wildcard.")
    path: str = Field("", description="All touched paths match this, * as wildcard.")
    repository: str = Field("", description="Repository, * as wildcard.")


class EffortSettings(Strict):
    """How activity becomes person-days. See docs/effort.md for the meaning and the defaults."""

    hours_per_day: float = Field(8.0, gt=0, le=24, description="Hours that make one person-day.")
    commit_hours: float = Field(1.0, ge=0, description="Hours for a commit, before its size.")
    commit_hours_per_doubling: float = Field(
        0.5, ge=0, description="Hours added for each doubling of 1 + changed lines."
    )
    review_hours: float = Field(1.0, ge=0, description="Hours for a submitted review.")
    change_hours: float = Field(0.5, ge=0, description="Hours for opening a change.")
    comment_hours: float = Field(0.25, ge=0, description="Hours for a comment.")
    triage_hours: float = Field(
        0.1, ge=0, description="Hours for opening, closing, labelling or assigning an issue."
    )
    incident_hours: float = Field(1.0, ge=0, description="Hours for each step a person takes in an incident.")
    bots: list[str] = Field(
        default_factory=list, description="Further names, mails or logins of bots, * as wildcard."
    )


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


class StaffingSettings(Strict):
    """What staffing cannot read from records; left out, it is drawn from a range (docs/planning-staffing.md)."""

    engineers: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Engineers who can be on duty; those who worked lately when not given.",
    )
    dedicated: int | None = Field(
        None,
        ge=1,
        le=50,
        description="People of the dedicated team to compare with; the best size when not given.",
    )
    on_duty: int | None = Field(
        None,
        ge=1,
        le=50,
        description="People on duty together in a rotation; the best number when not given.",
    )
    hand_over_hours: float | None = Field(
        None,
        ge=0,
        le=80,
        description="Hours that a change of shift costs those who hand over and take over together.",
    )
    unfamiliar: float | None = Field(
        None,
        ge=0,
        le=10,
        description="How much longer an item takes somebody who does not know the place; 0.5 is half as long again.",
    )
    idle_value: float | None = Field(
        None, ge=0, le=1, description="Worth of an hour without items in a dedicated team, 0 to 1."
    )
    duty_value: float | None = Field(
        None, ge=0, le=1, description="Worth of an hour without items on duty in a rotation, 0 to 1."
    )


class PlanningSettings(Strict):
    """What a plan cannot read from records. Prices that are left out stay unknown; see docs/planning.md."""

    currency: str = Field("", max_length=8, description="Currency of the prices: EUR, USD…")
    labour_hour: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="Cost of an hour of labour; without it everything is told in hours.",
    )
    downtime_hour: float | None = Field(
        None, ge=0, le=1e9, description="Cost of an hour of downtime; without it the break-even is shown."
    )
    waiting_week: float | None = Field(
        None, ge=0, le=1e9, description="Cost of an open bug, request or update waiting for one week."
    )
    interruption_minutes: float = Field(
        12.5, ge=0, le=480, description="Minutes lost by each interruption (published: 10 to 15)."
    )
    share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The share of effort for keeping the lights on that is in force, 0 to 1.",
    )
    weeks: int = Field(13, ge=1, le=52, description="Weeks that a plan looks ahead.")
    seed: int = Field(
        1, ge=0, description="Seed of the simulations: the same records and seed, the same plan."
    )
    staffing: StaffingSettings = StaffingSettings()


class SourceSettings(BaseModel):
    """One source; the remaining keys are the source's own (see docs/sources)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="Kind of source: git, github, csv, or an installed one.")
    name: str = Field("", description="A name of your own; found automatically when empty.")


StatusMeaning = Literal["new", "active", "waiting", "mitigated", "resolved", "closed", "cancelled", "ignored"]


class Settings(Strict):
    """Everything in ``ktlo.yaml``."""

    store: StoreSettings = StoreSettings()
    server: ServerSettings = ServerSettings()
    sources: list[SourceSettings] = Field(default_factory=list)
    services: dict[str, ServiceSettings] = Field(default_factory=dict)
    teams: dict[str, TeamSettings] = Field(default_factory=dict)
    people: dict[str, PersonSettings] = Field(default_factory=dict)
    rules: list[RuleSettings] = Field(default_factory=list)
    effort: EffortSettings = EffortSettings()
    guard: GuardSettings = Field(default_factory=GuardSettings)
    planning: PlanningSettings = PlanningSettings()
    rota: RotaSettings = Field(default_factory=RotaSettings)
    telemetry: TelemetrySettings = TelemetrySettings()
    instrument: InstrumentSettings = Field(default_factory=InstrumentSettings)
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    sql: SqlSettings = SqlSettings()
    calendars: dict[str, CalendarSettings] = Field(
        default_factory=dict,
        description="Business calendars by name; `default` is that of services without one. See docs/calendars.md.",
    )
    statuses: dict[str, dict[str, StatusMeaning]] = Field(
        default_factory=dict,
        description="What statuses mean, by source (`jira:acme`) or kind of source (`jira`), then by status; see"
        " docs/phases.md.",
    )
    downtime_severities: list[str] = Field(
        default_factory=list,
        description="Incident severities that mean the service was down; such incidents count as outages.",
    )

    @model_validator(mode="after")
    def _calendars_exist(self) -> Settings:
        for name, service in self.services.items():
            if service.calendar and service.calendar not in self.calendars:
                raise ValueError(f"services.{name}.calendar: there is no {service.calendar!r} in calendars:")
        return self


def data_folder(given: Path | None = None) -> Path:
    """Where the embedded store and the state live: ``--data``, ``KTLO_DATA``, or the user's folder."""
    if given is not None:
        return given.expanduser().absolute()
    named = os.environ.get("KTLO_DATA")
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_data_dir("ktlo", appauthor=False))


def find_settings_file(given: Path | None = None, start: Path | None = None) -> Path | None:
    """The file to read: the one given, ``KTLO_CONFIG``, or the nearest ``ktlo.yaml`` upwards.

    Raises:
        UserError: a file was named that does not exist.
    """
    named = given or (Path(os.environ["KTLO_CONFIG"]) if os.environ.get("KTLO_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise UserError(
                "there is no such settings file",
                where=str(named),
                fix="Check --config or KTLO_CONFIG",
            )
        return named
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def load_settings(file: Path | None) -> Settings:
    """Read settings; defaults when there is no file.

    Raises:
        UserError: the file is not YAML, or says something that is not understood; names the key.
    """
    if file is None:
        return Settings()
    said: Any = read_bounded(file) or {}
    if not isinstance(said, dict):
        raise UserError("expected keys such as services: or rules:", where=str(file))
    try:
        return Settings.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UserError(
            f"{key}: {first['msg']}{more}",
            where=str(file),
            fix="See docs/reference/configuration.md for every key",
        ) from error


SCHEMES = ("env", "file", "vault")
"""What a reference to a secret may begin with."""


def is_secret_reference(text: str) -> bool:
    """True for a text that begins like a reference to a secret."""
    scheme, colon, rest = text.partition(":")
    return bool(colon and rest) and scheme in SCHEMES


def secret(reference: str) -> SecretStr:
    """Resolve a secret given by reference, ``env:NAME``, ``file:PATH`` or ``vault:PATH#KEY``.

    Raises:
        UserError: it is a bare value, or what it refers to is missing.
        SourceError: Vault is away or sealed.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        value = os.environ.get(rest)
        if not value:
            raise UserError(f"the environment variable {rest} is not set", fix=f"export {rest}=…")
        return SecretStr(value)
    if scheme == "file" and rest:
        try:
            return SecretStr(Path(rest).expanduser().read_text(encoding="utf-8").strip())
        except OSError as error:
            raise UserError(f"the secret file cannot be read: {error.strerror}", where=rest) from error
        except UnicodeDecodeError:
            raise UserError("the secret file is not text", where=rest) from None
    if scheme == "vault" and rest:
        from ktlo.vault import resolve

        return resolve(reference)
    raise UserError(
        "secrets are given by reference, never as values",
        fix="Write env:NAME, file:PATH or vault:PATH#KEY",
    )


def variable_or_reference(name: str) -> str:
    """A secret of an environment variable: its value, or what it refers to; empty when it is not set.

    Raises:
        UserError: it is a reference that leads nowhere.
        SourceError: Vault is away or sealed.
    """
    value = os.environ.get(name, "")
    return secret(value).get_secret_value() if is_secret_reference(value) else value
