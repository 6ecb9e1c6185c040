"""What would allow what is denied, and who may do that."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import asked
from policies.conditions import Condition, Listed, Owner
from policies.holdings import subject_for
from policies.models import Resource, Role, RoleAssignment
from policies.protected import PROTECTED, At, entity_type_of, scope_of
from policies.reasons import roles_that_allow
from policies.rulebook import Line, Rulebook

PEOPLE_SHOWN = 3


@dataclass(frozen=True)
class Fix:
    """One change that would help. `asked`: the (action, object) that whoever makes it must be allowed, all of them."""

    kind: str  # enable, clusters, give, prolong, switch_on or describe: which page it is made on
    sentence: str
    asked: tuple[tuple[str, Any], ...]
    role: Role | None = None
    thing: Any = None  # what the page is about: a user, an assignment, a catalogue, a resource

    def may(self, user: User) -> bool:
        """Whether this user may make the change."""
        return all(access.may(user, action, thing) for action, thing in self.asked)

    def people(self) -> QuerySet[User]:
        """The people who may make the change."""
        found = User.objects.people()
        for action, thing in self.asked:
            found = found.filter(pk__in=access.people_who_may(action, thing).order_by().values("pk"))
        return found.order_by("description", "username")


def enable(user: User) -> Fix:
    return Fix("enable", f"Enable {user.label}", (("update" if user.is_service else "disable", user),), thing=user)


def add_cluster(user: User, cluster: Scope) -> Fix:
    return Fix("clusters", f"Add {cluster} to the clusters of {user.label}", (("update", user),), thing=user)


def prolong(assignment: RoleAssignment) -> Fix:
    questions = tuple(("update", thing) for thing in asked(assignment))
    return Fix("prolong", "Let the assignment end later, or never", questions, thing=assignment)


def switch_on(book: Rulebook, role: Role) -> Fix | None:
    """What gives a role its effect back; nothing does for one that its catalogue no longer has."""
    if role.is_retired:
        return None
    sentence = f"Change the settings of {role.catalogue}"
    return Fix("switch_on", sentence, (("update", At("catalogue", book.root)),), thing=role.catalogue)


def describe(condition: Condition, thing: Any) -> Fix | None:
    """A change of what is registered about a resource, so that a condition holds."""
    if not isinstance(thing, Resource):
        return None
    what = {Owner: "owner", Listed: "listed roles and tags"}.get(type(condition), getattr(condition, "name", ""))
    return Fix("describe", f"Change its {what}", (("update", At("resource", thing.scope)),), thing=thing)


def give(user: User, role: Role, scope: Scope) -> Fix | None:
    """The role, given to the user in the scope; None where it cannot be held or given so."""
    if role.subjects and user.kind not in role.subjects:
        return None
    if role.binds and scope.kind not in role.binds:
        return None
    if user.is_project_user and user.project_id != scope.pk:
        return None
    new = RoleAssignment(role=role, user=user, scope=scope)
    questions = [("create", thing) for thing in asked(new)]
    if user.is_project_user:
        questions.append(("give_role", user))
    return Fix("give", f"Give {role} in {scope}", tuple(questions), role, new)


def give_some(book: Rulebook, user: User, action: str, thing: Any, *, partly: bool = False) -> Fix | None:
    """The smallest role that would allow the action, given as near to the object as it can be.

    `partly`: where there is none, also one whose conditions the user or the object does not meet.
    """
    kind = access.type_id(book, thing)
    enough = {line.role_id for line in book.rules_for(action, kind) if _met(line, user, thing)}
    allowing = roles_that_allow(book, action, kind)
    roles = [role for role in allowing if partly or enough & book.held_with[role.pk]]
    roles.sort(key=lambda role: (not enough & book.held_with[role.pk], _size(book, role), role.full_name))
    for scope in _upwards(book, thing):
        for role in roles:
            if (found := give(user, role, scope)) is not None:
                some = "" if enough & book.held_with[role.pk] else ": it allows this only under conditions"
                return replace(found, sentence=f"{found.sentence}{some}")
    return None


def _met(line: Line, user: User, thing: Any) -> bool:
    """Whether the conditions of a rule hold for the user and the object; of some object nothing is known."""
    seen = PROTECTED.get(entity_type_of(thing))
    if isinstance(thing, At) or seen is None:
        return not line.conditions
    return all(condition.holds(subject_for(user), thing, seen) for condition in line.conditions)


def _size(book: Rulebook, role: Role) -> int:
    """How many rules the role has, with the roles that come with it."""
    held = book.held_with[role.pk]
    return sum(line.role_id in held for lines in book.lines.values() for line in lines)


def _upwards(book: Rulebook, thing: Any) -> Iterable[Scope]:
    """The object's scope, then those above it, the organization last."""
    scope: Scope | None = scope_of(thing)
    while scope is not None:
        if scope._state.adding is False:
            yield scope
        scope = scope.parent
    if scope_of(thing) is None:
        yield book.root
