"""Where Vault or OpenBao is and as whom to sign in, as the environment says.

By Vault's own names (``VAULT_ADDR``, ``VAULT_TOKEN``, ``VAULT_NAMESPACE``, ``VAULT_CACERT``) or OpenBao's (``BAO_…``),
and ``VAULT_ROLE_ID`` with ``VAULT_SECRET_ID`` for AppRole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ktlo.errors import UserError


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to sign in, as the environment says.

    Attributes:
        address: of the server.
        token: a token; empty when a role signs in.
        role_id: of an AppRole; empty when a token is given.
        secret_id: of the AppRole.
        namespace: empty for none.
        authority: file of certificates to trust; empty for the machine's.
        role_mount: where AppRole is mounted.
    """

    address: str
    token: str = field(default="", repr=False)
    role_id: str = field(default="", repr=False)
    secret_id: str = field(default="", repr=False)
    namespace: str = ""
    authority: str = ""
    role_mount: str = "approle"


def credentials_from(environment: Mapping[str, str]) -> Credentials:
    """Read the environment.

    Raises:
        UserError: no address, or nothing to sign in with.
    """

    def said(*names: str) -> str:
        return next((environment[name].strip() for name in names if environment.get(name, "").strip()), "")

    address = said("VAULT_ADDR", "BAO_ADDR")
    if not address.startswith(("https://", "http://")):
        raise UserError(
            "it is not said where Vault is", fix="export VAULT_ADDR=https://vault.example.org:8200"
        )
    token, place = said("VAULT_TOKEN", "BAO_TOKEN"), said("VAULT_TOKEN_FILE")
    role_id, secret_id = said("VAULT_ROLE_ID"), said("VAULT_SECRET_ID")
    if not token and not role_id:
        file = Path(place).expanduser() if place else Path.home() / ".vault-token"
        try:
            token = file.read_text("utf-8").strip()
        except OSError as error:
            if place:
                raise UserError(
                    f"the file of VAULT_TOKEN_FILE cannot be read: {error.strerror}", where=place
                ) from None
        except UnicodeDecodeError:
            raise UserError("this file holds no token of Vault", where=str(file)) from None
    if not token and not (role_id and secret_id):
        raise UserError(
            "there is nothing to sign in to Vault with",
            fix="export VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID for AppRole",
        )
    return Credentials(
        address.rstrip("/"),
        "" if role_id and secret_id else token,
        role_id if secret_id else "",
        secret_id,
        said("VAULT_NAMESPACE", "BAO_NAMESPACE"),
        said("VAULT_CACERT", "BAO_CACERT"),
        said("VAULT_APPROLE_MOUNT") or "approle",
    )
