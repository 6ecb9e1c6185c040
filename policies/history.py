"""The audit trail, told to people: which events somebody may read, and each of them as a sentence.

    Mara Lindqvist | changed the roles of | svc-train | + AI Training Operator | - ObjectStore Operator
    actor            what                   target      added                    removed

Events are older than what they tell about: names come from the event, labels from the rules of today where they still
know the name, and an action that nobody described here is told by its own words.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from accounts.models import Scope, User
from policies import access
from policies.models import AuditEvent, Role
from policies.protected import entity_type_of
from policies.rulebook import Rulebook, rulebook

# What was done, by area. A trailing "of" or the like leads to the target and is left out where the target is not named.
AREAS: dict[str, dict[str, str]] = {
    "Project users": {
        "project_user.create": "added the user",
        "project_user.update": "changed the description of",
        "project_user.edit_roles": "changed the roles of",
        "project_user.generate_password": "generated a new password for",
        "project_user.disable": "disabled",
        "project_user.enable": "enabled",
        "project_user.delete": "deleted the user",
        "project_user.export": "exported the users of",
    },
    "People": {
        "user.create": "added",
        "user.update": "changed the details of",
        "user.edit_roles": "changed the roles of",
        "user.generate_password": "generated a new password for",
        "user.disable": "disabled",
        "user.enable": "enabled",
        "user.delete": "deleted",
    },
    "Signing in": {
        "user.sign_in": "signed in",
        "user.sign_out": "signed out",
        "user.change_password": "chose a new password",
        "user.end_session": "ended a session of",
        "user.get_token": "got an identity token",
        "user.revoke_token": "revoked an identity token of",
    },
    "Roles": {
        "role.create": "made the role",
        "role.update": "changed the role",
        "role.delete": "deleted the role",
        "role_assignment.create": "gave a role to",
        "role_assignment.update": "changed the end of a role of",
        "role_assignment.delete": "took a role from",
        "role_assignment.export": "exported the role assignments of",
    },
    "Sharing": {
        "project.share": "shared the project",
        "project.unshare": "stopped sharing the project",
        "user.share": "shared the person",
        "user.unshare": "stopped sharing the person",
        "project_user.share": "shared the project user",
        "project_user.unshare": "stopped sharing the project user",
        "resource.share": "shared the resource",
        "resource.unshare": "stopped sharing the resource",
    },
    "Projects": {
        "project.create": "created the project",
        "project.update": "changed the project",
        "project.delete": "deleted the project",
    },
    "Organization": {
        "organization.update": "changed the organization",
        "department.create": "created the department",
        "department.update": "changed the department",
        "department.delete": "deleted the department",
        "cluster.create": "created the cluster",
        "cluster.update": "changed the cluster",
        "cluster.delete": "deleted the cluster",
        "group.create": "created the group",
        "group.update": "changed the group",
        "group.delete": "deleted the group",
    },
    "Services": {
        "service.create": "registered the service",
        "service.update": "changed the service",
        "service.disable": "disabled the service",
        "service.enable": "enabled the service",
        "service.delete": "retired the service",
        "service.create_token": "made a token for",
        "service.delete_token": "revoked a token of",
        "service.create_endpoint": "added an endpoint of",
        "service.update_endpoint": "changed an endpoint of",
        "service.delete_endpoint": "removed an endpoint of",
        "region.create": "added the region",
        "region.update": "changed the region",
        "region.delete": "removed the region",
    },
    "Credentials": {
        "app_token.create": "made the app token",
        "app_token.update": "renewed the app token",
        "app_token.delete": "revoked the app token",
        "application_credential.create": "made an application credential of",
        "application_credential.delete": "deleted an application credential of",
        "ec2_credential.create": "made S3 keys of",
        "ec2_credential.delete": "deleted S3 keys of",
    },
    "Installation": {
        "event_history.export": "exported the activity of",
        "decision.export": "exported who may do what in",
        "bulk_job.create": "started work on many users of",
        "bulk_job.stop": "stopped work on many users of",
        "catalogue.create": "loaded the role catalogue",
        "catalogue.update": "changed the role catalogue",
        "sample.load": "loaded the sample",
        "sample.delete": "removed the sample",
    },
    "Resources": {
        "resource.register": "registered",
        "resource.update": "changed",
        "resource.retire": "retired",
        "resource.export": "exported the resources of",
        "tag.update": "changed the tag",
    },
}
LABELS = {"url": "URL", "slug": "Short name"}  # fields that their own names call otherwise
OF_ONESELF = {"user.sign_in", "user.sign_out", "user.change_password", "user.get_token"}
VERBS = {action: words for area in AREAS.values() for action, words in area.items()}
LEADING_TO_A_TARGET = (" of", " for", " to", " from", " the user")
DONE, REFUSED = "done", "refused"


class Change(NamedTuple):
    """One field that an event changed; an empty text is a value that was or is not there."""

    label: str
    before: str
    after: str


class RoleName(NamedTuple):
    """A role that today's rules no longer know."""

    label: str
    family: str = ""


