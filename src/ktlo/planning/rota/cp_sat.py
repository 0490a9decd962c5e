"""OR-Tools' CP-SAT (``ortools.sat.python.cp_model``), loaded with the first name that is asked of it.

It brings pandas along; loading both takes longer than most commands, which plan no rota.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "FEASIBLE", "INFEASIBLE", "OPTIMAL", "UNKNOWN", "CpModel", "CpSolver", "CpSolverSolutionCallback", "IntVar",
    "LinearExpr",
]  # fmt: skip

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import (
        FEASIBLE,
        INFEASIBLE,
        OPTIMAL,
        UNKNOWN,
        CpModel,
        CpSolver,
        CpSolverSolutionCallback,
        IntVar,
        LinearExpr,
    )  # fmt: skip
else:

    def __getattr__(name: str) -> Any:
        from ortools.sat.python import cp_model

        globals()[name] = found = getattr(cp_model, name)
        return found
