"""Secrets are taken out before anything is shown: by the name they stand under, and by what they look like.

Names: whole words of a parameter, key or field (`apiKey` and `X-Api-Key` have the words api and key).
Values: the forms that secrets of well-known issuers have, JSON Web Tokens (RFC 7519), private keys (RFC
7468), `Authorization` values, passwords in URLs, card numbers that pass Luhn's check (ISO/IEC 7812-1) and,
unless told otherwise, e-mail addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import Match, Pattern

REDACTED = "[redacted]"
MOST_TEXT = 4096
"""Characters of a text that are looked at; the rest is not shown."""

_WORDS = {
    "password", "passwd", "passphrase", "pwd", "pw", "pass", "secret", "secrets", "token", "tokens", "credential",
    "credentials", "auth", "authorization", "cookie", "cookies", "session", "sessionid", "sid", "csrf", "xsrf", "jwt",
    "bearer", "apikey", "privatekey", "accesskey", "secretkey", "signature", "pin", "otp", "totp", "cvv", "cvc", "ssn",
    "iban", "pan", "cardnumber", "salt", "nonce", "dsn",
}  # fmt: skip
_PAIRS = {
    ("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("encryption", "key"),
    ("signing", "key"), ("card", "number"), ("credit", "card"), ("account", "number"), ("social", "security"),
    ("connection", "string"), ("session", "id"), ("session", "key"), ("one", "time"),
}  # fmt: skip
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENDINGS = ("password", "secret", "token", "apikey", "passwd", "credentials")

_VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
    r"|\b(?:bearer|basic|digest|token)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{12,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{16,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{20,}"
    r"|\bhv[sb]\.[\w-]{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bdop_v1_[a-f0-9]{32,}"
    r"|(?<=://)[^\s/:@]{0,200}:[^\s/@]{1,500}(?=@)"
    r"|(?<=[?&])(?:access_token|api_key|apikey|key|password|secret|sig|signature|token)=[^&\s]+"
    r"|(?:password|passwd|pwd|secret|token|api_?key)[\"']?\s{0,8}[=:]\s{0,8}[\"']?[^\s\"'&,;]{3,}"
    r"|\b[A-Za-z0-9+/_-]{40,}={0,2}",
    re.IGNORECASE | re.DOTALL,
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


class Redaction:
    """What is a secret.

    Args:
        names: further names (regular expressions, anywhere in the name, in any case).
        emails: whether e-mail addresses are secrets.
    """

    def __init__(self, names: Iterable[str] = (), emails: bool = True) -> None:
        self._names: list[Pattern[str]] = []
        self._emails = emails
        for name in names:
            try:
                self._names.append(re.compile(name, re.IGNORECASE))
            except re.error:
                self._names.append(re.compile(re.escape(name), re.IGNORECASE))

    def is_secret(self, name: str) -> bool:
        """Whether what stands under a name is never shown."""
        name = name[:200]
        words = [word.lower() for word in _SPLIT.findall(name)]
        if any(word in _WORDS for word in words):
            return True
        if any(pair in _PAIRS for pair in zip(words, words[1:])):
            return True
        if "".join(words).endswith(_ENDINGS):
            return True
        return any(pattern.search(name) for pattern in self._names)

    def text(self, given: str) -> str:
        """A text without what looks like a secret; at most `MOST_TEXT` characters of it."""
        cut = given[:MOST_TEXT]
        cut = _VALUES.sub(REDACTED, cut)
        cut = _CARD.sub(_unless_no_card, cut)
        if self._emails and "@" in cut:
            cut = _EMAIL.sub(REDACTED, cut)
        return cut

    def number(self, given: int) -> bool:
        """Whether a number looks like one of a card."""
        return 10**12 <= abs(given) < 10**19 and _passes_luhn(str(abs(given)))


def _unless_no_card(found: Match[str]) -> str:
    digits = "".join(each for each in found.group() if each.isdigit())
    return REDACTED if _passes_luhn(digits) else found.group()


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
