"""What would allow what is denied, and who may do that."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import asked
from policies.conditions import Condition, Listed, Owner
from policies.models import Resource, Role, RoleAssignment
from policies.protected import At, scope_of
from policies.reasons import roles_that_allow
from policies.rulebook import Rulebook

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


def give_some(book: Rulebook, user: User, action: str, thing: Any) -> Fix | None:
    """The smallest role that would allow the action, given as near to the object as it can be."""
    kind = access.type_id(book, thing)
    plain = {line.role_id for line in book.rules_for(action, kind) if not line.conditions}
    roles = sorted(roles_that_allow(book, action, kind), key=_smallness(book, plain))
    for scope in _upwards(book, thing):
        for role in roles:
            if (found := give(user, role, scope)) is not None:
                return found
    return None


def _smallness(book: Rulebook, plain: set[int]) -> Callable[[Role], Any]:
    """Roles that allow it without conditions first, then those with fewer rules."""
    sizes: dict[int, int] = {}
    for lines in book.lines.values():
        for line in lines:
            sizes[line.role_id] = sizes.get(line.role_id, 0) + 1
    return lambda role: (
        not plain & book.held_with[role.pk],
        sum(sizes.get(pk, 0) for pk in book.held_with[role.pk]),
        role.full_name,
    )


def _upwards(book: Rulebook, thing: Any) -> Iterable[Scope]:
    """The object's scope, then those above it, the organization last."""
    scope: Scope | None = scope_of(thing)
    while scope is not None:
        if scope._state.adding is False:
            yield scope
        scope = scope.parent
    if scope_of(thing) is None:
        yield book.root
