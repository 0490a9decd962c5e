"""Who sends many names of services: counted by client, within bounds, anew each day."""

from __future__ import annotations

from otlp_requests import Said, request

from ktlo.receivers import namers as counting
from ktlo.receivers.access import Sender
from ktlo.receivers.namers import MOST_CLIENTS, OTHERS, Client, Namers
from ktlo.receivers.otlp.grpc import _address

DAY = 86_400


def resource(**said: str):
    told = {name.replace("_", "."): value for name, value in said.items()}
    return request("x", Said("1" * 16, "x"), resource=told).resource_spans[0].resource


PYTHON = resource(telemetry_sdk_name="opentelemetry", telemetry_sdk_language="python", host_name="ci-17")


def test_the_client_with_most_names_comes_first_with_its_agent_address_and_key():
    namers = Namers(lambda: DAY)
    for number in range(5):
        namers.add(Sender("ci").at("10.0.0.7"), f"worker-{number}", PYTHON)
        namers.add(Sender("ci").at("10.0.0.7"), f"worker-{number}", PYTHON)
    namers.add(Sender().at("10.0.0.8"), "shop", resource())
    first, second = namers.most()
    assert (str(first.client), first.names) == ("opentelemetry python at 10.0.0.7 with the key ci", 5)
    assert (first.example, first.host) == ("worker-4", "ci-17")
    assert (second.client, second.names) == (Client("10.0.0.8", "", ""), 1)


def test_names_are_counted_anew_each_day():
    day = [DAY]
    namers = Namers(lambda: day[0])
    namers.add(Sender(), "yesterday", PYTHON)
    day[0] += DAY
    namers.add(Sender(), "today", PYTHON)
    assert [(one.names, one.example) for one in namers.most()] == [(1, "today")]


def test_clients_and_names_are_bounded(monkeypatch):
    monkeypatch.setattr(counting, "MOST_TOLD_APART", MOST_CLIENTS + 5)
    namers = Namers(lambda: DAY)
    for number in range(MOST_CLIENTS + 50):
        namers.add(Sender().at(f"10.0.{number // 250}.{number % 250}"), "shop", PYTHON)
    counted = {one.client: one.names for one in namers.most(MOST_CLIENTS + 50)}
    assert len(counted) == MOST_CLIENTS + 1
    assert counted[OTHERS] == 5
    assert namers.is_full


def test_the_host_of_a_caller_is_read_from_what_grpc_calls_a_peer():
    assert _address("ipv4:127.0.0.1:4711") == "127.0.0.1"
    assert _address("ipv6:%5B::1%5D:4711") == "::1"
    assert _address("unix:") == ""
