"""GitLab's webhooks as records: the same rows as the lists give, as far as a webhook tells.

Times come as in the API or as ``2016-08-12 15:23:28 UTC``. Who opened something is only told when it is opened: columns
that a webhook leaves open keep what is known.
"""

from __future__ import annotations

import datetime as dt
from typing import TypeVar

import msgspec

from ktlo.errors import UserError
from ktlo.sources.gitlab import mapping
from ktlo.sources.gitlab.mapping import Of
from ktlo.sources.gitlab.payloads import (
    Deployable,
    DeploymentItem,
    Environment,
    Hook,
    HookDeployment,
    HookIssue,
    HookMergeRequest,
    HookNote,
    HookPipeline,
    HookRelease,
    IssueItem,
    IssueLinks,
    MergeRequestItem,
    Numbered,
    PipelineItem,
    ReleaseItem,
    User,
)
from ktlo.sources.hooked import Incoming, Taken, decoded
from ktlo.sources.lengths import TITLE
from ktlo.sources.rest.rows import Row, batches, removal

T = TypeVar("T")

EVENTS = (
    "Issues events",
    "Comments",
    "Merge request events",
    "Pipeline events",
    "Deployment events",
    "Releases events",
)

_UNTOLD = {
    "issues": ("author", "assignee"),
    "changes": ("author", "merged_by", "head_sha"),
    "incidents": ("responders", "acknowledged_at", "reopen_count"),
    "deployments": ("started_at", "actor", "url", "version"),
    "releases": ("author",),
    "workflow_runs": ("actor",),
}


def receive(incoming: Incoming, of: Of) -> Taken:
    """Turn one webhook into rows.

    Raises:
        UserError: the body is not what GitLab documents, or of another project.
    """
    hook = decoded(incoming, Hook)
    if not hook.object_kind and not hook.event_name:
        raise UserError("the body is not what this source expects: it names no event")
    project = hook.project.path_with_namespace if hook.project else ""
    if project and project.lower() != of.repository.lower():
        raise UserError(f"the webhook is about {project}, this source about {of.repository}")
    kind = hook.object_kind or hook.event_name
    makers = {
        "issue": _issue,
        "work_item": _issue,
        "merge_request": _merge_request,
        "note": _note,
        "pipeline": _pipeline,
    }
    untold: dict[str, tuple[str, ...]] = dict(_UNTOLD)
    if hook.project is None:
        # Epics are numbered as issues are, by their group.
        return Taken(kind, why_ignored="it is about no project")
    if kind == "deployment":
        rows = _deployment(decoded(incoming, HookDeployment), of)
    elif kind == "release":
        rows = _release(decoded(incoming, HookRelease), incoming.received_at, of)
    elif kind in makers:
        rows = makers[kind](hook, of)
    else:
        return Taken(kind, why_ignored="ktlo does not use this event")
    for table, row in rows:
        if table == "changes" and row.record.state != "open":
            # Only its merge or closing tells when that was.
            untold[table] = (*untold[table], "merged_at", "closed_at")
    return Taken(kind, batches(rows), why_ignored="" if rows else "nothing in it is used", untold=untold)


def _user(hook: Hook) -> str:
    return mapping.login(hook.user) if isinstance(hook.user, User) else ""


def _issue(hook: Hook, of: Of) -> list[tuple[str, Row]]:
    said = _read(hook.object_attributes, HookIssue)
    created, updated = instant(said.created_at), instant(said.updated_at)
    who = _user(hook)
    closed = instant(said.closed_at) if said.closed_at else None
    if said.state == "closed" and closed is None and said.action == "close":
        closed = updated
    item = IssueItem(
        iid=said.iid,
        title=said.title[:TITLE],
        state=said.state,
        created_at=created,
        updated_at=updated,
        description=said.description,
        # The list writes test_case what a webhook calls Test Case.
        issue_type=(said.type or "").replace(" ", "_"),
        severity=said.severity,
        labels=[label.title for label in hook.labels],
        author=User(username=who) if said.action == "open" else None,
        assignees=hook.assignees,
        closed_at=closed,
        closed_by=User(username=who) if said.action == "close" else None,
        moved_to_id=said.moved_to_id,
        links=IssueLinks(str(said.duplicated_to_id) if said.duplicated_to_id else None),
        web_url=said.url,
    )
    rows = list(mapping.issue(item, of))
    if said.action != "open":
        # Who opened it is told by its opening, and by the lists.
        rows = [
            (table, row)
            for table, row in rows
            if getattr(row.record, "kind", "") not in ("opened", "detected")
        ]
    is_incident = (said.type or "").lower() == mapping.INCIDENT
    kind = {"close": "closed", "reopen": "reopened"}.get(said.action)
    if kind and not is_incident:
        rows.append(mapping.status(str(said.iid), kind, updated, who, of))
    if is_incident and said.action == "reopen":
        rows.append(
            (
                "incident_events",
                mapping.incident_step(str(said.iid), "reopened", updated, who, "reopened", of),
            )
        )
    if is_incident and said.escalation_status == "acknowledged":
        rows.append(
            (
                "incident_events",
                mapping.incident_step(str(said.iid), "acknowledged", updated, who, "acknowledged", of),
            )
        )
    return rows


