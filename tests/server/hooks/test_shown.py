"""Where webhooks go and what came, on pages and by the API."""

from __future__ import annotations

import pytest
from alerts_by_webhook import ALERT, HOOK, PROOF, body

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings


def test_numbers_say_that_webhooks_of_their_source_were_refused(visitor):
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert "turned away" not in visitor.page("/reliability")
    visitor.post(HOOK, content=body(ALERT), headers={"authorization": "Bearer wrong"})
    assert "1 webhook of alertmanager:prod was turned away" in visitor.page("/reliability")


def test_the_source_page_says_where_webhooks_go_and_what_came(visitor):
    page = visitor.page("/sources/source?source=alertmanager:prod")
    assert "http://127.0.0.1:5856/hooks/alertmanager:prod" in page
    assert "None came yet" in page
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    visitor.post(HOOK, content=body(ALERT), headers={"authorization": "Bearer <b>wrong</b>"})
    assert "1 taken" in visitor.page("/sources/source?source=alertmanager:prod")
    assert "1 taken, 0 without anything used, 1 refused" in visitor.page(
        "/sources/deliveries?source=alertmanager:prod"
    )
    answer = visitor.post("/sources/replay", data={"source": "alertmanager:prod"})
    assert answer.status_code == 303
    assert "was read again" in visitor.page(answer.headers["location"])


def test_what_is_pasted_holds_the_public_address_and_one_of_this_machine_is_said(tmp_path, visiting):
    for said, address, here in (
        ("", "http://127.0.0.1:5856/hooks/argocd:prod", True),
        ("https://ktlo.example.org/kept/", "https://ktlo.example.org/kept/hooks/argocd:prod", False),
        ("http://localhost:8000", "http://localhost:8000/hooks/argocd:prod", True),
    ):
        settings = Settings.model_validate({"server": {"public_url": said}})
        runtime = Runtime(settings, tmp_path / address.replace("/", "_"))
        runtime.add_source("argocd", {"name": "prod"})
        visitor = visiting(make_app(runtime, Access()))
        found = visitor.get("/api/v1/sources/hook", params={"source": "argocd:prod"}).json()
        page = visitor.page("/sources/source?source=argocd:prod")
        runtime.close()
        assert found["url"] == address
        assert f"url: {address}\n" in found["paste"]
        assert f"url: {address}\n" in page
        assert ("server.public_url" in found["only_here"]) is here
        assert ("server.public_url" in page) is here


@pytest.mark.parametrize(
    "said", ["ktlo.example.org", "ftp://ktlo", "https://", "https://k/?a=1", "javascript:alert(1)"]
)
def test_a_public_address_that_is_none_is_refused(said):
    with pytest.raises(ValueError, match="public_url"):
        Settings.model_validate({"server": {"public_url": said}})


def test_the_api_tells_the_same(visitor):
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    said = visitor.get("/api/v1/sources/hook", params={"source": "alertmanager:prod"}).json()
    assert (said["url"], said["taken"], said["has_secret"]) == (f"http://127.0.0.1:5856{HOOK}", 1, True)
    (came,) = visitor.get("/api/v1/sources/deliveries", params={"source": "alertmanager:prod"}).json()
    assert (came["event"], came["status"], came["rows"]) == ("firing", "taken", 2)
    replayed = visitor.post("/api/v1/sources/replay", params={"source": "alertmanager:prod"}).json()
    assert replayed == {"deliveries": 1, "rows": 2}
