"""Who is taken for one person, who is not, and why."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.effort.accounts import (
    Account,
    AccountKind,
    author_account,
    login_in_mail,
    mentioned_account,
    parse_account,
    parse_trailer,
)
from ktlo.effort.bots import BotList
from ktlo.effort.identities import Identities, merge_accounts
from ktlo.effort.sightings import SharedWork, Sighting
from ktlo.errors import UserError
from ktlo.settings import Settings
from ktlo.store.state import Correction

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def seen(*authors: str) -> list[Sighting]:
    """Sightings of ``Name <mail>``, logins and names, each once."""
    found = []
    for text in authors:
        account = mentioned_account(text, "github.com")
        assert account is not None
        name = parse_trailer(text)[0] if "<" in text else text if " " in text else ""
        found.append(Sighting(account, name, 1))
    return found


def merged(
    *authors: str, shared: tuple[SharedWork, ...] = (), said: tuple[Correction, ...] = (), **settings: object
) -> Identities:
    return merge_accounts(seen(*authors), shared, Settings.model_validate(settings), said)


def groups(identities: Identities) -> set[frozenset[str]]:
    """Accounts of each person, names left out."""
    by_person: dict[str, set[str]] = {}
    for alias in identities.aliases:
        if alias.kind != "name":
            by_person.setdefault(alias.person, set()).add(alias.alias)
    return {frozenset(accounts) for accounts in by_person.values()}


def reasons(identities: Identities) -> str:
    return "; ".join(reason for person in identities.persons for reason in person.merged_because)


def correction(key: str, value: str) -> Correction:
    return Correction("person", key, value, "boss", NOW)


def test_one_address_in_any_spelling_is_one_person() -> None:
    identities = merged("Ada Lovelace <ada@acme.org>", "ada <ADA@acme.org>", "Ada Lovelace <Ada@Acme.org>")
    [person] = identities.persons
    assert (person.person, person.name) == ("ada@acme.org", "Ada Lovelace")


def test_a_noreply_address_names_its_login() -> None:
    identities = merged("Ada <12345+Ada-L@users.noreply.github.com>", "ada-l")
    assert groups(identities) == {frozenset({"12345+ada-l@users.noreply.github.com", "github.com/ada-l"})}
    assert "names github.com/ada-l" in reasons(identities)


@pytest.mark.parametrize(
    ("mail", "login"),
    [
        ("12345+ada@users.noreply.github.com", "github.com/ada"),
        ("ada@users.noreply.github.com", "github.com/ada"),
        ("99-ada.l@users.noreply.gitlab.com", "gitlab.com/ada.l"),
        ("7+ada@users.noreply.github.acme.org", "github.acme.org/ada"),
    ],
)
def test_noreply_addresses_of_all_forms_are_read(mail: str, login: str) -> None:
    assert login_in_mail(mail) == Account(AccountKind.LOGIN, login)


def test_two_addresses_at_one_company_under_one_full_name_are_one_person() -> None:
    identities = merged("Ada Lovelace <ada@acme.org>", "Ada Lovelace <alovelace@eng.acme.org>")
    assert len(identities.persons) == 1
    assert "both at acme.org" in reasons(identities)


def test_the_same_name_at_two_companies_stays_two_people_and_is_offered_as_a_lookalike() -> None:
    identities = merged("John Smith <john.smith@acme.org>", "John Smith <john.smith@globex.com>")
    assert len(identities.persons) == 2
    [lookalike] = identities.lookalikes
    assert lookalike.persons == ("john.smith@acme.org", "john.smith@globex.com")


def test_a_private_address_does_not_bridge_two_companies() -> None:
    identities = merged(
        "John Smith <jsmith@acme.org>", "John Smith <jsmith@gmail.com>", "John Smith <jsmith@globex.com>"
    )
    assert len(identities.persons) == 3


def test_a_private_address_with_the_same_local_part_as_the_one_company_is_the_same_person() -> None:
    identities = merged("John Smith <john.smith@acme.org>", "John Smith <john.smith@gmail.com>")
    assert len(identities.persons) == 1


def test_two_private_addresses_with_nothing_but_the_name_in_common_stay_apart() -> None:
    assert len(merged("John Smith <jsmith1@gmail.com>", "John Smith <smithy@gmail.com>").persons) == 2


def test_a_nickname_under_one_full_name_is_one_person_wherever_the_mail_is() -> None:
    identities = merged("Ada Lovelace <countess@acme.org>", "Ada Lovelace <countess@globex.com>")
    assert len(identities.persons) == 1
    assert "both countess@" in reasons(identities)


def test_a_first_name_alone_merges_nobody() -> None:
    assert len(merged("Ada <ada@acme.org>", "Ada <lovelace@acme.org>").persons) == 2


def test_a_mailbox_that_many_share_is_not_merged_with_its_users() -> None:
    identities = merged(
        *(f"{name} Doe <build@acme.org>" for name in ("Ann", "Bob", "Cid", "Dan")), "Ann Doe <ann@acme.org>"
    )
    assert len(identities.persons) == 2


def test_a_bare_full_name_goes_to_the_one_person_of_that_name() -> None:
    identities = merged("Ada Lovelace <ada@acme.org>", "Ada  lovelace")
    assert len(identities.persons) == 1
    assert identities.by_account()[Account(AccountKind.NAME, "ada lovelace")] == "ada@acme.org"


def test_a_bare_name_that_two_people_have_stays_on_its_own() -> None:
    identities = merged("John Smith <j@acme.org>", "John Smith <j@globex.com>", "John Smith")
    assert len(identities.persons) == 3


def shared(login: str, mail: str, changes: int) -> SharedWork:
    return SharedWork(
        Account(AccountKind.LOGIN, f"github.com/{login}"), Account(AccountKind.MAIL, mail), changes
    )


def test_a_login_and_a_mail_with_the_same_changes_are_one_person() -> None:
    identities = merged("ada-l", "Ada <ada@acme.org>", shared=(shared("ada-l", "ada@acme.org", 9),))
    assert len(identities.persons) == 1
    assert "github.com/ada-l opened 9 changes of ada@acme.org" in reasons(identities)


def test_one_shared_change_is_not_enough_unless_login_and_mail_are_the_same_word() -> None:
    assert (
        len(merged("countess", "A <ada@acme.org>", shared=(shared("countess", "ada@acme.org", 1),)).persons)
        == 2
    )
    assert len(merged("ada", "A <ada@acme.org>", shared=(shared("ada", "ada@acme.org", 1),)).persons) == 1


def test_somebody_who_opens_the_changes_of_others_is_not_merged_with_them() -> None:
    identities = merged(
        "boss", "Ada <ada@acme.org>", "Bob <bob@acme.org>",
        shared=(shared("boss", "ada@acme.org", 5), shared("boss", "bob@acme.org", 5)),
    )  # fmt: skip
    assert len(identities.persons) == 3


def test_ktlo_yaml_joins_what_nothing_else_shows() -> None:
    identities = merged(
        "countess", "A <ada@acme.org>", "A <ada@home.example>",
        people={"Ada Lovelace": {"aliases": ["countess", "ada@acme.org", "ada@home.example"]}},
    )  # fmt: skip
    [person] = identities.persons
    assert (person.person, person.name) == ("ada@acme.org", "Ada Lovelace")
    assert "people: Ada Lovelace in ktlo.yaml" in person.merged_because


def test_ktlo_yaml_may_not_give_one_account_to_two_people() -> None:
    with pytest.raises(UserError, match=r"ada@acme.org is given to two persons, Ada and Bob"):
        merged(
            "A <ada@acme.org>",
            people={"Ada": {"aliases": ["ada@acme.org"]}, "Bob": {"aliases": ["ADA@acme.org"]}},
        )


def test_a_correction_moves_an_account() -> None:
    identities = merged(
        "A <ada@acme.org>", "B <b@home.example>", said=(correction("mail:b@home.example", "ada@acme.org"),)
    )
    assert groups(identities) == {frozenset({"ada@acme.org", "b@home.example"})}
    assert "correction: mail:b@home.example" in reasons(identities)


def test_a_correction_parts_what_was_merged_wrongly() -> None:
    authors = ("John Smith <john@acme.org>", "John Smith <jsmith@acme.org>")
    assert len(merged(*authors).persons) == 1
    assert (
        len(merged(*authors, said=(correction("mail:jsmith@acme.org", "mail:jsmith@acme.org"),)).persons) == 2
    )


def test_a_corrected_account_does_not_bridge_the_others() -> None:
    authors = ("J Smith <a@acme.org>", "J Smith <b@acme.org>", "J Smith <c@acme.org>", "Eve <eve@acme.org>")
    identities = merged(*authors, said=(correction("mail:b@acme.org", "eve@acme.org"),))
    assert groups(identities) == {
        frozenset({"a@acme.org", "c@acme.org"}),
        frozenset({"b@acme.org", "eve@acme.org"}),
    }


def test_a_correction_to_a_new_name_makes_that_person() -> None:
    identities = merged("A <a@acme.org>", "B <b@globex.com>", said=(
        correction("mail:a@acme.org", "Ada Lovelace"), correction("mail:b@globex.com", "Ada Lovelace"),
    ))  # fmt: skip
    [person] = identities.persons
    assert person.name == "Ada Lovelace"


def test_a_noreply_address_follows_its_corrected_login() -> None:
    authors = ("Ada <1+ada@users.noreply.github.com>", "ada", "E <eve@acme.org>")
    identities = merged(*authors, said=(correction("login:github.com/ada", "eve@acme.org"),))
    assert len(identities.persons) == 1


@pytest.mark.parametrize(
    "author",
    [
        "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
        "Renovate Bot <bot@renovateapp.com>",
        "GitHub <noreply@github.com>",
        "github-actions <action@github.com>",
        "Claude <noreply@anthropic.com>",
        "OpenAI Codex <codex@openai.com>",
        "GitHub Actions <ci@acme.org>",
        "acme-bot <bot@acme.org>",
        "renovate[bot]",
        "web-flow",
    ],
)
def test_automation_is_recognised(author: str) -> None:
    [person] = merged(author).persons
    assert person.is_bot


@pytest.mark.parametrize(
    "author",
    [
        "Claude Monet <claude@acme.fr>",
        "Peter Bot <peter@acme.nl>",
        "Abbot <abbot@acme.org>",
        "Robot Fan <fan@x.org>",
    ],
)
def test_people_with_names_like_automation_stay_people(author: str) -> None:
    [person] = merged(author).persons
    assert not person.is_bot


def test_a_team_names_its_own_bots() -> None:
    assert merged("Nightly <nightly@ci.acme.org>", effort={"bots": ["*@ci.acme.org"]}).persons[0].is_bot
    assert (
        merged("N <n@acme.org>", people={"Nightly": {"aliases": ["n@acme.org"], "bot": True}})
        .persons[0]
        .is_bot
    )
    assert BotList(["nightly*"]).lists(Account(AccountKind.LOGIN, "github.com/nightly-7"))


def test_a_persons_team_is_found_by_any_account() -> None:
    teams = {"shop": {"members": ["ADA@acme.org"]}, "pay": {"members": ["@bob", "Grace Hopper"]}}
    identities = merged(
        "A <ada@acme.org>", "bob", "Grace Hopper <g@acme.org>", "Eve <e@acme.org>", teams=teams
    )
    assert {person.person: person.team for person in identities.persons} == {
        "ada@acme.org": "shop", "github.com/bob": "pay", "g@acme.org": "pay", "e@acme.org": "",
    }  # fmt: skip


def test_placeholder_addresses_are_nobodys() -> None:
    assert author_account("Ada Lovelace", "unknown@localhost") == Account(AccountKind.NAME, "ada lovelace")
    assert author_account("Ada", "ada@example.com") == Account(AccountKind.MAIL, "ada@example.com")
    assert author_account("", "none@none") is None


@pytest.mark.parametrize("text", ["ada", "mail:", "login:ada", "phone:1", ""])
def test_what_is_no_account_is_not_taken_for_one(text: str) -> None:
    assert parse_account(text) is None


NAMES = ["Ada Lovelace", "John Smith", "Ada", "Grace Hopper", ""]
MAILS = ["ada@acme.org", "john.smith@acme.org", "john.smith@globex.com", "john.smith@gmail.com", "countess@x.org",
         "countess@y.org", "1+ada@users.noreply.github.com", "ci@acme.org", "dependabot[bot]@acme.org"]  # fmt: skip
AUTHORS = st.lists(
    st.one_of(
        st.builds("{} <{}>".format, st.sampled_from(NAMES), st.sampled_from(MAILS)),
        st.sampled_from(["ada", "countess", "John Smith", "Ada Lovelace"]),
    ),
    min_size=1,
    max_size=12,
)
SHARED = st.lists(
    st.builds(shared, st.sampled_from(["ada", "countess"]), st.sampled_from(MAILS[:6]), st.integers(1, 9)),
    max_size=4,
)
CORRECTIONS = st.lists(
    st.builds(
        correction, st.sampled_from([f"mail:{mail}" for mail in MAILS]), st.sampled_from([*MAILS, "Eve"])
    ),
    max_size=3,
    unique_by=lambda said: said.key,
)


@given(AUTHORS, SHARED, CORRECTIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_accounts_are_met_changes_nothing(
    authors: list[str], work: list[SharedWork], said: list[Correction], rng: random.Random
) -> None:
    expected = merge_accounts(seen(*authors), work, Settings(), said)
    shuffled = rng.sample(seen(*authors), len(authors)), rng.sample(work, len(work))
    assert merge_accounts(*shuffled, Settings(), rng.sample(said, len(said))) == expected


@given(AUTHORS, SHARED, CORRECTIONS)
def test_every_account_belongs_to_exactly_one_person(
    authors: list[str], work: list[SharedWork], said: list[Correction]
) -> None:
    identities = merge_accounts(seen(*authors), work, Settings(), said)
    accounts = [(alias.kind, alias.alias) for alias in identities.aliases]
    assert len(accounts) == len(set(accounts))
    assert {alias.person for alias in identities.aliases} <= {person.person for person in identities.persons}
    by_account = identities.by_account()
    assert all(sighting.account in by_account for sighting in seen(*authors))
