"""When two addresses under one full name are one person, and when they are two people of the same name.

Pure rules on (name, mails), used by :mod:`ktlo.effort.identities`. The danger is the common name: a John
Smith at one company is not the John Smith at another, and `john.smith@` proves nothing, since it follows
from the name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from ktlo.effort.accounts import login_in_mail

PUBLIC_MAIL = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de
    ymail.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.at gmx.com web.de t-online.de freenet.de
    posteo.de mailbox.org proton.me protonmail.com protonmail.ch pm.me fastmail.com fastmail.fm hey.com
    tutanota.com yandex.ru mail.ru qq.com 163.com 126.com foxmail.com naver.com orange.fr free.fr
    laposte.net wanadoo.fr libero.it seznam.cz wp.pl zoho.com duck.com comcast.net verizon.net att.net
    mail.com
    """.split()  # noqa: SIM905 - words read best as words
)
"""Providers that give addresses to anybody: sharing one says nothing about who somebody is."""

_ANYBODY = frozenset(
    """
    me mail email info contact hello hi dev developer git github gitlab admin root team support office
    code work noreply no-reply oss opensource user home private webmaster postmaster
    """.split()  # noqa: SIM905 - words read best as words
)


@dataclass(frozen=True, slots=True)
class SamePerson:
    """Addresses that one person uses, and why that is believed."""

    mails: frozenset[str]
    reason: str


def _organisation(domain: str, domains: Collection[str]) -> str:
    """The shortest of the domains that this one is, or is below of: eng.acme.org belongs to acme.org."""
    parents = [other for other in domains if "." in other and domain.endswith("." + other)]
    return min(parents, key=len) if parents else domain


def _follows_from(name: str, local: str) -> bool:
    """True when the local part is made of the name: jsmith, john.smith, smithj, js, john."""
    letters = re.sub(r"[^a-z]", "", local.partition("+")[0])
    words = [re.sub(r"[^a-z]", "", word) for word in name.split()]
    words = [word for word in words if word]
    if not letters or not words:
        return True  # nothing to compare with: no proof
    first, last = words[0], words[-1]
    pieces = {first, last, first[0], last[0], "".join(word[0] for word in words)}
    made = {one + other for one in pieces for other in pieces} | pieces | {"".join(words)}
    return letters in made


def same_person_groups(name: str, mails: Collection[str]) -> list[SamePerson]:
    """Groups of two or more addresses under one full name that are taken for one person.

    - One organisation's domain (or a part of it) on both.
    - The same local part, when it is a nickname that does not follow from the name.
    - The same local part that follows from the name, when no two organisations are involved.

    Args:
        name: full name in one spelling, two words or more.
        mails: addresses seen with it.
    """
    parts = {mail: mail.partition("@")[::2] for mail in mails if "@" in mail and not login_in_mail(mail)}
    domains = {domain for _, domain in parts.values()} - PUBLIC_MAIL
    organisations = {_organisation(domain, domains) for domain in domains}
    by_place: dict[str, set[str]] = defaultdict(set)
    by_local: dict[str, set[str]] = defaultdict(set)
    for mail, (local, domain) in parts.items():
        if domain not in PUBLIC_MAIL:
            by_place[_organisation(domain, domains)].add(mail)
        by_local[local.partition("+")[0]].add(mail)
    groups = [SamePerson(frozenset(group), f"both at {place}") for place, group in sorted(by_place.items())]
    for local, group in sorted(by_local.items()):
        is_nickname = len(local) >= 3 and local not in _ANYBODY and not _follows_from(name, local)
        if is_nickname or (local not in _ANYBODY and len(organisations) <= 1):
            groups.append(SamePerson(frozenset(group), f"both {local}@"))
    return [group for group in groups if len(group.mails) > 1]
