"""Where the parts of a plan lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class PlanLinks(Protocol):
    """Where the parts of a plan lead; documents lead nowhere."""

    def plan(self, changed: Mapping[str, str]) -> str:
        """The plan with some of what is asked changed."""

    def page(self, name: str) -> str:
        """Another page."""


class NoPlanLinks:
    """Links of a document: none."""

    def plan(self, changed: Mapping[str, str]) -> str:
        """Lead nowhere."""
        del changed
        return ""

    def page(self, name: str) -> str:
        """Lead nowhere."""
        del name
        return ""
