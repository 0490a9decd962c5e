"""Secrets in a repository: working tree, staged changes, history, archives. Never prints or stores one.

What a secret looks like is in ``rules.toml``, in the gitleaks format; :func:`scan` is the way in.
"""

from ktlo.guard.secrets.baseline import BASELINE, Baseline, fresh_baseline, read_baseline, write_baseline
from ktlo.guard.secrets.gathering import SecretsOutcome, Tally
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.rulefile import default_rules, load_rules
from ktlo.guard.secrets.scan import Scope, scan, scan_history, scan_staged, scan_tree

__all__ = [
    "BASELINE",
    "Baseline",
    "Limits",
    "Scope",
    "SecretsOutcome",
    "Tally",
    "default_rules",
    "fresh_baseline",
    "load_rules",
    "read_baseline",
    "scan",
    "scan_history",
    "scan_staged",
    "scan_tree",
    "write_baseline",
]
