"""How a question fails, as programs that speak ClickHouse's protocol expect it: a code, a text, an HTTP status.

Codes are ClickHouse's own (``ErrorCodes.cpp``); statuses follow its HTTP handler.
"""

from __future__ import annotations

UNKNOWN_DATABASE, BAD_ARGUMENTS, QUERY_TOO_LARGE, NOT_IMPLEMENTED = 81, 36, 307, 48
DENIED, WRONG_KEY, TOO_MANY, CANCELLED, INTERNAL = 497, 516, 202, 394, 1002
TIMEOUT, MEMORY, TOO_LARGE = 159, 241, 396

_NAMES = {
    UNKNOWN_DATABASE: "UNKNOWN_DATABASE",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    QUERY_TOO_LARGE: "TOO_MANY_BYTES",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    DENIED: "ACCESS_DENIED",
    WRONG_KEY: "AUTHENTICATION_FAILED",
    TOO_MANY: "TOO_MANY_SIMULTANEOUS_QUERIES",
    CANCELLED: "QUERY_WAS_CANCELLED",
    INTERNAL: "UNKNOWN_EXCEPTION",
}
_STATUSES = {
    403: (DENIED, WRONG_KEY, 192, 193, 194, 164),
    400: (6, 27, 38, 41, 43, 53, 62, 69, 70, 72, 117, 130, 386, 456, 457, BAD_ARGUMENTS),
    404: (46, 47, 50, 60, 73, UNKNOWN_DATABASE, 115),
    413: (QUERY_TOO_LARGE,),
    501: (NOT_IMPLEMENTED,),
    503: (TOO_MANY,),
}


class FailedError(Exception):
    """A question that has no answer.

    Attributes:
        code: ClickHouse's number of the error.
        text: what was wrong.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """HTTP status."""
        return next((status for status, codes in _STATUSES.items() if self.code in codes), 500)

    def body(self, version: str) -> bytes:
        """The text as ClickHouse writes it, which drivers take apart."""
        name = _NAMES.get(self.code, "")
        named = f" ({name})" if name and not self.text.rstrip(".").endswith(f"({name})") else ""
        text = f"{self.text.rstrip('.')}.{named}"
        return f"Code: {self.code}. DB::Exception: {text} (version {version} (ktlo))\n".encode()
