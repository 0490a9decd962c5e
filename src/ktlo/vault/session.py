"""One signed-in session with Vault or OpenBao: reads and writes keys of KV version 2, renews its token, signs in anew.

hvac does the talking; every failure becomes a sentence, and no value ever stands in one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import SecretStr

from ktlo.errors import SourceError, UserError
from ktlo.vault.credentials import Credentials, credentials_from
from ktlo.vault.reference import Reference, parse_reference

T = TypeVar("T")
TIMEOUT = 15.0
"""Seconds that one request may take."""
_SOON = 0.5
"""Part of a token's life after which it is renewed."""
_SHORTEST = 1.0


@dataclass(frozen=True, slots=True)
class Held:
    """What a path of KV version 2 holds now.

    Attributes:
        version: number of the version; 0 when there is none yet.
        values: the table; never shown.
    """

    version: int
    values: Mapping[str, str] = field(repr=False)


class Session:
    """A signed-in client; safe to use from several threads.

    Args:
        credentials: how to sign in.
        clock: seconds that only grow; for tests.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        import hvac

        self._said, self._clock, self._lock = credentials, clock, threading.RLock()
        self._client: Any = hvac.Client(
            url=credentials.address,
            token=credentials.token or None,
            namespace=credentials.namespace or None,
            verify=credentials.authority or True,
            timeout=TIMEOUT,
        )
        self._renew_at: float | None = None
        self._is_signed_in = False
        self._mounts: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._said.address

    def read(self, reference: Reference, version: int | None = None) -> SecretStr:
        """The value of one key.

        Args:
            reference: where it is.
            version: an earlier version; the newest when not given.

        Raises:
            UserError: no such path or key, no permission, nothing to sign in with.
            SourceError: the server is away, sealed, or refuses for now.
        """
        held = self.held(reference, version)
        if reference.key not in held.values:
            what = "there is nothing at this path" if not held.version else f"there is no key {reference.key}"
            raise UserError(
                f"{what} in Vault", where=str(reference), fix="Check path and key with `vault kv get`"
            )
        return SecretStr(held.values[reference.key])

    def held(self, reference: Reference, version: int | None = None) -> Held:
        """The whole table at a reference's path; version 0 and empty when there is none."""
        import hvac.exceptions

        mount, path = self._split(reference)
        try:
            answer = self._ask(
                lambda client: client.secrets.kv.v2.read_secret_version(
                    path=path, version=version, mount_point=mount, raise_on_deleted_version=True
                ),
                str(reference),
            )
        except _AbsentError as absent:
            if isinstance(absent.__cause__, hvac.exceptions.InvalidPath) and not absent.said:
                return Held(self._newest(mount, path), {})
            raise UserError(
                f"Vault has no KV engine at this mount ({absent.said})",
                where=str(reference),
                fix="Begin the path with the mount of a KV version 2 engine; `vault secrets list` shows them",
            ) from None
        data = answer["data"]
        return Held(
            int(data["metadata"]["version"]),
            {
                str(key): value if isinstance(value, str) else str(value)
                for key, value in (data["data"] or {}).items()
            },
        )

    def _newest(self, mount: str, path: str) -> int:
        """The number that the next write must name, where the newest version is deleted; 0 for none."""
        try:
            answer = self._ask(
                lambda client: client.secrets.kv.v2.read_secret_metadata(path=path, mount_point=mount), path
            )
        except (_AbsentError, UserError):
            return 0
        return int(answer["data"]["current_version"])

    def write(self, reference: Reference, value: SecretStr, held: Held) -> int:
        """Write one key and keep the others; the number of the version that was made.

        Args:
            reference: where.
            value: what.
            held: what was there when it was decided to write; anything newer refuses.

        Raises:
            UserError: somebody wrote there meanwhile, or no permission.
            SourceError: the server is away or sealed.
        """
        mount, path = self._split(reference)
        table = {**held.values, reference.key: value.get_secret_value()}
        answer = self._ask(
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                path=path, secret=table, cas=held.version, mount_point=mount
            ),
            str(reference),
        )
        return int(answer["data"]["version"])

    def revoke_lease(self, lease: str) -> None:
        """End a lease: Vault then takes back the credential it stands for.

        Raises:
            UserError: no such lease, or no permission.
        """
        self._ask(lambda client: client.sys.revoke_lease(lease_id=lease), "the lease")

    def is_lease_alive(self, lease: str) -> bool:
        """Whether Vault still knows a lease."""
        try:
            self._ask(lambda client: client.sys.read_lease(lease_id=lease), "the lease")
        except _RefusedError:
            return False
        return True

    def renew(self) -> None:
        """Renew the token if half of its life is over; sign in anew where that is refused."""
        with self._lock:
            if not self._is_signed_in:
                self._sign_in()
            elif self._renew_at is not None and self._clock() >= self._renew_at:
                import hvac.exceptions

                try:
                    self._keep(self._talk(self._client.auth.token.renew_self, "the token")["auth"])
                except hvac.exceptions.VaultError:
                    self._sign_in()

    @property
    def is_signed_in(self) -> bool:
        """True once somebody has asked for something."""
        return self._is_signed_in

    @property
    def seconds_until_renewal(self) -> float | None:
        """Seconds until the token should be renewed; ``None`` when it never ends, 0 before anybody signed in."""
        if not self._is_signed_in:
            return 0.0
        return None if self._renew_at is None else max(0.0, self._renew_at - self._clock())

    def _sign_in(self) -> None:
        said = self._said
        import hvac.exceptions

        try:
            if said.role_id:
                answer = self._talk(
                    lambda: self._client.auth.approle.login(
                        role_id=said.role_id, secret_id=said.secret_id, mount_point=said.role_mount
                    ),
                    "AppRole",
                )
                self._keep(answer["auth"])
            else:
                data = self._talk(self._client.auth.token.lookup_self, "the token")["data"]
                self._keep({"lease_duration": data.get("ttl", 0), "renewable": data.get("renewable", False)})
        except hvac.exceptions.VaultError as error:
            way = "the AppRole" if said.role_id else "the token"
            raise UserError(
                f"Vault does not accept {way}: {_words(error)}",
                where=said.address,
                fix="Give a valid VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID",
            ) from None
        self._is_signed_in = True

    def _keep(self, auth: Mapping[str, Any]) -> None:
        life = float(auth.get("lease_duration") or 0)
        is_renewable = bool(auth.get("renewable")) or bool(self._said.role_id)
        self._renew_at = self._clock() + max(life * _SOON, _SHORTEST) if life and is_renewable else None

    def _split(self, reference: Reference) -> tuple[str, str]:
        """Mount and path within it; Vault is asked, because a mount may have slashes."""
        first, _, rest = reference.path.partition("/")
        with self._lock:
            for mount in self._mounts:
                if reference.path.startswith(mount):
                    return self._mounts[mount], reference.path.removeprefix(mount)
        import hvac.exceptions

        try:
            about = self._ask(
                lambda client: client.adapter.get(f"/v1/sys/internal/ui/mounts/{reference.path}"),
                str(reference),
            )["data"]
        except (UserError, hvac.exceptions.VaultError):
            return first, rest  # policies may hide it; the first folder is the mount nearly always
        if about.get("type") != "kv" or str((about.get("options") or {}).get("version")) != "2":
            raise UserError(
                f"the engine at {about.get('path', first)} is not KV version 2",
                where=str(reference),
                fix="Use a KV version 2 engine: it keeps versions, so nothing is overwritten",
            )
        mount = str(about["path"])
        with self._lock:
            self._mounts[mount] = mount.rstrip("/")
        return mount.rstrip("/"), reference.path.removeprefix(mount)

    def _ask(self, question: Callable[[Any], T], where: str) -> T:
        """Ask once; where the token is refused and a role signs in, sign in anew and ask once more."""
        import hvac.exceptions

        with self._lock:
            self.renew()
            with _as_sentences(where):
                try:
                    return self._talk(lambda: question(self._client), where)
                except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized):
                    if not self._said.role_id:
                        raise
                self._sign_in()
                return self._talk(lambda: question(self._client), where)

    def _talk(self, call: Callable[[], T], where: str) -> T:
        import hvac.exceptions
        import requests

        try:
            return call()
        except requests.RequestException as error:
            raise SourceError(
                f"Vault cannot be reached ({type(error).__name__})",
                where=self._said.address,
                fix="Check VAULT_ADDR and that the server runs; nothing was changed",
            ) from None
        except (hvac.exceptions.VaultDown, hvac.exceptions.VaultNotInitialized) as error:
            raise SourceError(
                f"Vault answers, but not now: {_words(error)}",
                where=self._said.address,
                fix="Unseal it, then try again",
            ) from None
        except (hvac.exceptions.InternalServerError, hvac.exceptions.BadGateway,
                hvac.exceptions.RateLimitExceeded) as error:  # fmt: skip
            raise SourceError(f"Vault failed: {_words(error)}", where=where, fix="Try again later") from None


