"""One deployment of what several sources tell of it. Pure: claims in, deployments out.

Two claims are one deployment when service, production or not, and version or commit agree (or one tells neither) and
they are within six hours; claims of one source are never one. The tag or digest of an image that cannot be held
against what the other one tells (a build's number and a commit) tells neither, within the hour. The best basis is kept,
and lends what it lacks from the others. Pipelines speak only where no deployment was told, releases only where no
pipeline either, tags only where no release.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ktlo.delivery.naming import bare, same_version
from ktlo.telemetry.images import UNNAMED, are_comparable, is_digest

SAME = dt.timedelta(hours=6)
"""Claims further apart are two deployments."""


class Basis(enum.StrEnum):
    """What kind of thing tells of a deployment, the best first."""

    DEPLOYMENT = "deployment"
    PIPELINE = "pipeline"
    TELEMETRY = "telemetry"
    RELEASE = "release"
    TAG = "tag"


RANK = {basis: rank for rank, basis in enumerate(Basis)}
LIVE = frozenset({"success", "degraded", "unknown"})
"""What came into force; degraded is what came into force and was broken at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one source tells of one deployment.

    Attributes:
        basis: what kind of thing tells it.
        source: identifier of the source.
        external_id: identifier there.
        service: of the catalogue; empty when none.
        team: that owns it.
        repository: empty when none.
        environment: as told.
        is_production: by the name of it.
        version: version or tag.
        sha: whole commit where that is known.
        status: success, degraded, failure, in_progress or unknown.
        actor: who.
        started_at: when it began.
        at: when it was in force.
        url: where a person reads it.
        is_rollback: whether the source itself says that it put back what had been there.
        told_by: everything that told it, as ``source|external_id``.
        message: what the tool says of a failure.
        image: that telemetry saw arrive.
        is_of_image: whether the version is the tag or digest of that image, for nothing else named one.
    """

    basis: Basis
    source: str
    external_id: str
    service: str = ""
    team: str = ""
    repository: str = ""
    environment: str = ""
    is_production: bool = True
    version: str = ""
    sha: str = ""
    status: str = "success"
    actor: str = ""
    started_at: dt.datetime
    at: dt.datetime
    url: str = ""
    is_rollback: bool = False
    told_by: tuple[str, ...] = ()
    message: str = ""
    image: str = ""
    is_of_image: bool = False

    @property
    def key(self) -> str:
        """``source|external_id``."""
        return f"{self.source}|{self.external_id}"

    @property
    def subject(self) -> tuple[str, bool]:
        """Of what it is one: the service, else the repository; in production or not."""
        return self.service or f"repository {self.repository}", self.is_production

    @property
    def is_live(self) -> bool:
        """Whether it came into force."""
        return self.status in LIVE


def unite(claims: Iterable[Claim]) -> list[Claim]:
    """One claim a deployment, by time; ``told_by`` names all that told it."""
    by_subject: dict[tuple[str, bool], list[Claim]] = defaultdict(list)
    for claim in claims:
        by_subject[claim.subject].append(replace(claim, told_by=(claim.key,)))
    united = [one for group in by_subject.values() for one in _one_subject(group)]
    return sorted(united, key=lambda one: (one.at, one.key))


def _one_subject(claims: list[Claim]) -> list[Claim]:
    kept: list[Claim] = []
    for claim in sorted(claims, key=lambda one: (RANK[one.basis], one.at, one.key)):
        near = [
            (not _is_named(one, claim), abs(one.at - claim.at), place)
            for place, one in enumerate(kept)
            if abs(one.at - claim.at) <= SAME and _is_same(one, claim)
        ]
        if near:
            place = min(near)[2]
            kept[place] = _joined(kept[place], claim)
        elif not _speaks_better(kept, claim.basis):
            kept.append(claim)
    return kept


def _speaks_better(kept: list[Claim], basis: Basis) -> bool:
    """Whether something told deployments of this subject so that this kind of claim is only a hint."""
    if basis in (Basis.DEPLOYMENT, Basis.TELEMETRY):
        return False
    return any(one.basis is not basis for one in kept)


def _is_same(one: Claim, two: Claim) -> bool:
    if {key.partition("|")[0] for key in one.told_by} & {two.source}:
        return False
    elsewhere = one.environment.casefold() != two.environment.casefold()
    if one.basis is two.basis and one.environment and two.environment and elsewhere:
        return False
    names, others = _names(one), _names(two)
    if not names or not others or _is_named(one, two):
        return True
    if not (one.is_of_image or two.is_of_image) or abs(one.at - two.at) > UNNAMED:
        return False
    return not any(are_comparable(name, other) for name in names for other in others)


def _names(claim: Claim) -> list[str]:
    return [name for name in (claim.version, claim.sha) if name]


def _is_named(one: Claim, two: Claim) -> bool:
    return any(same_version(name, other) for name in _names(one) for other in _names(two))


def _joined(best: Claim, other: Claim) -> Claim:
    return replace(
        best,
        told_by=(*best.told_by, *other.told_by),
        version=best.version or ("" if is_digest(other.version) and best.sha else other.version),
        sha=best.sha or other.sha,
        repository=best.repository or other.repository,
        environment=best.environment or other.environment,
        actor=best.actor or other.actor,
        url=best.url or other.url,
        is_rollback=best.is_rollback or other.is_rollback,
        image=best.image or other.image,
        status=_status(best, other),
        message=(best.message or other.message) if _status(best, other) in ("failure", "degraded") else "",
    )


def _status(best: Claim, other: Claim) -> str:
    if best.is_live and other.status == "degraded":
        return "degraded"
    return "success" if best.status == "unknown" and other.is_live else best.status


def names_of(claim: Claim) -> frozenset[str]:
    """What a deployment's version is called, as it is compared."""
    return frozenset(filter(None, (bare(claim.version), claim.sha.casefold())))
