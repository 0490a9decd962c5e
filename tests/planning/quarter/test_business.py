"""The report to the business says what the numbers say, without a term of the trade, on exactly one page."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from quarters import EUROS, HOURS, NOTES, account, business, outlook

from ktlo.metrics.comparison import Comparison
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.planning.budget.costs import Component
from ktlo.planning.quarter.outlook import Business
from ktlo.report import business_pdf, html, markdown
from ktlo.report.business import BOUGHT, CHOICES, WENT, business_document, business_section
from ktlo.report.business_words import (
    against,
    amount,
    arriving,
    bought,
    change,
    debt,
    figures,
    lead,
    not_known,
    proposal,
    staffing,
)
from ktlo.report.sections import NoLinks, Section

MADE = dt.datetime(2026, 10, 5, 9, tzinfo=dt.UTC)
JARGON = (
    "MTTR", "KTLO", "Kaplan", "posterior", "censor", "quantile", "median", "p50", "SLO", "toil", "incident response",
    "dependenc", "vulnerab", "backlog", "refactor", "estimable", "hotspot", "Poisson", "Bayes", "percentile",
)  # fmt: skip


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*", text.rstrip("."))]


def near(value: float) -> object:
    return pytest.approx(value, rel=0.006)


def texts(section: Section) -> list[str]:
    told = [section.title, *vars_of(section.answer), *section.sentences, *section.known.missing]
    told += [text for card in section.cards for text in (card.title, card.value, card.interval, card.sample)]
    for listing in section.listings:
        told += [listing.title, listing.note, *(head.title for head in listing.table.headings)]
        told += [word for row in listing.table.rows for word in listing.table.words(row)]
    return told


def vars_of(answer: object) -> list[str]:
    return [getattr(answer, name) for name in ("question", "said", "interval", "change")]


@pytest.mark.parametrize("prices", [EUROS, HOURS])
def test_no_term_of_the_trade_is_used(prices: object) -> None:
    section = business_section(business(prices), NoLinks())  # type: ignore[arg-type]
    own = [text for text in texts(section) if not any(text in note for note in NOTES)]
    for text in own:
        for term in JARGON:
            assert term.lower() not in text.lower(), f"{term!r} in {text!r}"


def test_numbers_have_three_figures_and_commas() -> None:
    assert [figures(v) for v in (0, 0.0456, 3.14159, 52.34, 512.3, 33280, 1234567)] == [
        "0", "0.046", "3.1", "52.3", "512", "33,300", "1,230,000",
    ]  # fmt: skip
    assert amount(1.0, account(HOURS)) == "1 person-day"
    assert amount(2.0, account(HOURS)) == "2 person-days"
    assert amount(33280.0, account()) == "33,300 EUR"


def test_the_lead_and_the_change_are_the_share_of_the_quarter() -> None:
    found = account()
    assert lead(found) == "48% of engineering effort kept existing systems running"
    assert change(found) == "Up from 39% in the quarter before; budgeted were 30%, which it is clearly above"
    unsure = replace(
        found, change=Comparison(False, 0.4, 100, "", Estimate(0.09, -0.1, 0.2, 26)), budget=0.45
    )
    assert "the difference may be chance" in change(unsure)
    assert "which it may well have been" in change(unsure)
    below = replace(found, budget=0.6)
    assert "clearly below" in change(below)
    running = replace(found, is_over=False)
    assert lead(running).endswith(", so far")
    empty = replace(
        found, total_days=0.0, incidents=Estimate(0.0, None, None, 0), bugs_opened=0, bugs_closed=0
    )
    assert lead(empty) == "Nothing is recorded in the third quarter of 2026"
    assert "cannot be told" in lead(replace(found, share=not_estimable("no category")))


def test_what_it_bought_is_what_was_counted() -> None:
    told = {what: (how_much, more) for what, how_much, more in bought(account())}
    assert told["Service incidents"] == ("24", "half were over within 3.4 h (2 h to 6 h); 2 still open")
    assert told["Services down"] == ("5.2 h", "in 4 outages")
    assert told["Defects closed"] == ("74", "112 defects reported: more came than went")
    assert told["Reported defects closed within 30 days"] == ("62%", "50% to 74%")
    assert told["Known security weaknesses closed"] == (
        "11",
        "9 came up; 4 open at the end; half of the new ones were closed within 12 d",
    )
    assert "Known security weaknesses closed" not in {
        what for what, _, _ in bought(replace(account(), weaknesses_found=None))
    }
    assert told["Pieces of security work"] == ("7", "4,800 EUR of work")
    assert told["Updates of software of others"] == ("9", "5,760 EUR of work")
    flat = replace(account(), bugs_net=Estimate(3.0, -9.0, 15.0, 50))
    assert "no clear growth" in {what: more for what, _, more in bought(flat)}["Defects closed"]
    fewer = replace(account(), bugs_net=Estimate(-30.0, -50.0, -10.0, 50))
    assert "more went than came" in {what: more for what, _, more in bought(fewer)}["Defects closed"]


def test_the_work_that_arrives_is_that_of_the_load_in_money() -> None:
    found = outlook()
    value, low, high = numbers(arriving(account(), found).replace("fourth quarter of 2026", ""))
    hours = found.arriving_hours
    assert [value, low, high] == [near(80 * each) for each in (hours.mean, hours.low, hours.high)]
    in_days = numbers(arriving(account(HOURS), found).replace("fourth quarter of 2026", ""))
    assert in_days[0] == near(hours.mean / 8)


def test_the_proposal_is_the_best_share_of_the_plan() -> None:
    found = outlook()
    best, option = found.plan.optimum, found.plan.options[0]
    assert best is not None
    said = numbers(proposal(account(), found))
    assert said[0] == pytest.approx(100 * option.share, abs=0.5)
    assert said[1] == near(option.parts[Component.LABOUR])
    assert said[-2:] == [pytest.approx(100 * best.low, abs=0.5), pytest.approx(100 * best.high, abs=0.5)]
    none = replace(found, plan=replace(found.plan, optimum=replace(best, share=None)), reserved_hours=None)
    assert proposal(account(), none).startswith("No budget is proposed")
    assert not list(against(account(), none))


def test_each_alternative_is_told_against_the_proposal() -> None:
    found = outlook()
    best, *others = found.plan.options
    told = list(against(account(), found))
    assert len(told) == len(others) >= 2
    for sentence, option in zip(told, others, strict=True):
        rest = sentence.split(") would cost", 1)[1]
        extra, weeks, *_ = numbers(rest)
        assert numbers(sentence)[0] == pytest.approx(100 * option.share, abs=0.5)
        assert extra == near(abs(option.extra_cost))
        assert (" more and" in rest) is (option.extra_cost >= 0)
        assert weeks == pytest.approx(abs(option.feature_weeks.mean - best.feature_weeks.mean), rel=0.05)
        assert (" fewer for" in rest) is (option.feature_weeks.mean < best.feature_weeks.mean)
        cheaper_at_a_risk = option.extra_cost < 0 and option.piles_up > best.piles_up
        assert ("pile up" in rest) is (option.piles_up >= 0.5 or cheaper_at_a_risk)


def test_debt_is_told_with_what_removing_it_brings_back() -> None:
    said = debt(account(), outlook().debt)
    # 40 h a month at 80 EUR, 18 to 75 h; 60 h once, back after 60 / 21 months.
    assert numbers(said) == [5, 31, near(3200), near(1440), near(6000), 3, near(4800), 3]
    known = outlook().debt
    assert "does not come back within two years" in debt(account(), replace(known, first_months=40.0))
    assert "none is shown to cost extra work" in debt(account(), replace(known, costing=0))
    assert debt(account(), replace(known, owed=0)) == "No old burden in the code is known."


def test_who_should_do_the_work_is_the_verdict_of_staffing() -> None:
    found = outlook()
    compared = found.staffing.comparison
    assert compared is not None
    sure = replace(
        found,
        staffing=replace(
            found.staffing,
            comparison=replace(
                compared,
                probability=Estimate(0.9, 0.8, 0.95, 40),
                difference=replace(compared.difference, value=100.0, low=-50.0, high=200.0),
            ),
        ),
        staffing_saves=1300.0,
    )
    said = staffing(account(), sure)
    assert said.startswith("A rotation with")
    assert "1,300 EUR a quarter less than a dedicated team" in said
    assert "90% likely" in said
    unsure = replace(
        sure,
        staffing=replace(
            sure.staffing, comparison=replace(compared, probability=Estimate(0.5, 0.4, 0.6, 40))
        ),
    )
    assert "cannot be told yet" in staffing(account(), unsure)


def test_what_is_not_known_is_said() -> None:
    told = " ".join(not_known(account(HOURS), outlook("h")))
    assert "Nobody has said what an hour of work costs" in told
    assert "What 6.6% of the recorded effort was for is not known" in told
    assert "Meetings" in told
    assert "what an hour of downtime costs" in told
    assert NOTES[0] in told
    silent = " ".join(not_known(replace(account(), incidents=Estimate(0.0, None, None, 0)), None))
    assert "No service incident is recorded" in silent
    assert "Nobody has said what an hour of work costs" not in silent


def test_a_quarter_with_little_or_no_effort_says_so() -> None:
    little = not_known(replace(account(), total_days=3.2), None)
    assert little[0].startswith("Only 3.2 person-days of work are recorded")
    nothing = replace(account(), total_days=0.0, unattributed_days=0.0, kept_days=not_estimable("no effort"))
    assert not_known(nothing, None)[0].startswith("No work of people is recorded")
    section = business_section(Business(nothing, None), NoLinks())
    assert [listing.name for listing in section.listings] == [BOUGHT]


def test_the_table_of_effort_adds_up_to_everything() -> None:
    section = business_section(business(), NoLinks())
    table = next(listing for listing in section.listings if listing.name == WENT).table
    amounts = [row.cells[1] for row in table.rows]
    shares = [row.cells[3] for row in table.rows]
    assert sum(amounts) == pytest.approx(290 * 8 * 80, rel=1e-6)
    assert sum(shares) == pytest.approx(1.0)
    names = [row.cells[0] for row in table.rows]
    assert names[-2:] == ["Other upkeep", "Not known what for"]
    assert "Making it faster" not in names  # under a hundredth, so among the other upkeep


def test_the_choices_are_the_options_of_the_plan() -> None:
    found = business()
    section = business_section(found, NoLinks())
    table = next(listing for listing in section.listings if listing.name == CHOICES).table
    assert found.outlook is not None
    for row, option in zip(table.rows, found.outlook.plan.options, strict=True):
        assert row.cells[1] == option.share
        assert row.cells[2] == pytest.approx(option.parts[Component.LABOUR])
        assert numbers(str(row.cells[3])) == [
            near(option.cost.mean),
            near(option.cost.low),
            near(option.cost.high),
        ]
        assert row.cells[5] == option.piles_up
        assert row.cells[6] == option.downtime_hours.mean


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


CASES = {
    "full": business,
    "without prices": lambda: business(HOURS),
    "without an outlook": lambda: Business(account(), None),
    "empty": lambda: Business(
        account(
            total_days=0.0, kept_days=not_estimable("no effort"), share=not_estimable("no effort"), spent=(),
            unattributed_days=0.0, incidents=Estimate(0.0, None, None, 0), bugs_opened=0, bugs_closed=0,
            downtime=not_estimable("none"), closed_within=not_estimable("none"),
        ),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_pdf_has_exactly_one_page_whatever_there_is_to_tell(case: str, tmp_path: Path) -> None:
    document = business_document(CASES[case](), "service checkout, search; team Storefront", MADE)
    pdf = business_pdf.write(document)
    assert pages(pdf) == 1
    if shutil.which("pdftotext") is None:
        return
    (tmp_path / "one.pdf").write_bytes(pdf)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "one.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert text.count("\f") == 1
    flat = " ".join(text.split())
    assert document.sections[0].answer.said in flat.replace("ﬀ", "ff").replace("ﬁ", "fi").replace("ﬂ", "fl")
    assert "Made by ktlo." in flat  # the foot is on it: nothing was cut off


def test_hostile_text_is_set_as_text_and_not_run() -> None:
    odd = business()
    document = business_document(odd, '#read("/etc/passwd") <script>alert(1)</script> *bold* $x$', MADE)
    assert pages(business_pdf.write(document)) == 1
    assert b"<script>alert" not in html.write(document)
    assert "\\<script\\>" in markdown.write(document).decode()


def test_markdown_and_html_tell_the_same_sentences() -> None:
    document = business_document(business(), "everything", MADE)
    plain = markdown.write(document).decode().replace("\\", "")
    page = html.write(document).decode()
    for sentence in document.sections[0].sentences:
        assert sentence in plain
        assert sentence.split(",")[0] in page
    assert {listing.name for listing in document.sections[0].listings} == {WENT, BOUGHT, CHOICES}
