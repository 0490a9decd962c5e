"""A reference to a secret in Vault: ``vault:PATH#KEY``, where PATH begins with the mount of the KV engine.

It is what stands in a file or in ``ktlo.yaml`` instead of the secret; it says where the secret is and nothing of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ktlo.errors import UserError

SCHEME = "vault:"
_PATH = re.compile(r"[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@ -]+)+")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_FIX = "Write vault:MOUNT/PATH#KEY, such as vault:secret/shop/payments#API_KEY"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept.

    Attributes:
        path: mount and path, without ``data/``: ``secret/shop/payments``.
        key: the key in the secret's table.
    """

    path: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.path}#{self.key}"


def is_reference(text: str) -> bool:
    """True for what begins like a reference to Vault."""
    return text.startswith(SCHEME)


def parse_reference(text: str) -> Reference:
    """Read a reference.

    Raises:
        UserError: it is not of the form ``vault:PATH#KEY``; the text itself is not quoted, it may be a secret.
    """
    if not is_reference(text):
        raise UserError("a reference to Vault begins with vault:", fix=_FIX)
    path, hash_sign, key = text.removeprefix(SCHEME).partition("#")
    path = path.strip("/")
    if not hash_sign or not _PATH.fullmatch(path) or not _KEY.fullmatch(key):
        raise UserError("this is no reference to Vault: it needs a mount, a path and a key", fix=_FIX)
    if {".", ".."} & set(path.split("/")):
        raise UserError("a path in Vault has no . or .. in it", fix=_FIX)
    mount, _, rest = path.partition("/")
    if rest.startswith("data/"):
        # As the HTTP API writes it, and other tools after it; Vault's own command line and ktlo leave it out.
        path = f"{mount}/{rest.removeprefix('data/')}"
    return Reference(path, key)
