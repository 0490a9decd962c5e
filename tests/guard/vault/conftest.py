"""Makes the parts of ``vault_parts`` fixtures."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from vault_parts import bao, issuer, leak, signed_in

__all__ = ["bao", "issuer", "leak", "signed_in"]
