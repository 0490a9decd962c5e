"""What a person says once, in ``ktlo.yaml`` or the environment, and where things are kept.

Only what cannot be found out is asked. Secrets are given by reference (``env:NAME``, ``file:PATH`` or
``vault:PATH#KEY``), never as values. Source of the format: docs/reference/configuration.md, generated from
these models.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ktlo.errors import UserError
from ktlo.settings.bounded_yaml import read_bounded
from ktlo.settings.calendars import CalendarSettings
from ktlo.settings.delivery import DeliverySettings
from ktlo.settings.guard import GuardSettings
from ktlo.settings.instrument import InstrumentSettings
from ktlo.settings.planning import PlanningSettings
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
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description="Address by which others reach ktlo, https://ktlo.example.org; used in what you paste into senders."
        " The one in the browser when empty.",
    )
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
    request_type: str = Field("", description="Request type of a service desk, * as wildcard.")
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
