"""Tells real secrets from what only looks like one, by the secret and what stands around it.

Each reason has a name, and how often it dismissed something is reported: what is not shown is at least counted.
Thresholds were chosen by looking at what the rules match in real repositories (docs/check-secrets.md).
"""

from __future__ import annotations

import math
import re
from collections import Counter

from ktlo.guard.secrets.rules import Context

_PLACEHOLDERS = re.compile(
    rb"example|sample|placeholder|change[_-]?(?:me|this|it)|dummy|redacted|your[_-]|my[_-]?(?:secret|token|password|key)"
    rb"|insert|replace|todo|fixme|f[o0]{2}b[a4]r|lorem|x{4,}|\*{3,}|\.{3,}|<[a-z_ -]+>|not[_-]?a?[_-]?real|fake"
    rb"|s[e3]cr[e3]t[_-]?(?:key|token|here)|some[_-]",
    re.IGNORECASE,
)
_TOKEN_PLACEHOLDERS = re.compile(
    rb"example|sample_|placeholder|change[_-]?me|dummy_|redacted|your[_-]|x{6,}|\*{3,}|\.{3,}|<[a-z_ -]+>",
    re.IGNORECASE,
)
"""Only what a random token will not hold by chance."""
_SEQUENCES = re.compile(rb"0123456|1234567|7654321|abcdefg|deadbeef|qwerty|a1b2c3|(.)\1{5,}", re.IGNORECASE)
_TEMPLATES = re.compile(
    rb"\$\{|\$\(|\{\{|\}\}|\{%|<%|%\(|\{[A-Za-z_][\w.()]*\}|^\$[A-Za-z_]|^%[A-Za-z_]+%|^@|^#\{|:\w+:"
)
_REFERENCES = re.compile(
    rb"^(?:process\.env|os\.environ|getenv|env\(|vault:|env:|file:|arn:|ref\+|op://|secretref|!|&|\*)"
    rb"|^(?:https?|git|ssh|file|data)[:/]|[()\[\]<>{};]|::|\.{2}|^[./~]|\\[nrtux]",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(
    rb"^[A-Za-z_][A-Za-z]*(?:[-_./:][A-Za-z]+)*[0-9]{0,2}$|^(?:[A-Za-z]{2,}[-_./:]){2,}[A-Za-z0-9]{1,8}$"
)
_VERSION = re.compile(rb"^[\w@/-]*?[~^v=]?\d+\.\d+(?:\.\d+)*(?:[-+][\w.]+)?$")
_TOKEN_LIKE = re.compile(rb"^[A-Za-z0-9_.=+/~@!#$%^&*?,:|-]+$")
_HASHES = re.compile(
    rb"sha(?:1|224|256|384|512)|md5|integrity|checksum|digest|fingerprint|public[_-]?key|\betag\b",
    re.IGNORECASE,
)
_LOCK_FILES = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|poetry\.lock|uv\.lock"
    r"|pdm\.lock|pylock[\w.-]*\.toml|Pipfile\.lock|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock"
    r"|gradle\.lockfile|flake\.lock|packages\.lock\.json)$|\.(?:min\.js|min\.css|js\.map|css\.map|svg|po|pot|snap)$",
    re.IGNORECASE,
)
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_LONG_LINE = 5_000
"""Characters from which a line counts as minified or data."""
_STRETCH = 200
"""Characters of base64 around a token that make it a piece of encoded data."""
_LOCAL_HOSTS = re.compile(
    rb"@(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|(?:[\w-]+\.)?example\.(?:com|org|net)|host|hostname|server)\b"
)
_PASSWORDS = re.compile(
    rb"^(?:pass(?:word|wd)?|pwd|pw|secret|token|root|admin|user(?:name)?|postgres|mysql|guest|test\w*|x+|hunter2|tiger\S{0,6}|key|api_?key|rabbitmq|redis|mongo|s3cr3t|foo|bar|baz)[0-9]{0,4}$",
    re.IGNORECASE,
)


def entropy(secret: bytes) -> float:
    """Shannon entropy, bits per byte."""
    size = len(secret)
    return -sum(n / size * math.log2(n / size) for n in Counter(secret).values()) if size else 0.0


def is_lock_or_minified(path: str) -> bool:
    """Whether generic rules make no sense in this file: lock files, minified files, maps, drawings."""
    return _LOCK_FILES.search(path) is not None


def dismissal(context: Context, data: bytes, start: int, end: int, line: bytes) -> str:
    """Why the secret at ``data[start:end]`` is not believed; empty when it is.

    Args:
        context: how sceptical the rule is.
        data: the text.
        start: where the secret starts.
        end: where it ends.
        line: the line it starts on; cut when it is long.
    """
    if context is Context.NONE:
        return ""
    secret = data[start:end]
    if len(secret) < 1_000 and _SEQUENCES.search(secret):
        return "sequence"
    placeholders = _PLACEHOLDERS if context is Context.GENERIC else _TOKEN_PLACEHOLDERS
    if len(secret) < 1_000 and placeholders.search(secret):
        return "placeholder"
    if end - start < _STRETCH and _in_base64(data, start, end):
        return "inside base64"
    return _generic(data, start, end, line) if context is Context.GENERIC else ""


def _generic(data: bytes, start: int, end: int, line: bytes) -> str:
    secret = data[start:end]
    if len(line) >= _LONG_LINE:
        return "minified"
    if _TEMPLATES.search(secret) or _REFERENCES.search(secret):
        return "template or reference"
    if _PASSWORDS.match(secret) or _LOCAL_HOSTS.match(data, end):
        return "placeholder"
    is_in_url = data[end : end + 1] == b"@"  # whoever writes a password there means it
    if not is_in_url and not _looks_random(secret):
        return "words"
    before = line[: max(line.find(secret), 0)]
    if _HASHES.search(before):
        return "hash"
    return ""


def _looks_random(secret: bytes) -> bool:
    if _IDENTIFIER.match(secret) or _VERSION.match(secret) or not _TOKEN_LIKE.match(secret):
        return False
    return any(48 <= byte <= 57 for byte in secret) and any(byte > 64 for byte in secret)


def _in_base64(data: bytes, start: int, end: int) -> bool:
    low, high = max(0, start - _STRETCH), min(len(data), end + _STRETCH)
    left = start
    while left > low and data[left - 1] in _BASE64:
        left -= 1
    right = end
    while right < high and data[right] in _BASE64:
        right += 1
    return (start - left) + (right - end) >= _STRETCH
