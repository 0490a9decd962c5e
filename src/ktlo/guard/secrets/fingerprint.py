"""The identity of a found secret that tells nothing about it: rule, path, and a slow salted digest.

scrypt (RFC 7914) makes guessing a weak password from a published baseline cost milliseconds a guess and a
mebibyte each; strong secrets cannot be guessed at all. The salt is that of the baseline, else a fixed one.
"""

from __future__ import annotations

import hashlib

DEFAULT_SALT = b"ktlo secrets, no baseline yet"
_COST, _BLOCK, _LANES = 1 << 11, 8, 1
_BYTES = 16
_REMEMBERED = 20_000


class Fingerprints:
    """Fingerprints under one salt; slow digests are remembered by a quick one, never by the secret.

    Args:
        salt: of the baseline.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = hashlib.sha256(salt).digest()
        self._digests: dict[bytes, bytes] = {}

    def of(self, rule: str, path: str, secret: bytes) -> str:
        """Identity that survives moved lines, other commits and other machines.

        Args:
            rule: id of the rule.
            path: path in the repository.
            secret: the secret.
        """
        quick = hashlib.blake2b(secret, key=self._salt, digest_size=32).digest()
        slow = self._digests.get(quick)
        if slow is None:
            slow = hashlib.scrypt(secret, salt=self._salt, n=_COST, r=_BLOCK, p=_LANES, dklen=_BYTES)
            if len(self._digests) < _REMEMBERED:
                self._digests[quick] = slow
        whole = b"\0".join((rule.encode(), path.encode("utf-8", "surrogateescape"), slow))
        return hashlib.sha256(whole).hexdigest()[: 2 * _BYTES]
