"""Who sends many names of services: counted by client, within bounds, anew each day."""

from __future__ import annotations

from otlp_requests import Said, request

from ktlo.receivers import namers as counting
from ktlo.receivers.access import Sender
from ktlo.receivers.namers import MOST_CLIENTS, OTHERS, Client, Namers
from ktlo.receivers.otlp.grpc import _address
from ktlo.receivers.tally import MOST_NAMES, Arrivals
from ktlo.receivers.tally import OTHERS as OTHER_SERVICES

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


def test_arrivals_of_any_number_of_services_stay_a_short_list_with_every_item_in_it():
    minute = [0.0]
    arrivals = Arrivals(lambda: minute[0])
    for at in range(5):
        minute[0] = at * 60.0
        for number in range(150):
            arrivals.add(f"worker-{at}-{number}", 1)
        arrivals.add("shop", 9)
    listed = arrivals.recent()
    assert len(listed) == MOST_NAMES + 1
    assert (listed[0].service, listed[-1].service) == ("shop", OTHER_SERVICES)
    assert sum(one.items for one in listed) == 5 * (150 + 9)
