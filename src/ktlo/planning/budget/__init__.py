"""What share of the team's hours should keep the lights on: the simulation, its prices, and the decision.

``world`` draws what will come from a :class:`~ktlo.planning.demand.Demand`, ``simulate`` lives through it at every
share, ``costs`` prices that, ``decision`` chooses, and the rest explains the choice. All of it is pure and follows
from a seed; ``journal`` alone talks to the state.
"""
