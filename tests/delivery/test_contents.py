"""What a deployment brought, on repositories that git itself made: squashed, rebased, picked, of one folder."""

from __future__ import annotations

import random

from deployed_world import Repo, at, claim

from ktlo.delivery.contents import Repository, contents
from ktlo.delivery.equivalents import Objects
from ktlo.delivery.requests import Request, Requests
from ktlo.delivery.uniting import Claim


def known(repo: Repo, *requests: Request) -> Repository:
    made = Repository(repo.history(), Requests(requests), Objects(repo.git))
    assert made.objects
    made.requests.match_patches(made.objects, made.history)
    return made


def brought(repo: Repo, *shas: str, requests: tuple[Request, ...] = ()) -> list[tuple[list[str], str]]:
    """Subjects of what each deployment brought, and its note."""
    claims: list[Claim] = [claim(f"forge/{n}", n, sha=sha, repository="r") for n, sha in enumerate(shas)]
    repository = known(repo, *requests)
    found = contents(claims, lambda _: repository)
    return [
        (
            [one.subject for one in found.changes if one.deployment_id == row.deployment_id],
            row.contents_note,
        )
        for row in found.deployments
    ]


def test_between_two_commits_lies_what_git_rev_list_says(repo: Repo) -> None:
    rng = random.Random(7)
    repo.commit("a", "0")
    for number in range(40):
        branch = f"b{rng.randrange(4)}"
        if rng.random() < 0.3 and repo.run("branch", "--list", branch):
            repo.run("checkout", "-q", "main")
            repo.run("merge", "-q", "--no-ff", "--no-edit", branch)
        else:
            exists = repo.run("branch", "--list", branch)
            repo.run("checkout", "-q", *([branch] if exists else ["-b", branch]))
        repo.commit(f"f{number}", str(number))
    repo.run("checkout", "-q", "main")
    tips = repo.run("for-each-ref", "--format=%(refname)").splitlines()
    history = repo.history(*tips)
    shas = sorted(history.commits)
    for _ in range(60):
        one, two = rng.choice(shas), rng.choice(shas)
        new, gone = history.between(one, two)
        assert set(new) == set(repo.run("rev-list", f"{one}..{two}").split())
        assert set(gone) == set(repo.run("rev-list", f"{two}..{one}").split())


def test_a_deployment_brings_what_came_since_the_one_before_and_a_rollback_takes_it_back(repo: Repo) -> None:
    one, two, three = (repo.commit("a", str(n), f"Change {n}") for n in range(3))
    found = contents(
        [claim(f"forge/{n}", n, sha=sha, repository="r") for n, sha in enumerate((one, three, two, three))],
        lambda _: known(repo),
    )
    assert [row.changes for row in found.deployments] == [None, 2, 0, 1]
    assert [row.taken_back for row in found.deployments] == [None, 0, 1, 0]
    assert [row.is_rollback for row in found.deployments] == [False, False, True, False]
    assert found.deployments[1].rolled_back_at == at(2)
    assert [one.is_again for one in found.changes] == [False, False, True]
    assert "nothing to compare" in found.deployments[0].contents_note