class _AbsentError(UserError):
    """There is nothing at a path; ``said`` is the server's reason, empty for a plain 404."""

    def __init__(self, said: str, where: str) -> None:
        super().__init__("there is nothing at this path in Vault", where=where)
        self.said = said


class _RefusedError(UserError):
    """The server understood and refused: the request is wrong."""


@contextlib.contextmanager
def _as_sentences(where: str) -> Iterator[None]:
    import hvac.exceptions

    try:
        yield
    except hvac.exceptions.InvalidPath as error:
        raise _AbsentError(_words(error), where) from error
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
        raise UserError(
            f"Vault does not allow this: {_words(error)}",
            where=where,
            fix="Give the token's policy the capability: read, and create and update to write",
        ) from None
    except hvac.exceptions.InvalidRequest as error:
        if "check-and-set" in _words(error):
            raise UserError(
                "somebody wrote to this path in Vault meanwhile; nothing was changed",
                where=where,
                fix="Try again",
            ) from None
        raise _RefusedError(f"Vault refuses: {_words(error)}", where=where) from None
    except hvac.exceptions.VaultError as error:
        raise _RefusedError(f"Vault refuses: {_words(error)}", where=where) from None


def _words(error: Any) -> str:
    """What the server said, without the address (a lease or an accessor may be part of it)."""
    said = " ".join("; ".join(str(one) for one in (error.errors or [])).split())
    return said.replace("1 error occurred: * ", "")[:300]


def open_session(environment: Mapping[str, str] | None = None) -> Session:
    """A session as the environment says; nothing is asked yet.

    Raises:
        UserError: no address, or nothing to sign in with.
    """
    return Session(credentials_from(os.environ if environment is None else environment))


@functools.lru_cache(maxsize=8)
def _shared(credentials: Credentials) -> Session:
    session = Session(credentials)

    def keep() -> None:
        while True:
            wait = session.seconds_until_renewal
            time.sleep(60.0 if wait is None else min(max(wait, _SHORTEST), 60.0))
            if not session.is_signed_in:
                continue
            with contextlib.suppress(UserError, SourceError):  # the next reading tells it
                session.renew()

    threading.Thread(target=keep, name="ktlo-vault", daemon=True).start()
    return session


def resolve(text: str) -> SecretStr:
    """The value that ``vault:PATH#KEY`` refers to; the session is kept, its token renewed in the background.

    Raises:
        UserError: the reference is wrong, leads nowhere, or may not be read.
        SourceError: Vault is away or sealed.
    """
    reference = parse_reference(text)
    return _shared(credentials_from(os.environ)).read(reference)
