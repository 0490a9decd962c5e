"""Rules for ``ktlo-instrument``: read from ktlo.yaml as it is now, by service, with an ETag."""

from __future__ import annotations

import pytest

from ktlo.errors import UserError
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings

RULES = """
instrument:
  sample: 1000
  redact: [iban]
  exclude: [shop.health]
  services:
    shop: {sample: 10, redact: [patient], detail: false}
"""


@pytest.fixture
def ktlo(tmp_path, visiting):
    folder = tmp_path
    file = folder / "ktlo.yaml"
    file.write_text("{}", encoding="utf-8")
    runtime = Runtime(load_settings(file), folder / "data", file)
    yield visiting(make_app(runtime, Access())), file
    runtime.close()


def _rules(ktlo, service, **headers):
    return ktlo[0].get(f"/api/v1/instrument/rules?service={service}", headers=headers)


def test_without_rules_there_are_none(ktlo):
    ktlo[1].write_text("{}", encoding="utf-8")
    assert _rules(ktlo, "shop").json() == {}


def test_rules_of_a_service_lie_over_those_of_all_and_secrets_add_up(ktlo):
    ktlo[1].write_text(RULES, encoding="utf-8")
    assert _rules(ktlo, "other").json() == {"sample": 1000, "redact": ["iban"], "exclude": ["shop.health"]}
    assert _rules(ktlo, "shop").json() == {
        "sample": 10,
        "redact": ["iban", "patient"],
        "exclude": ["shop.health"],
        "detail": False,
    }


def test_an_edited_file_is_in_force_at_once_and_its_etag_changes(ktlo):
    ktlo[1].write_text(RULES, encoding="utf-8")
    tag = _rules(ktlo, "shop").headers["etag"]
    unchanged = _rules(ktlo, "shop", **{"if-none-match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    ktlo[1].write_text(RULES.replace("sample: 10,", "sample: 20,"), encoding="utf-8")
    changed = _rules(ktlo, "shop", **{"if-none-match": tag})
    assert (changed.status_code, changed.json()["sample"]) == (200, 20)


def test_a_file_that_cannot_be_used_leaves_the_rules_that_were_in_force(ktlo):
    ktlo[1].write_text("instrument: {sample: -1}", encoding="utf-8")
    assert _rules(ktlo, "shop").json() == {}


@pytest.mark.parametrize("said", ["sample: -1", "redact: ['(']", "slow_quantile: 2", "endpoint: http://x"])
def test_rules_that_mean_nothing_are_refused_by_name(tmp_path, said):
    file = tmp_path / "ktlo.yaml"
    file.write_text(f"instrument: {{{said}}}", encoding="utf-8")
    with pytest.raises(UserError, match=f"instrument.{said.split(':')[0]}"):
        load_settings(file)


def test_the_library_knows_every_rule_and_the_server_says_no_other():
    """Both sides name the same things, without one importing the other."""
    import ast
    from pathlib import Path

    from ktlo.settings.instrument import InstrumentRules

    source = Path(__file__).parents[2] / "instrument" / "src" / "ktlo_instrument" / "rules.py"
    (allowed,) = [
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ALLOWED"
    ]
    assert set(allowed) == set(InstrumentRules.model_fields)
