"""The network: ktlo away, slow, or answering nonsense."""

import socket
import threading

import pytest

from ktlo_instrument import sending
from ktlo_instrument.clock import Clock
from ktlo_instrument.rules import Rules, understood
from ktlo_instrument.sending import Sender, ask
from ktlo_instrument.settings import Settings
from receiver import receiver


def test_bodies_arrive_in_order_with_the_key():
    with receiver() as (url, kept):
        sender = Sender(url, "s3cret")
        sender.keep("/v1/metrics", b"one")
        sender.keep("/v1/logs", b"two")
        assert sender.send()
    assert [each[:2] for each in kept] == [("/v1/metrics", b"one"), ("/v1/logs", b"two")]
    assert kept[0][2]["authorization"] == "Bearer s3cret"
    assert sender.sent == 2


def test_while_ktlo_is_away_the_oldest_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(sending, "MOST_BYTES", 200)
    sender = Sender("http://127.0.0.1:9")
    for n in range(20):
        sender.keep("/v1/metrics", b"body %d" % n)
    assert not sender.send()
    assert sender.dropped > 10
    with receiver() as (url, kept):
        sender.endpoint = url
        assert sender.send(now=True)
    assert kept[-1][1] == b"body 19"
    assert len(kept) == 20 - sender.dropped


def test_after_a_failure_it_waits_before_it_tries_again(monkeypatch):
    now, asked = [1000.0], []
    monkeypatch.setattr(Clock, "seconds", staticmethod(lambda: now[0]))
    monkeypatch.setattr(sending, "ask", lambda *given: asked.append(given))
    sender = Sender("http://127.0.0.1:9")
    sender.keep("/v1/metrics", b"x")
    assert not sender.send()
    assert not sender.send()
    now[0] += 0.4  # the first pause is of one second, give or take a half
    assert not sender.send()
    assert len(asked) == 1
    now[0] += 1.2
    assert not sender.send()
    assert len(asked) == 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_may_pass_is_sent_again(status):
    answers = [status]

    def answer(handler):
        if answers:
            handler.send_response(answers.pop())
            handler.end_headers()
            return True
        return False

    with receiver(answer) as (url, kept):
        sender = Sender(url)
        sender.keep("/v1/metrics", b"x")
        assert not sender.send()
        assert sender.send(now=True)
    assert len(kept) == 2


def test_what_is_refused_for_good_is_dropped_and_counted():
    def answer(handler):
        handler.send_response(400)
        handler.end_headers()
        return True

    with receiver(answer) as (url, _):
        sender = Sender(url)
        sender.keep("/v1/metrics", b"x")
        assert sender.send()
    assert sender.refused == 1


def _raw(content, drips=None):
    """A server that writes these bytes whatever it is asked, and then `x` and `x` until the event is set."""
    server = socket.create_server(("127.0.0.1", 0))

    def run():
        connection, _ = server.accept()
        try:
            connection.recv(65536)
            for byte in content:
                connection.sendall(bytes((byte,)))
            while drips is not None and not drips.wait(0.05):
                connection.sendall(b"x")
        except OSError:
            pass
        finally:
            connection.close()

    threading.Thread(target=run, daemon=True).start()
    return server, f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff\xfe" * 100,
        b"HTTP/1.1 abc\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n",
    ],
)
def test_nonsense_is_no_answer(content):
    server, url = _raw(content)
    with server:
        sender = Sender(url)
        sender.keep("/v1/metrics", b"x")
        sender.send(2.0)
        assert len(sender._waiting) + sender.sent == 1


def test_a_server_that_drips_bytes_does_not_hold_us():
    ended, answers = threading.Event(), []
    server, url = _raw(b"HTTP/1.1 200 OK\r\nx: ", ended)
    asking = threading.Thread(target=lambda: answers.append(ask("GET", url, 0.5)), daemon=True)
    with server:
        asking.start()
        asking.join(60)
        assert answers == [None]  # while the server still drips
        ended.set()


def test_other_schemes_and_broken_addresses_are_no_answer():
    for url in (
        "file:///etc/passwd",
        "ftp://x/",
        "http://",
        "http://[::1",
        "nonsense",
        "http://127.0.0.1:99999/",
    ):
        assert ask("GET", url, 0.5) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 100_000, b"3"])
def test_rules_that_are_nonsense_are_no_rules(body):
    assert understood(body) is None


def test_rules_change_only_what_the_server_may_say_and_keep_known_secrets():
    import json

    said = {
        "sample": 5,
        "endpoint": "http://evil",
        "key": "x",
        "redact": ["iban"],
        "exclude": ["shop.x"],
        "new": 1,
        "detail": "maybe",
    }

    def answer(handler):
        body = json.dumps(said).encode()
        handler.send_response(200)
        handler.send_header("etag", '"1"')
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    with receiver(answer) as (url, kept):
        rules = Rules(Settings(rules=url, redact=("patient",)), "shop & co")
        new = rules.fetch()
        rules.fetch()
    assert (new.sample, new.exclude, new.redact, new.detail) == (5, ("shop.x",), ("patient", "iban"), True)
    assert (new.endpoint, new.key) == (Settings().endpoint, "")
    assert kept[0][0] == "/api/v1/instrument/rules?service=shop+%26+co"
    assert kept[1][2]["if-none-match"] == '"1"'


def test_rules_stay_when_the_server_is_away_or_says_not_modified():
    assert Rules(Settings(rules="http://127.0.0.1:9"), "shop").fetch() is None
    assert Rules(Settings(), "shop").fetch() is None
