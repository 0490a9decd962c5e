"""Secrets drawn when a test runs, from templates of their formats."""

from __future__ import annotations

import base64
import json
import random
import re
import string

from ktlo.guard.secrets.checksums import base62_crc32

ALPHABETS = {
    "a0": string.ascii_lowercase + string.digits,
    "aA0": string.ascii_letters + string.digits,
    "aA": string.ascii_letters,
    "A0": string.ascii_uppercase + string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "0": string.digits,
    "b32": string.ascii_uppercase + "234567",
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_DRAWN = re.compile(r"<(\w+):(\d+)>")


def draw(template: str, seed: int) -> str:
    """A text of the template, the same for the same seed."""
    dice = random.Random(f"{template}{seed}")

    def pick(match: re.Match[str]) -> str:
        alphabet = ALPHABETS[match[1]]
        inner = [c for c in alphabet if c.isalnum()]  # tokens neither start nor end with a sign
        middle = "".join(dice.choice(alphabet) for _ in range(int(match[2]) - 2))
        return (dice.choice(inner) + middle + dice.choice(inner))[: int(match[2])]

    text = _DRAWN.sub(pick, template)
    if "{crc}" in text:
        body = text.partition("{crc}")[0].rpartition("_")[2]
        text = text.replace("{crc}", base62_crc32(body.encode()).decode())

    def part(fields: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    signature = "".join(dice.choice(ALPHABETS["aA0"]) for _ in range(43))
    token = (
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': 'a reader of books', 'iat': '1'})}.{signature}"
    )
    return text.replace("{jwt}", token).replace("{nl}", "\n")
