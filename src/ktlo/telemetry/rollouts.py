"""From the minutes in which versions of a service were seen to the deployments between them. Pure arithmetic.

A version is *gone* when its silence cannot be chance. Seen in s of n minutes in which the service was called, the
chance to miss it in the next m is ((n + 1) / (n + 1 + m))^s, for sightings as a Poisson process whose rate is known
from those only (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.6: Gamma-Poisson). It has to be below one in ten
thousand, before the silence and, where the version comes back for good, after it too: the share of a version falls
when another stands beside it. A service's own silence is no silence of a version. A version that arrives and outlives
all that were there is a deployment; one that had been there before is a rollback; one that goes while the others stay
was a canary.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Minutes = npt.NDArray[np.int64]

CHANCE = 1e-4
"""Chance of a silence below which a version is gone."""
LEAST_SILENCE = 5
"""Minutes of the clock that a version must have been silent."""
MEMORY = 60
"""Active minutes over which it is counted how often a version is seen."""
BACK = 5
"""Sightings after a silence that count as coming back; fewer are stragglers."""
SIDE_BY_SIDE = 24 * 60
"""Minutes after which two versions are no rollout any more but live side by side."""


class Outcome(enum.StrEnum):
    """How an arrival ended."""

    COMPLETE = "complete"
    IN_PROGRESS = "in_progress"
    SIDE_BY_SIDE = "side_by_side"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A version from its arrival to its going.

    Attributes:
        version: which.
        first: minute of the first sighting.
        last: minute of the last sighting.
        is_live: whether it was still there at the end of what is known.
        sightings: minutes in which it was seen.
    """

    version: str
    first: int
    last: int
    is_live: bool
    sightings: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """An arrival of a version beside or after another.

    Attributes:
        version: that arrived.
        previous: that was there before.
        outcome: how it ended.
        is_rollback: whether the version had been there before.
        started: minute of its first sighting.
        finished: minute of the last sighting of what it replaced, or of its own when it was withdrawn; ``None`` while
            neither is known.
    """

    version: str
    previous: str
    outcome: Outcome
    is_rollback: bool
    started: int
    finished: int | None


def stretches(seen: Mapping[str, Minutes]) -> list[Stretch]:
    """Cut each version's sightings where it was gone.

    Args:
        seen: by version, ascending distinct minutes (any origin) in which it reported.

    Returns:
        By first sighting, then version.
    """
    known = {version: minutes for version, minutes in seen.items() if minutes.size}
    if not known:
        return []
    active = np.unique(np.concatenate(list(known.values())))
    found: list[Stretch] = []
    for version, minutes in known.items():
        place = np.searchsorted(active, minutes)
        # The end of what is known is a gap like any other.
        missed = np.diff(place, append=active.size) - 1
        passed = np.diff(minutes, append=max(int(active[-1]), int(minutes[-1])) + 1) - 1
        begin = 0
        for gap in np.flatnonzero((missed >= LEAST_SILENCE) & (passed >= LEAST_SILENCE)):
            first, last = int(place[begin]), int(place[gap])
            since = max(first, last - MEMORY + 1)
            sightings = int(gap) + 1 - max(begin, int(np.searchsorted(place, since)))
            if _by_chance(sightings, last - since + 1, int(missed[gap])) >= CHANCE:
                continue
            if gap + 1 < place.size:
                until = int(place[gap + 1]) + MEMORY
                again = int(np.searchsorted(place, until)) - int(gap) - 1
                after = min(until, active.size) - int(place[gap + 1])
                if again >= BACK and _by_chance(again, after, int(missed[gap])) >= CHANCE:
                    continue
            found.append(
                Stretch(version, int(minutes[begin]), int(minutes[gap]), False, int(gap) + 1 - begin)
            )
            begin = int(gap) + 1
        if begin < minutes.size:
            found.append(
                Stretch(version, int(minutes[begin]), int(minutes[-1]), True, int(minutes.size) - begin)
            )
    return sorted(found, key=lambda one: (one.first, one.version))


def _by_chance(sightings: int, of: int, missed: int) -> float:
    """Chance not to see a version for so many minutes that was seen so often in so many."""
    return float(((of + 1) / (of + 1 + missed)) ** sightings)


def rollouts(seen: Mapping[str, Minutes]) -> list[Rollout]:
    """Find the deployments of one service in one environment.

    Args:
        seen: as for :func:`stretches`. The version without a name is nothing that can be deployed and is left out.

    Returns:
        By start. What was there first is no deployment: nothing tells when it came.
    """
    named = {version: minutes for version, minutes in seen.items() if version}
    cut = stretches(named)
    if not cut:
        return []
    end = max(int(minutes[-1]) for minutes in named.values() if minutes.size)
    found: list[Rollout] = []
    for number, one in enumerate(cut):
        before = cut[:number]
        others = [other for other in before if other.first < one.first and other.version != one.version]
        if not others:
            continue
        there = [other for other in others if other.is_live or other.last >= one.first]
        latest = max(there or others, key=lambda other: (other.last, other.first))
        if not there and latest.version != one.version:
            # Was the same version last seen, only with silence between, then nothing was deployed.
            same = [other for other in before if other.version == one.version]
            if same and max(other.last for other in same) >= latest.last:
                continue
        outcome, finished = _outcome(one, there, end)
        earlier = [other.last for other in before if other.version == one.version]
        is_straggler = outcome is Outcome.WITHDRAWN and one.first - max(earlier, default=0) < SIDE_BY_SIDE
        is_rare = outcome is Outcome.IN_PROGRESS and one.sightings < BACK
        if earlier and (is_straggler or is_rare):
            continue  # a last word of the version that was replaced
        found.append(Rollout(one.version, latest.version, outcome, bool(earlier), one.first, finished))
    return _without_repeats(found)


def _outcome(one: Stretch, there: list[Stretch], end: int) -> tuple[Outcome, int | None]:
    outlived = [other for other in there if not other.is_live and other.last < _until(one)]
    if len(outlived) == len(there):
        return Outcome.COMPLETE, max([one.first, *(other.last for other in outlived)])
    if not one.is_live or end - one.last > SIDE_BY_SIDE:
        return Outcome.WITHDRAWN, one.last
    return (Outcome.SIDE_BY_SIDE if end - one.first > SIDE_BY_SIDE else Outcome.IN_PROGRESS), None


def _until(one: Stretch) -> float:
    return np.inf if one.is_live else one.last


def _without_repeats(found: list[Rollout]) -> list[Rollout]:
    """A canary that is seen now and then, withdrawn again and again beside one version, is told once."""
    kept: list[Rollout] = []
    canaries: dict[tuple[str, str], int] = {}
    for one in found:
        if one.outcome is not Outcome.WITHDRAWN:
            canaries.clear()
            kept.append(one)
            continue
        place = canaries.get((one.version, one.previous))
        if place is None:
            canaries[one.version, one.previous] = len(kept)
            kept.append(one)
        else:
            first = kept[place]
            kept[place] = Rollout(
                first.version, first.previous, first.outcome, first.is_rollback, first.started, one.finished
            )
    return kept