@dataclass
class Told:
    """An event in words; see the example at the top of this module."""

    event: AuditEvent
    what: str
    target: str
    added: list[Role | RoleName] = field(default_factory=list)
    removed: list[Role | RoleName] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    reason: str = ""
    target_url: str = ""  # for the pages to fill in: only they know addresses, and what the reader may open

    @property
    def at(self) -> datetime:
        return self.event.at

    @property
    def actor(self) -> str:
        return self.event.actor or "Somebody"

    @property
    def refused(self) -> bool:
        return self.event.outcome == REFUSED

    @property
    def via(self) -> str:
        """How it was done: in the browser, with a command, or by a service."""
        kind, colon, _ = self.actor.partition(":")
        return kind if colon and kind in ("command", "service") else "browser"

    @property
    def place(self) -> str:
        """The project or other place it happened in; empty where the target says it."""
        return "" if self.event.object_name == self.event.scope_name else self.event.scope_name

    @property
    def address(self) -> str:
        return self.event.address

    @property
    def request_id(self) -> str:
        return self.event.request_id

    @property
    def before_and_after(self) -> str:
        """What changed, as plain text for exports."""
        parts = [f"+ {role.label}" for role in self.added] + [f"- {role.label}" for role in self.removed]
        parts += [
            f"{change.label}: {change.before or 'nothing'} → {change.after or 'nothing'}" for change in self.changes
        ]
        return "; ".join(parts)


def readable(user: User, within: Scope | None = None) -> QuerySet[AuditEvent]:
    """The events that somebody may read (of a place and everything below it), newest first."""
    return access.permitted(user, "read", "event_history", within=within).order_by("-sequence")


def about(events: QuerySet[AuditEvent], user: User) -> QuerySet[AuditEvent]:
    """Those of the events that happened to a user."""
    return events.filter(object_uid=user.uid)


@dataclass
class Window:
    """Some of the events, newest first, and from where the newer and the older ones go on (None: there are none)."""

    events: list[AuditEvent]
    newer: int | None
    older: int | None


