"""Checks that a format carries in itself: a token that fails its own checksum was never issued.

Sources: GitHub blog, "Behind GitHub's new authentication token formats" (2021; CRC-32 of the random part in the
last six characters, base 62, zero-padded), taken over by npm (GitHub changelog of 2021-09-24); RFC 7519 for JWT.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC_DIGITS = 6


def base62_crc32(body: bytes) -> bytes:
    """CRC-32 of ``body`` in base 62, six digits."""
    number, digits = zlib.crc32(body), bytearray()
    for _ in range(_CRC_DIGITS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return bytes(reversed(digits))


def _crc32_base62(secret: bytes) -> bool:
    body = secret.partition(b"_")[2]
    return base62_crc32(body[:-_CRC_DIGITS]) == body[-_CRC_DIGITS:]


def _jwt(secret: bytes) -> bool:
    """Whether the header is a JSON object that names an algorithm, and one that signs."""
    header = secret.partition(b".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(fields, dict) and str(fields.get("alg", "none")).lower() != "none"


CHECKSUMS: Mapping[str, Callable[[bytes], bool]] = {"crc32-base62": _crc32_base62, "jwt": _jwt}
"""Checks by the name rules use."""
