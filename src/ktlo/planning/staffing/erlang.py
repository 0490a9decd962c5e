"""Waiting in a queue with several servers, by formula: sizes teams, and is what the simulation is checked by.

Erlang, Elektroteknikeren 1917; the factor for other than exponential work: Allen and Cunneen, in Allen,
Probability, Statistics and Queueing Theory, 1990 (exact for one server: Pollaczek and Khinchine).
"""

from __future__ import annotations

import math


def waits_probability(servers: int, offered: float) -> float:
    """Erlang C: the probability that an arrival has to wait.

    Args:
        servers: people who work on what arrives, at least 1.
        offered: arrivals a week times hours each, divided by the hours of one server a week.

    Returns:
        1 where more is offered than the servers can do.

    Raises:
        ValueError: no server, or a negative load.
    """
    if servers < 1 or not offered >= 0:
        raise ValueError(f"{servers} servers, {offered} offered")
    if offered >= servers:
        return 1.0
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def mean_wait(servers: int, rate: float, work: float, cv: float = 1.0) -> float:
    """Mean wait before the work begins, in the unit of ``work``.

    Args:
        servers: how many work.
        rate: arrivals in a unit of time.
        work: mean time an arrival takes, in that unit.
        cv: coefficient of variation of that time; 1 is exponential.

    Returns:
        Infinity where more arrives than can be done.
    """
    offered = rate * work
    if offered >= servers:
        return math.inf
    return waits_probability(servers, offered) * work / (servers - offered) * (1 + cv * cv) / 2


def least_servers(rate: float, work: float, cv: float, longest_wait: float, most: int) -> int:
    """The fewest servers whose mean wait is at most ``longest_wait``; ``most`` where none is enough."""
    for servers in range(1, most):
        if mean_wait(servers, rate, work, cv) <= longest_wait:
            return servers
    return most