def window(events: QuerySet[AuditEvent], size: int, *, before: int | None = None, after: int | None = None) -> Window:
    """The newest events, or those next to an event by its number. Counts nothing: a million is as quick as ten."""
    if after is not None:
        found = list(events.filter(sequence__gt=after).order_by("sequence")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return Window(found, found[0].sequence if more else None, found[-1].sequence if found else None)
    found = list((events if before is None else events.filter(sequence__lt=before))[: size + 1])
    more, found = len(found) > size, found[:size]
    return Window(
        found, found[0].sequence if before is not None and found else None, found[-1].sequence if more else None
    )


def every(events: QuerySet[AuditEvent], size: int = 1000) -> Iterator[Told]:
    """All the events in words, some at a time: an export neither holds them all nor a transaction open."""
    last: int | None = None
    while found := list((events if last is None else events.filter(sequence__lt=last))[:size]):
        yield from tell(found)
        last = found[-1].sequence


def tell(events: Iterable[AuditEvent], *, targets: bool = True) -> list[Told]:
    """Events in words. Without `targets` the reader knows already to whom all this happened."""
    book = rulebook()
    roles = {role.full_name: role for role in book.roles.values()}
    return [_told(event, book, roles, targets) for event in events]


def described(action: str) -> str:
    """What an action is called where nobody did it to anything yet: `Changed the roles`."""
    return _without_target(VERBS[action]).removesuffix(" this user").capitalize()


def last_change(thing: Any, action: str = "") -> Told | None:
    """The newest event of an object (of one kind: `update`): what a form says when somebody else was faster.

    It is for those who may change the object, whether or not they may read events.
    """
    uid = getattr(thing, "uid", "")
    about = {"object_uid": uid} if uid else {"object_type": entity_type_of(thing), "object_name": str(thing)}
    events = AuditEvent.objects.filter(**about, outcome=DONE, action__endswith=f".{action}" if action else "")
    event = events.order_by("-sequence").first()
    return tell([event])[0] if event else None


def _told(event: AuditEvent, book: Rulebook, roles: dict[str, Role], targets: bool) -> Told:
    before, after = dict(event.before), dict(event.after)
    target = "" if event.action in OF_ONESELF and event.object_uid == event.actor_uid else event.object_name
    told = Told(event, _what(event, book), target, reason=str(after.pop("reason", "") or ""))
    before.pop("reason", "")
    if "roles" in before or "roles" in after:
        was, now = _names(before.pop("roles", [])), _names(after.pop("roles", []))
        told.added = [roles.get(name) or RoleName(name) for name in now if name not in was]
        told.removed = [roles.get(name) or RoleName(name) for name in was if name not in now]
    if event.object_type == "role_assignment" and event.outcome == DONE:
        _tell_assignment(told, before, after, roles)
    if event.action.endswith(("share", "unshare")) and event.outcome == DONE:
        _tell_share(told, before, after, book)
    told.changes = [change for change in _changes(before, after, roles) if change[1:] != ("", told.target)]
    if not targets:
        told.what = _without_target(told.what)
    return told


def _what(event: AuditEvent, book: Rulebook) -> str:
    kind, _, action = event.action.partition(".")
    if event.outcome != REFUSED and event.action in VERBS:
        return VERBS[event.action]
    entity = book.type_called(kind)
    if entity and action in entity.actions:
        return f"{entity.actions[action].lower()} · {entity.label.lower()}"
    return f"{action} {'' if kind == 'user' else kind}".replace("_", " ").strip()


def _tell_assignment(told: Told, before: dict[str, Any], after: dict[str, Any], roles: dict[str, Role]) -> None:
    """`told` of an assignment: role, to, in, expires."""
    row = after or before
    role = roles.get(row.get("role", "")) or RoleName(str(row.get("role", "")))
    if not before:
        told.added = [role]
    elif not after:
        told.removed = [role]
    told.target = str(row.get("to", told.target))
    for name in ("role", "to", "in"):
        before.pop(name, "")
        after.pop(name, "")


def _tell_share(told: Told, before: dict[str, Any], after: dict[str, Any], book: Rulebook) -> None:
    """`told` of a share: action, with."""
    row = after or before
    entity = book.type_called(str(row.get("type") or told.event.object_type))
    label = entity.actions.get(row.get("action", ""), row.get("action", "")) if entity else row.get("action", "")
    told.what = f"{'let' if after else 'no longer lets'} {row.get('with', '')} {str(label).lower()}"
    before.clear()
    after.clear()


def _without_target(what: str) -> str:
    for end in LEADING_TO_A_TARGET:
        what = what.removesuffix(end)
    return f"{what} this user" if what in ("disabled", "enabled", "deleted", "added") else what


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _changes(before: dict[str, Any], after: dict[str, Any], roles: dict[str, Role]) -> list[Change]:
    changes = [
        Change(
            LABELS.get(name) or name.replace("_", " ").capitalize(),
            _text(before.get(name), roles),
            _text(after.get(name), roles),
        )
        for name in dict.fromkeys((*before, *after))
    ]
    return [change for change in changes if change.before != change.after]


def _text(value: Any, roles: dict[str, Role]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(each, roles) for each in value)
    return "" if value is None else str(roles.get(str(value), value))
