"""What a source does with a webhook: prove whose it is, name it, turn it into records.

A source that takes webhooks has the methods of :class:`Hooked` besides those of every source. It keeps to what the
sender documents about signatures; comparisons take constant time. Rows carry the service's own version, so that a
delivery that comes twice, late or out of order ends in the same row as a pull.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar, runtime_checkable

import msgspec
import pyarrow as pa
from pydantic import AfterValidator

from ktlo.errors import SignatureError, UserError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import is_secret_reference, secret

T = TypeVar("T")


def _is_reference(said: str) -> str:
    if said and not is_secret_reference(said):
        # The value is not quoted.
        raise ValueError("secrets are given by reference: write env:NAME, file:PATH or vault:PATH#KEY")
    return said


Reference = Annotated[str, AfterValidator(_is_reference)]
"""A secret in a configuration: a reference, or nothing."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook as it came.

    Attributes:
        headers: by name in lower case.
        body: bytes of the body.
        received_at: when.
        query: parameters of the address, for senders that can prove themselves in no other way.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: dt.datetime
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Names the content, for senders that give no identifier."""
        return hashlib.sha256(self.body).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a source makes of a webhook.

    Attributes:
        event: what it tells of, as the sender names it.
        rows: Arrow batches by table name; empty when nothing in it is used.
        rejected: parts that were turned away, or are in with something missing.
        why_ignored: why nothing is used; empty when something is.
        untold: by table the columns that this sender's webhooks leave empty although they may be known: what the
            store has there is kept.
    """

    event: str
    rows: Mapping[str, pa.RecordBatch] = field(default_factory=dict)
    rejected: tuple[Rejection, ...] = ()
    why_ignored: str = ""
    untold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a person connects the sender.

    Attributes:
        where: where in the sender it is set, in words.
        events: which events to choose.
        proof: how it proves itself with ``webhook_secret``, in words.
        kept_headers: headers that say what a delivery is, in lower case; kept with it.
        paste: what to paste into the sender, with ``ADDRESS`` where its address goes; empty where nothing is.
        reading: number of the mapping; a change by which the same webhook means something else raises it, and kept
            webhooks that were read by an earlier one are read again.
    """

    where: str
    events: tuple[str, ...]
    proof: str
    kept_headers: tuple[str, ...] = ()
    paste: str = ""
    reading: int = 0


@runtime_checkable
class Hooked(Protocol):
    """A source that also takes webhooks."""

    setup: Setup

    @property
    def source_id(self) -> str:
        """As :class:`ktlo.sources.protocol.Source` has it."""
        ...

    @property
    def webhook_secret(self) -> str:
        """Reference to the secret; empty when none is configured."""
        ...

    def verify(self, incoming: Incoming, key: str) -> None:
        """Check that a webhook comes from the sender.

        Args:
            incoming: the webhook.
            key: the secret itself.

        Raises:
            SignatureError: it does not prove that.
        """
        ...

    def name_of(self, incoming: Incoming) -> str:
        """The sender's identifier of this delivery, the same when it is sent again.

        Raises:
            UserError: the body does not tell it; its content names it then.
        """
        ...

    def receive(self, incoming: Incoming) -> Taken:
        """Turn it into rows.

        Raises:
            UserError: the body is not what the sender documents.
        """
        ...


def only_listens(source: object) -> bool:
    """Whether a source has nothing that it could ask: all that it knows was sent to it."""
    return bool(getattr(source, "only_listens", False))


def hears_nothing(source: object) -> bool:
    """Whether webhooks tell a source nothing that it uses, as it is configured."""
    return bool(getattr(source, "hears_nothing", False))


def secret_of(source: Hooked) -> str:
    """The webhook's secret; empty when none is configured.

    Raises:
        UserError: the reference leads nowhere.
    """
    return secret(source.webhook_secret).get_secret_value().strip() if source.webhook_secret else ""


def demand_hmac(incoming: Incoming, key: str, given: str, *, prefix: str = "", encoding: str = "hex") -> None:
    """Demand that ``given`` is the HMAC-SHA256 of the body (RFC 2104).

    Args:
        incoming: the webhook.
        key: shared secret.
        given: what the sender's header says.
        prefix: before the signature, ``sha256=``.
        encoding: ``hex`` or ``base64``.

    Raises:
        SignatureError: it is not.
    """
    expected = hmac.new(key.encode(), incoming.body, "sha256").digest()
    told = given.strip()
    if not told.startswith(prefix) or not told:
        raise SignatureError("the webhook carries no signature", fix="Set the same secret in the sender")
    try:
        text = told.removeprefix(prefix)
        found = bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise SignatureError(
            "the webhook's signature cannot be read",
            fix=f"Let nothing in between change its header: it is {prefix}HMAC-SHA256 of the body in {encoding}",
        ) from None
    if not hmac.compare_digest(found, expected):
        raise SignatureError(
            "the webhook's signature does not match", fix="Set the same secret in the sender"
        )


def demand_token(given: str, key: str) -> None:
    """Demand that the sender says the secret itself.

    Raises:
        SignatureError: it does not.
    """
    if not given:
        raise SignatureError("the webhook carries no secret", fix="Set the same secret in the sender")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise SignatureError("the webhook's secret does not match", fix="Set the same secret in the sender")


def bearer(incoming: Incoming) -> str:
    """The token of ``Authorization: Bearer …``, or the password of Basic; empty when there is neither."""
    scheme, _, said = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return said.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(said.strip(), validate=True).decode().partition(":")[2]
        except (ValueError, binascii.Error):
            return ""
    return ""


def decoded(incoming: Incoming, kind: type[T]) -> T:
    """The JSON body as what the sender documents.

    Raises:
        UserError: it is something else.
    """
    try:
        return msgspec.json.decode(incoming.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"the body is not what this source expects: {error}") from error


def anything(incoming: Incoming) -> Any:
    """The JSON body, whatever it is. Raises as :func:`decoded`."""
    return decoded(incoming, Any)
