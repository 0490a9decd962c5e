"""Secrets in Vault or OpenBao (KV version 2): references, signing in, reading, writing, keeping tokens alive."""

from ktlo.vault.reference import Reference, is_reference, parse_reference
from ktlo.vault.session import Held, Session, open_session, resolve

__all__ = ["Held", "Reference", "Session", "is_reference", "open_session", "parse_reference", "resolve"]
