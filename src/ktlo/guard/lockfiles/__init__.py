"""Dependencies from lock files: what a project installs, in which exact versions, and what nobody can tell.

``read_lock_files`` walks a folder; formats are listed in ``registry`` and described in docs/check-lockfiles.md.
"""

from ktlo.guard.lockfiles.protocol import Limits, UnreadableError
from ktlo.guard.lockfiles.walk import read_lock_files

__all__ = ["Limits", "UnreadableError", "read_lock_files"]
