"""``delivery:`` in ktlo.yaml: what is a deployment into production, and how sure a link to an incident must be."""

from __future__ import annotations

from pydantic import Field

from ktlo.settings.strict import Strict


class DeliverySettings(Strict):
    """Deployments and their incidents. See docs/deployments.md for the rules."""

    production: list[str] = Field(
        default_factory=list,
        description="Environments that are production, * as wildcard. Without it: all but those whose name has a word"
        " such as staging, test or preview in it.",
    )
    jobs: list[str] = Field(
        default_factory=lambda: ["*deploy*", "*release to prod*"],
        description="Workflows and pipelines that deploy, * as wildcard; used where no deployment was told.",
    )
    tags: list[str] = Field(
        default_factory=lambda: ["v[0-9]*", "[0-9]*.[0-9]*", "*-v[0-9]*", "*@[0-9]*", "*/v[0-9]*"],
        description="Tags that are released versions, * and [0-9] as wildcards; used where nothing better was told.",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="Confidence from which an incident counts as caused by a deployment."
    )
    half_life_hours: float = Field(
        8,
        gt=0,
        le=720,
        description="Hours after a deployment in which the suspicion halves without evidence.",
    )
    max_gap_hours: float = Field(
        72, gt=0, le=2160, description="An incident that began later than this is linked by persons only."
    )