def test_a_squashed_branch_is_found_by_its_tree(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    repo.run("checkout", "-q", "-b", "feature")
    repo.commit("a", "1", "Half")
    head = repo.commit("b", "1", "Whole")
    repo.run("checkout", "-q", "main")
    repo.run("merge", "-q", "--squash", "feature")
    repo.run("commit", "-q", "-m", "Feature (#5)")
    squashed = repo.head
    ((_, _), (subjects, note)) = brought(repo, base, head)
    assert subjects == ["Feature (#5)"]
    assert note == f"{head[:8]} is in no branch; {squashed[:8]} is the same tree"


def test_a_squashed_branch_that_was_behind_is_found_by_the_patch_of_the_whole_branch(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    repo.run("checkout", "-q", "-b", "feature")
    repo.commit("b", "1", "Half")
    head = repo.commit("c", "1", "Whole")
    repo.run("checkout", "-q", "main")
    other = repo.commit("z", "1", "Meanwhile")
    repo.run("merge", "-q", "--squash", "feature")
    repo.run("commit", "-q", "-m", "Feature (#5)")
    ((_, _), (subjects, note)) = brought(repo, base, head)
    assert subjects == ["Feature (#5)", "Meanwhile"]
    assert note.endswith("same patch as its whole branch")
    assert brought(repo, other, repo.head)[1][0] == ["Feature (#5)"]


def test_a_commit_that_the_forge_says_was_merged_needs_no_objects(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    squashed = repo.commit("a", "1", "Feature (#5)")
    request = Request(
        source="forge",
        external_id="5",
        merge_sha=squashed,
        commits=("f" * 40,),
        created_at=at(0),
        merged_at=at(2),
    )
    found = brought(repo, base, "f" * 40, requests=(request,))
    assert found[1] == (["Feature (#5)"], f"ffffffff is in no branch; request 5 was merged as {squashed[:8]}")


def test_rebased_commits_belong_to_their_request_by_patch_and_keep_when_they_were_written(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    repo.run("checkout", "-q", "-b", "feature")
    first, second = repo.commit("b", "1", "One"), repo.commit("c", "1", "Two")
    repo.run("checkout", "-q", "main")
    repo.commit("z", "1", "Meanwhile")
    repo.run("cherry-pick", first, second)
    request = Request(
        source="forge", external_id="6", merge_sha=repo.head, commits=(first, second), created_at=at(1),
        merged_at=at(0.2),
    )  # fmt: skip
    repository = known(repo, request)
    found = contents(
        [claim("forge/0", 0, sha=base, repository="r"), claim("forge/1", 1, sha=repo.head, repository="r")],
        lambda _: repository,
    )
    by_subject = {one.subject: one for one in found.changes}
    assert {name: one.matched_by for name, one in by_subject.items()} == {
        "Two": "merge commit", "One": "patch", "Meanwhile": "",
    }  # fmt: skip
    assert by_subject["Two"].first_at == by_subject["One"].authored_at


def test_what_was_picked_to_a_release_branch_before_is_not_brought_again(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    repo.run("checkout", "-q", "-b", "release")
    repo.run("checkout", "-q", "main")
    repo.commit("b", "1", "New")
    fix = repo.commit("c", "1", "Fix")
    repo.run("checkout", "-q", "release")
    repo.run("cherry-pick", fix)
    picked = repo.head
    repo.run("checkout", "-q", "main")
    repository = Repository(repo.history("main", "release"), Requests(), Objects(repo.git))
    claims = [claim(f"forge/{n}", n, sha=sha, repository="r") for n, sha in enumerate((base, picked, fix))]
    found = contents(claims, lambda _: repository)
    assert [one.subject for one in found.changes] == ["Fix", "New"]
    assert [row.is_rollback for row in found.deployments] == [False, False, False]


def test_of_a_shared_repository_only_what_touches_the_service_counts(repo: Repo) -> None:
    base = repo.commit("web/a", "0", "Begin")
    mine = repo.commit("web/a", "1", "Mine")
    repo.commit("api/a", "1", "Theirs")
    claims = [
        claim("forge/0", 0, sha=base, repository="r"),
        claim("forge/1", 1, sha=repo.head, repository="r"),
    ]
    found = contents(claims, lambda _: known(repo), lambda _service, _repository: frozenset({base, mine}))
    assert [one.subject for one in found.changes] == ["Mine"]


def test_a_commit_that_is_nowhere_is_said(repo: Repo) -> None:
    base = repo.commit("a", "0", "Begin")
    assert brought(repo, base, "e" * 40)[1] == (
        [],
        "its commit eeeeeeee is not among those that ktlo reads (refs: all reads other branches)",
    )
