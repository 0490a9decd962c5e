"""What is slow for a function: its own running quantile, from its histograms of the last minutes."""

from __future__ import annotations

from ktlo_instrument.pure import NEVER

FEWEST = 100
"""Calls before anything is called slow."""
HALF_LIFE_SECONDS = 600.0


class History:
    """Decaying histograms of every site, in buckets of its engine's scale."""

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, float]] = {}
        self._scales: dict[int, int] = {}

    def add(self, site: int, histogram: tuple[int, int, list[int]]) -> None:
        """Put in what a fold brought for one site."""
        scale, offset, counts = histogram
        self._scales[site] = scale
        known = self._buckets.setdefault(site, {})
        for place, count in enumerate(counts, offset):
            if count:
                known[place] = known.get(place, 0.0) + count

    def decay(self, seconds: float) -> None:
        """Let time pass."""
        factor = 0.5 ** (seconds / HALF_LIFE_SECONDS)
        for site, known in list(self._buckets.items()):
            kept = {place: weight * factor for place, weight in known.items() if weight * factor > 0.001}
            if kept:
                self._buckets[site] = kept
            else:
                del self._buckets[site]

    def limit(self, site: int, quantile: float, factor: float, floor_ns: float) -> int:
        """Nanoseconds above which a call is slow; `NEVER` while too little is known."""
        known = self._buckets.get(site)
        if not known:
            return NEVER
        total = sum(known.values())
        if total < FEWEST:
            return NEVER
        wanted = total * min(max(quantile, 0.0), 1.0)
        seen = 0.0
        place = 0
        for place in sorted(known):
            seen += known[place]
            if seen >= wanted:
                break
        upper = 2.0 ** ((place + 1) / 2.0 ** self._scales[site])
        return int(min(max(upper * factor, floor_ns), NEVER - 1))
