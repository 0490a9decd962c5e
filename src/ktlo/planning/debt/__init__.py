"""The debt register: what is owed, what it costs by the month, what to pay first, and what paid off.

``register`` puts entries together, ``schedule`` fits them into weeks, ``payoff`` measures repayments, ``load`` hands
the sum to the budget simulation. docs/planning-debt.md says how each number comes about.
"""

from ktlo.planning.debt.entry import Entry, Kind, Standing, Status
from ktlo.planning.debt.load import debt_load
from ktlo.planning.debt.register import Register, register

__all__ = ["Entry", "Kind", "Register", "Standing", "Status", "debt_load", "register"]
