"""What a person says about a tool that sends webhooks: what they are about, and where in the body each field is."""

from __future__ import annotations

import enum
from typing import Self

import jmespath
import jmespath.exceptions
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ktlo.sources.csv.config import CsvConfig
from ktlo.sources.csv.dates import DateStyle
from ktlo.sources.csv.fields import Noun, fields_of
from ktlo.sources.hooked import Reference

LONGEST_PATH = 500


class Proof(enum.StrEnum):
    """How the sender proves itself."""

    SECRET = "secret"  # noqa: S105 - a kind of proof
    """The header carries the secret itself (with or without ``Bearer``)."""
    HMAC_SHA256 = "hmac_sha256"
    """The header carries the HMAC-SHA256 of the body, hexadecimal."""
    HMAC_SHA256_BASE64 = "hmac_sha256_base64"


class WebhookConfig(BaseModel):
    """One tool that sends JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="What to call it; part of the webhook's address.")
    noun: Noun = Field(description="What is sent: incidents, issues, deployments, outages or time_off.")
    mapping: dict[str, str] = Field(
        description="Field to its place in the body, as JMESPath: {external_id: alert.id, title: alert.message}."
    )
    items: str = Field("", description="JMESPath of a list, where one webhook holds several.")
    only: str = Field(
        "", description="JMESPath that must be true for a webhook to be used: type == 'incident'."
    )
    deleted: str = Field(
        "",
        description="JMESPath, within an item, that is true of one that is gone: type == 'incident.deleted'.",
    )
    event: str = Field("", description="JMESPath of what the webhook tells of, for the list of deliveries.")
    delivery: str = Field(
        "", description="JMESPath of the sender's identifier of the delivery; else its content."
    )
    states: dict[str, str] = Field(
        default_factory=dict, description="What a state means; common words are known. As for csv."
    )
    severities: dict[str, str] = Field(
        default_factory=dict, description="Severity as sent to severity as you call it."
    )
    dates: DateStyle = Field(DateStyle.UNAMBIGUOUS, description="How dates are written, as for csv.")
    time_zone: str = Field("UTC", description="Zone of times without an offset.")
    webhook_secret: Reference = Field(
        "", description="Reference to the secret: env:NAME, file:PATH or vault:PATH#KEY."
    )
    proof: Proof = Field(Proof.SECRET, description="How the sender proves itself.")
    proof_header: str = Field("Authorization", description="Header that carries the proof.")
    proof_prefix: str = Field("", description="Text before a signature, such as sha256=.")

    @field_validator("name")
    @classmethod
    def _plain(cls, said: str) -> str:
        name = said.strip()
        if not name or not all(letter.isalnum() or letter in "-_." for letter in name):
            raise ValueError("use letters, digits, - _ and . only: it is part of an address")
        return name

    @field_validator("items", "only", "deleted", "event", "delivery")
    @classmethod
    def _path(cls, said: str) -> str:
        if said.strip():
            compiled(said)
        return said.strip()

    @field_validator("mapping")
    @classmethod
    def _paths(cls, said: dict[str, str]) -> dict[str, str]:
        for field, path in said.items():
            try:
                compiled(path)
            except ValueError as error:
                raise ValueError(f"{field}: {error}") from error
        return said

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        needed = [name for name, known in fields_of(self.noun).items() if known.required]
        missing = [name for name in needed if name not in self.mapping]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise ValueError(f"mapping: say where in the body {', '.join(missing)} {verb}")
        self.as_list()
        if self.deleted and "external_id" not in self.mapping:
            raise ValueError("`deleted` needs external_id in the mapping: it tells what is gone")
        return self

    def as_list(self) -> CsvConfig:
        """The same as for a list export whose columns are called as the fields: cells are then read alike.

        Raises:
            ValueError: the noun has no such field, or lacks one that it needs.
        """
        return CsvConfig(
            file="webhook",
            noun=self.noun,
            mapping={field: field for field in self.mapping},
            states=self.states,
            severities=self.severities,
            dates=self.dates,
            time_zone=self.time_zone,
        )


def compiled(path: str) -> jmespath.parser.ParsedResult:
    """A JMESPath, ready to search with.

    Raises:
        ValueError: it is none; says where.
    """
    if len(path) > LONGEST_PATH:
        raise ValueError(f"a path has at most {LONGEST_PATH} characters")
    try:
        return jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as error:
        words = str(error).partition("\n")[0].removeprefix("Invalid jmespath expression: ").rstrip(": ")
        raise ValueError(f"{path!r} is no JMESPath: {words}") from error
