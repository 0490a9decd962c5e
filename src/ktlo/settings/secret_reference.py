"""Secrets by reference: ``env:NAME``, ``file:PATH`` or ``vault:PATH#KEY``; never as values."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from ktlo.errors import UserError

SCHEMES = ("env", "file", "vault")
"""What a reference to a secret may begin with."""


def is_secret_reference(text: str) -> bool:
    """True for a text that begins like a reference to a secret."""
    scheme, colon, rest = text.partition(":")
    return bool(colon and rest) and scheme in SCHEMES


def secret(reference: str) -> SecretStr:
    """Resolve a secret given by reference, ``env:NAME``, ``file:PATH`` or ``vault:PATH#KEY``.

    Raises:
        UserError: it is a bare value, or what it refers to is missing.
        SourceError: Vault is away or sealed.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        value = os.environ.get(rest)
        if not value:
            raise UserError(
                f"the environment variable {rest} is not set where ktlo runs",
                fix=f"export {rest}=… in the shell that starts it and start it again, or write file:PATH",
            )
        return SecretStr(value)
    if scheme == "file" and rest:
        try:
            return SecretStr(Path(rest).expanduser().read_text(encoding="utf-8").strip())
        except OSError as error:
            raise UserError(f"the secret file cannot be read: {error.strerror}", where=rest) from error
        except UnicodeDecodeError:
            raise UserError("the secret file is not text", where=rest) from None
    if scheme == "vault" and rest:
        from ktlo.vault import resolve

        return resolve(reference)
    raise UserError(
        "secrets are given by reference, never as values",
        fix="Write env:NAME, file:PATH or vault:PATH#KEY",
    )


def variable_or_reference(name: str) -> str:
    """A secret of an environment variable: its value, or what it refers to; empty when it is not set.

    Raises:
        UserError: it is a reference that leads nowhere.
        SourceError: Vault is away or sealed.
    """
    value = os.environ.get(name, "")
    return secret(value).get_secret_value() if is_secret_reference(value) else value
