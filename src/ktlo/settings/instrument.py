"""What ``ktlo-instrument`` does inside applications: ``instrument:`` in ktlo.yaml. See instrument/README.md."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from ktlo.settings.strict import Strict


def _expression(given: str) -> str:
    try:
        re.compile(given)
    except re.error as problem:
        raise ValueError(f"{given!r} is no regular expression: {problem}") from problem
    return given


class InstrumentRules(Strict):
    """What one service's functions are told; what is not said stays as the application has it."""

    packages: list[str] | None = Field(
        None, description="Patterns of modules that are counted; the application's own code when left out."
    )
    exclude: list[str] | None = Field(
        None, description="Patterns of modules or functions that are left alone, from the next import on."
    )
    detail: bool | None = Field(None, description="Whether single calls are told.")
    quiet: list[str] | None = Field(
        None, description="Patterns of functions whose single calls are never told."
    )
    sample: int | None = Field(None, ge=0, description="One call in so many is told; 0 tells none.")
    slow_quantile: float | None = Field(
        None, gt=0, lt=1, description="Quantile of a function's own history that slow is measured from."
    )
    slow_factor: float | None = Field(
        None, gt=0, description="A call is slow that takes so many times as long."
    )
    slow_floor_ms: float | None = Field(
        None, ge=0, description="Calls below so many milliseconds are never slow."
    )
    details_per_second: int | None = Field(
        None, ge=0, le=10_000, description="Calls told per second and process, all functions together."
    )
    redact: list[Annotated[str, AfterValidator(_expression)]] | None = Field(
        None, description="Names (regular expressions) whose values are never shown, besides those built in."
    )
    redact_emails: bool | None = Field(None, description="Whether e-mail addresses are taken out.")
    open_types: list[str] | None = Field(
        None, description="Fully qualified names of classes whose fields may be shown."
    )


class InstrumentSettings(InstrumentRules):
    """Rules of every service, and of single ones over them."""

    services: dict[str, InstrumentRules] = Field(
        default_factory=dict, description="Rules of single services, by service.name, over those of all."
    )

    def of(self, service: str) -> InstrumentRules:
        """The rules of one service; secrets that all hide stay hidden."""
        own = self.services.get(service, InstrumentRules())
        said = self.model_dump(exclude={"services"}, exclude_none=True)
        said.update(own.model_dump(exclude_none=True))
        if self.redact and own.redact:
            said["redact"] = [*self.redact, *own.redact]
        return InstrumentRules.model_validate(said)