def _merge_request(hook: Hook, of: Of) -> list[tuple[str, Row]]:
    said = _read(hook.object_attributes, HookMergeRequest)
    updated, who = instant(said.updated_at), _user(hook)
    if said.action in ("approved", "approval"):  # the last one that is needed, or one of several
        return [("reviews", mapping.approval(said.iid, updated, who, of))]
    item = MergeRequestItem(
        iid=said.iid,
        title=said.title[:TITLE],
        state=said.state,
        created_at=instant(said.created_at),
        updated_at=updated,
        description=said.description,
        draft=said.draft,
        labels=[label.title for label in hook.labels],
        author=User(username=who) if said.action == "open" else None,
        merge_user=User(username=who) if said.action == "merge" else None,
        source_branch=said.source_branch,
        target_branch=said.target_branch,
        sha=str((said.last_commit or {}).get("id") or ""),
        merge_commit_sha=said.merge_commit_sha,
        squash_commit_sha=said.squash_commit_sha,
        merged_at=updated if said.action == "merge" else None,
        closed_at=updated if said.action == "close" else None,
        web_url=said.url,
    )
    return list(mapping.merge_request(item, of))


def _note(hook: Hook, of: Of) -> list[tuple[str, Row]]:
    said = _read(hook.object_attributes, HookNote)
    if said.system:
        return []
    target = {"Issue": hook.issue, "WorkItem": hook.issue, "MergeRequest": hook.merge_request}.get(
        said.noteable_type
    )
    if target is None or bytes(target) == b"null":
        return []
    number = _read(target, Numbered).iid
    return list(
        mapping.commented(said.noteable_type, number, said.id, instant(said.created_at), _user(hook), of)
    )


def _pipeline(hook: Hook, of: Of) -> list[tuple[str, Row]]:
    said = _read(hook.object_attributes, HookPipeline)
    created = instant(said.created_at)
    item = PipelineItem(
        id=said.id,
        sha=said.sha,
        status=said.status,
        created_at=created,
        updated_at=instant(said.finished_at) if said.finished_at else created,
        ref=said.ref,
        source=said.source,
        name=said.name,
        web_url=said.url,
    )
    return list(mapping.pipeline(item, of))


def _deployment(said: HookDeployment, of: Of) -> list[tuple[str, Row]]:
    changed = instant(said.status_changed_at)
    item = DeploymentItem(
        id=said.deployment_id,
        sha=(said.commit_url or "").rstrip("/").rpartition("/")[2] or said.short_sha or "",
        status=said.status,
        created_at=changed,
        updated_at=changed,
        ref=said.ref,
        user=said.user,
        environment=Environment(said.environment or ""),
        deployable=Deployable(web_url=said.deployable_url),
    )
    return list(mapping.deployment(item, of))


def _release(said: HookRelease, now: dt.datetime, of: Of) -> list[tuple[str, Row]]:
    if said.action == "delete":
        return [removal("releases", of.source, said.tag, now)]
    released = instant(said.released_at)
    item = ReleaseItem(
        tag_name=said.tag,
        released_at=released,
        name=said.name,
        upcoming_release=released > now,
        links={"self": said.url},
    )
    return list(mapping.release(item, of))


def instant(text: str) -> dt.datetime:
    """A time as webhooks write it.

    Raises:
        UserError: it is none.
    """
    try:
        found = dt.datetime.fromisoformat(text.strip().replace(" UTC", "+00:00"))
    except ValueError:
        try:
            found = dt.datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            raise UserError(f"{text[:60]!r} is no time as GitLab writes it") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _read(raw: msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise UserError(f"the body is not what this source expects: {error}") from error
