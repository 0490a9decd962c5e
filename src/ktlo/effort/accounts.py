"""Accounts: how a person is named by one tool, brought to one spelling so that equal accounts are equal.

Raw text comes from commits (``Name <mail>``), forges (logins) and CSV files (any of the three); it goes to
:mod:`ktlo.effort.identities`, which says whose account it is. Addresses under ``users.noreply.`` name a
login: GitHub, "Setting your commit email address"; GitLab, "Use a private commit email".
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass


class AccountKind(enum.StrEnum):
    """What an account is known by."""

    MAIL = "mail"
    LOGIN = "login"
    NAME = "name"


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One way in which a tool names somebody.

    Attributes:
        kind: mail, login or name.
        value: in one spelling: lower case, a login as ``HOST/login``.
    """

    kind: AccountKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.value}"


_NOREPLY = re.compile(r"(?:\d+[+])?(?P<login>[^@+]+)@users\.noreply\.(?P<host>[a-z0-9.-]+)")
_NOREPLY_GITLAB = re.compile(r"\d+-(?P<login>[^@]+)@users\.noreply\.(?P<host>gitlab\.[a-z0-9.-]+)")
_TRAILER = re.compile(r"\s*(?P<name>[^<>]*?)\s*<\s*(?P<mail>[^<>]*?)\s*>?\s*")
_PLACEHOLDER = re.compile(
    r"(?:none|unknown|nobody|noemail|no-?reply|root|user|you|your[.-]?(?:name|e?mail))"
    r"@(?:none|unknown|\(none\)|localhost(?:\.localdomain)?|example\.(?:com|org|net)|.*\.local)"
)


def plain(text: str) -> str:
    """One spelling of a name: Unicode-composed, without extra blanks, case folded."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def mail_account(mail: str) -> Account | None:
    """The account behind an address; None for empty and for placeholders that many people share."""
    address = plain(mail).replace(" ", "")
    if not address or _PLACEHOLDER.fullmatch(address):
        return None
    return Account(AccountKind.MAIL, address)


def login_account(login: str, host: str) -> Account:
    """The account of a login; a login without its host is nobody's in particular."""
    return Account(AccountKind.LOGIN, f"{host.lower()}/{login.strip().removeprefix('@').lower()}")


def name_account(name: str) -> Account | None:
    """The account of somebody of whom only the name is known; None when that is missing as well."""
    spelled = plain(name)
    return Account(AccountKind.NAME, spelled) if spelled else None


def author_account(name: str, mail: str) -> Account | None:
    """The account of a commit's author: the address, or the name where the address says nothing."""
    return mail_account(mail) or name_account(name)


def parse_trailer(text: str) -> tuple[str, str]:
    """Split ``Name <mail>`` into name and mail; text without brackets is a mail if it has an @."""
    found = _TRAILER.fullmatch(text)
    if found:
        return found["name"], found["mail"]
    return ("", text.strip()) if "@" in text else (text.strip(), "")


def mentioned_account(text: str, host: str) -> Account | None:
    """The account that a forge, a pager or a CSV file mentions as a login, a mail or a name.

    Args:
        text: what the source has: ``ada``, ``ada@acme.org``, ``Ada Lovelace``, ``Ada <ada@acme.org>``.
        host: where logins of this source are valid, such as ``github.com``.
    """
    stripped = text.strip()
    if not stripped:
        return None
    if "<" in stripped:
        return author_account(*parse_trailer(stripped))
    if "@" in stripped.removeprefix("@") and " " not in stripped:
        return mail_account(stripped)
    if " " in stripped:
        return name_account(stripped)
    return login_account(stripped, host)


def login_in_mail(mail: str) -> Account | None:
    """The login that a no-reply address names; None for every other address."""
    found = _NOREPLY_GITLAB.fullmatch(mail) or _NOREPLY.fullmatch(mail)
    return login_account(found["login"], found["host"]) if found else None


def parse_account(text: str) -> Account | None:
    """Read an account as people write it in corrections: ``mail:x``, ``login:github.com/x``, ``name:x``.

    Returns:
        The account, or None when the text has none of these beginnings.
    """
    kind, _, value = text.partition(":")
    if not value.strip():
        return None
    if kind == "mail":
        return mail_account(value)
    if kind == "login":
        host, _, login = value.strip().rpartition("/")
        return login_account(login, host) if host else None
    if kind == "name":
        return name_account(value)
    return None
