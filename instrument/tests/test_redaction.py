"""What is a secret, by name and by look."""

import pytest

from ktlo_instrument import redaction
from ktlo_instrument.redaction import MOST_TEXT, REDACTED, Redaction


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "userPassword", "X-Api-Key", "apiKey", "API_KEY", "access_token", "refreshToken",
     "client_secret", "Authorization", "Set-Cookie", "sessionId", "privateKey", "cardNumber", "CVV", "pin", "ssn",
     "aws_secret_access_key", "dbpassword", "authtoken", "DSN"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert Redaction().is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "path",
        "keyboard",
        "spinning",
        "passenger",
        "company",
        "key",
        "items",
        "monkey",
        "tokenize_me",
    ],
)
def test_other_names(name):
    assert not Redaction().is_secret(name)


def test_names_of_ones_own_are_added():
    redaction = Redaction(["^patient", "[unclosed"])
    assert redaction.is_secret("Patient_Name")
    assert redaction.is_secret("x[unclosed")
    assert not redaction.is_secret("name")


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "Bearer abcdefgh12345678",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp" + "_" + "a1" * 18,
        "sk" + "_live_" + "a1B2" * 6,
        "xoxb" + "-1234567890-abcdefgh",
        "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE\nxyz",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "a1B2c3D4" * 8,
        "someone@example.org",
        "password=hunter22",
        '"api_key": "xyzzy123"',
    ],
)
def test_values_that_look_like_secrets_are_taken_out(secret):
    shown = Redaction().text(f"before {secret} after")
    assert REDACTED in shown
    assert shown.startswith("before ")
    assert secret not in shown


def test_passwords_in_urls_are_taken_out_and_the_rest_stays():
    shown = Redaction().text("postgresql://shop:s3cr3t@db.internal:5432/shop?sslmode=require&token=abc")
    assert "s3cr3t" not in shown
    assert "abc" not in shown
    assert "db.internal" in shown


def test_ordinary_text_stays():
    for text in (
        "order 4711 of 2026-11-26",
        "SELECT * FROM orders WHERE id = 5",
        "1234567890123",
        "/orders/{id}",
    ):
        assert Redaction().text(text) == text


def test_emails_stay_when_told_so():
    assert Redaction(emails=False).text("someone@example.org") == "someone@example.org"


def test_card_numbers_are_found_among_numbers():
    assert Redaction().number(4111111111111111)
    assert not Redaction().number(4111111111111112)
    assert not Redaction().number(17)


class Looking:
    """A pattern that tells how many characters it was given."""

    def __init__(self, pattern, given):
        self._pattern, self._given = pattern, given

    def sub(self, new, text):
        self._given.append(len(text))
        return self._pattern.sub(new, text)


@pytest.mark.parametrize("hostile", ["a@", "1 ", "eyJ", "://", "x:y@", "token=", "a."])
def test_only_the_beginning_of_a_long_text_is_looked_at(hostile, monkeypatch):
    """What the patterns take for it is measured by benchmarks/redaction.py."""
    given = []
    for name in ("_VALUES", "_CARD", "_EMAIL"):
        monkeypatch.setattr(redaction, name, Looking(getattr(redaction, name), given))
    assert len(Redaction().text("@" + hostile * 500_000)) <= 2 * MOST_TEXT
    assert len(given) == 3
    assert max(given) <= 2 * MOST_TEXT  # by then it may have grown: [redacted] is longer than some secrets
