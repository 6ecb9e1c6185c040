"""OVH-01 to OVH-10: asked of the command, the API of services and the permitted lists.

What each of the eleven roles allows is proved cell by cell in tests/policies/test_statements_ovh.py.
"""

from types import SimpleNamespace

import pytest

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import edit_roles
from policies.actions.users import delete_user, disable_user
from policies.models import Resource
from tests.console.platforms import Console, a_thing, switched_on
from tests.factories import COMMAND, a_project, a_project_user, role

OPERATOR, READER, STORAGE = (
    "ovhcloud:ai_training_operator",
    "ovhcloud:ai_training_read",
    "ovhcloud:objectstore_operator",
)
AI = ("ovhcloud:notebook", "ovhcloud:job", "ovhcloud:app")
FILES, COMMAND_LINE = "ovhcloud:object_storage", "ovhcloud:cli"
ALL, OPEN, NOTHING = {"launch", "access", "stop", "delete"}, {"access"}, set[str]()


def make_platform() -> SimpleNamespace:
    """Two projects with a thing of each kind."""
    switched_on("ovhcloud")
    p = SimpleNamespace(alpha=a_project("Alpha"), beta=a_project("Beta"), console=Console())
    p.things = {scope.pk: {kind: a_thing(kind, scope) for kind in (*AI, FILES)} for scope in (p.alpha, p.beta)}
    return p


def check(
    p: SimpleNamespace, user: User, ai: set[str], files: set[str], *, cli: bool, scope: Scope | None = None
) -> None:
    """What the user may do in a project with things that exist, and with some there; what the lists contain."""
    scope = scope or p.alpha
    things: dict[str, Resource] = p.things[scope.pk]
    for kind, expected in {**dict.fromkeys(AI, ai), FILES: files}.items():
        assert p.console.actions(user, kind, things[kind]) == expected, kind
        assert p.console.actions(user, kind, scope) == expected, kind
        for action in things[kind].entity_type.actions:
            assert p.console.may(user, action, kind, things[kind]) == (action in expected), (kind, action)
            listed = access.permitted(User.objects.get(pk=user.pk), action, kind, within=scope)
            assert list(listed) == ([things[kind]] if action in expected else []), (kind, action)
    assert p.console.may(user, "login", COMMAND_LINE, scope) == cli


@pytest.mark.parametrize(
    ("roles", "ai", "files", "cli"),
    [
        ([], NOTHING, NOTHING, False),
        ([OPERATOR], ALL, NOTHING, True),
        ([READER], OPEN, NOTHING, False),
        ([STORAGE], NOTHING, {"read", "write"}, False),
        ([OPERATOR, STORAGE], ALL, {"read", "write"}, True),
        ([READER, STORAGE], OPEN, {"read", "write"}, False),
        ([OPERATOR, READER], ALL, NOTHING, True),
    ],
    ids=["none", "operator", "reader", "storage", "operator+storage", "reader+storage", "operator+reader"],
)
def test_what_roles_allow_in_their_project(
    p: SimpleNamespace, roles: list[str], ai: set[str], files: set[str], cli: bool
) -> None:
    """OVH-01 to OVH-08 in the user's own project; OVH-10: nothing in another."""
    user = a_project_user(p.alpha, "somebody", *roles)
    check(p, user, ai, files, cli=cli)
    check(p, user, NOTHING, NOTHING, cli=False, scope=p.beta)


def test_access_ends_with_the_role_or_the_user(p: SimpleNamespace) -> None:
    """OVH-09: when the AI role is taken storage stays as it was; nothing is left when the user is disabled or deleted."""
    user = a_project_user(p.alpha, "somebody", OPERATOR, STORAGE)
    check(p, user, ALL, {"read", "write"}, cli=True)
    edit_roles(actor=COMMAND, user=user, roles=[role(STORAGE)])
    check(p, user, NOTHING, {"read", "write"}, cli=False)
    disable_user(actor=COMMAND, user=user)
    check(p, user, NOTHING, NOTHING, cli=False)
    other = a_project_user(p.alpha, "another", OPERATOR, STORAGE)
    delete_user(actor=COMMAND, user=other)
    for kind in (*AI, FILES):
        assert p.console.actions(other, kind, p.things[p.alpha.pk][kind]) == NOTHING
