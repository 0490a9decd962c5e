"""Secrets that are no references, and addresses that are none or carry a secret: one sentence, whatever the kind."""

from __future__ import annotations

from typing import Any

import pytest

from ktlo.errors import UserError
from ktlo.sources.registry import kinds, make_source

NEEDED: dict[str, dict[str, Any]] = {
    "alertmanager": {"name": "x"},
    "csv": {"file": "x.csv", "noun": "issues", "mapping": {"external_id": "id", "created_at": "at"}},
    "github": {"repository": "acme/shop"},
    "gitlab": {"project": "acme/shop"},
    "grafana": {"name": "x"},
    "jira": {"url": "https://acme.example.org"},
    "redmine": {"url": "https://acme.example.org"},
    "sentry": {"organization": "acme"},
    "servicenow": {"url": "https://acme.example.org"},
    "statuspage": {"url": "https://acme.example.org"},
    "webhook": {"name": "x", "noun": "issues", "mapping": {"external_id": "id", "created_at": "at"}},
}
EXAMPLES = {
    ("alertmanager", "url"): "https://alerts.example.org",
    ("github", "api"): "https://api.github.com",
    ("gitlab", "url"): "https://gitlab.example.org",
    ("grafana", "url"): "https://alerts.example.org",
    ("jira", "url"): "https://example.atlassian.net",
    ("opsgenie", "api"): "https://api.opsgenie.com",
    ("opsgenie", "site"): "https://api.opsgenie.com",
    ("pagerduty", "api"): "https://api.pagerduty.com",
    ("redmine", "url"): "https://redmine.example.org",
    ("sentry", "url"): "https://sentry.example.org",
    ("servicenow", "url"): "https://example.service-now.com",
    ("statuspage", "api"): "https://status.example.org",
    ("statuspage", "url"): "https://status.example.org",
}
"""Addresses, and the example that the message names."""
MAY_BE_EMPTY = {("alertmanager", "url"), ("grafana", "url"), ("opsgenie", "api"), ("opsgenie", "site")}
SECRETS = [
    (kind, name)
    for kind, cls in kinds().items()
    for name in cls.config.model_fields
    if name in ("token", "webhook_secret")
]


def refused(kind: str, **options: str) -> str:
    with pytest.raises(UserError) as caught:
        make_source(kind, {**NEEDED.get(kind, {}), **options})
    assert not any(said in str(caught.value) for said in ("hunter2", "tracker.example"))
    return caught.value.what


@pytest.mark.parametrize(("kind", "name"), SECRETS)
def test_a_secret_is_given_by_reference(kind: str, name: str) -> None:
    assert refused(kind, **{name: "hunter2"}) == (
        f"{name}: secrets are given by reference: write env:NAME, file:PATH or vault:PATH#KEY"
    )
    for reference in ("", "env:NAME", "file:/x", "vault:team/x#key"):
        made: Any = make_source(kind, {**NEEDED.get(kind, {}), name: reference})
        assert getattr(made._config, name) == reference


@pytest.mark.parametrize(("kind", "name"), list(EXAMPLES))
def test_an_address_is_one_and_carries_no_secret(kind: str, name: str) -> None:
    example = f"{name}: expected an address such as {EXAMPLES[kind, name]}"
    for said in ("tracker.example.org", "ftp://tracker.example.org", "https://"):
        assert refused(kind, **{name: said}) == example
    assert refused(kind, **{name: "https://u:hunter2@tracker.example.org"}) == (
        f"{name}: no secrets in the address: give the token by `token`, as env:NAME or file:PATH"
    )
    if (kind, name) in MAY_BE_EMPTY:
        made: Any = make_source(kind, {**NEEDED.get(kind, {}), name: " "})
        assert getattr(made._config, name) == ""
    else:
        assert refused(kind, **{name: " "}) == example


@pytest.mark.parametrize(("kind", "name"), list(EXAMPLES))
def test_an_address_is_kept_without_its_query_and_last_slash(kind: str, name: str) -> None:
    said = " https://tracker.example.org/?a=b "
    made: Any = make_source(kind, {**NEEDED.get(kind, {}), name: said})
    assert getattr(made._config, name) == "https://tracker.example.org"
