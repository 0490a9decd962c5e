"""What every command loads before it does anything: not what only planning a rota or fitting needs."""

from __future__ import annotations

import subprocess
import sys


def test_the_application_loads_without_the_libraries_that_take_longer_than_most_commands() -> None:
    heavy = ("ortools", "pandas", "scipy.optimize", "scipy.stats")
    asked = f"import sys, ktlo.server.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
