"""Resources are registered, changed and retired by who may, atomically, and every change is told."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource, retire_resource, update_resource, update_tag
from policies.actions.scopes import create_scope
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.errors import Conflict, Denied
from policies.models import AuditEvent, Catalogue, EntityType, Resource, Role, RulebookVersion, Tag

COMMAND = Actor.of_command()


def kind(name: str) -> EntityType:
    catalogue, _, code = name.partition(":")
    return EntityType.objects.get(catalogue__code=catalogue, code=code)


def role(name: str) -> Role:
    catalogue, _, code = name.partition(":")
    return Role.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def person(username: str) -> User:
    return add_person(actor=COMMAND, username=username, password="")[0]


@pytest.fixture
def world(p: SimpleNamespace) -> SimpleNamespace:
    return p


def make_platform() -> SimpleNamespace:
    """Projects alpha and beta, an administrator and alpha's project administrator, a notebook of alpha.

    Every catalogue is switched on, and nobody has a role by default.
    """
    Catalogue.objects.update(is_enabled=True, default_role=None)
    RulebookVersion.renew()
    w = SimpleNamespace(alpha=create_scope(actor=COMMAND, kind="project", name="Alpha"))
    w.beta = create_scope(actor=COMMAND, kind="project", name="Beta")
    w.administrator, w.keeper = person("administrator"), person("keeper")
    give_role(actor=COMMAND, role=role("roster:administrator"), subject=w.administrator, scope=Scope.objects.root())
    give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=w.keeper, scope=w.alpha)
    w.notebook = register_resource(actor=COMMAND, entity_type=kind("ovhcloud:notebook"), scope=w.alpha, name="masks")
    return w


def newest() -> AuditEvent:
    return AuditEvent.objects.order_by("-sequence")[0]


def test_register_says_who_and_what(world: SimpleNamespace) -> None:
    owner = person("owner")
    app = register_resource(
        actor=Actor.of_request(SimpleNamespace(user=world.administrator)),  # type: ignore[arg-type]
        entity_type=kind("h2o:app"),
        scope=world.alpha,
        name="  explorer ",
        owner=owner,
        visibility="ALL_USERS",
        listed_roles=[role("h2o:visitor")],
        tags=["new", "new", ""],
    )
    assert (app.name, [tag.name for tag in app.tags.all()], app.is_sample) == ("explorer", ["new"], False)
    event = newest()
    assert (event.action, event.actor, event.scope_name) == ("resource.register", "administrator", "Alpha")
    assert event.after["owner"] == "owner"
    assert event.after["lists"] == ["h2o:visitor"]
    assert event.after["tags"] == ["new"]


def test_only_who_may_registers_changes_and_retires(world: SimpleNamespace) -> None:
    actor = Actor("keeper", world.keeper)
    notebook = world.notebook
    attempts = (
        lambda: register_resource(actor=actor, entity_type=kind("ovhcloud:job"), scope=world.alpha, name="night"),
        lambda: update_resource(actor=actor, resource=notebook, name="mine", owner=world.keeper),
        lambda: retire_resource(actor=actor, resource=notebook),
        lambda: update_tag(actor=actor, name="open", roles=[role("h2o:visitor")]),
    )
    for attempt, action in zip(attempts, ("register", "update", "retire", "update"), strict=True):
        with pytest.raises(Denied):
            attempt()
        assert (newest().action, newest().outcome) == (f"resource.{action}", "refused")
    assert Resource.objects.values_list("name", "owner").get() == ("masks", None)
    assert not Tag.objects.exists()


def test_update_tells_what_changed_and_nothing_else(world: SimpleNamespace) -> None:
    changed = update_resource(actor=COMMAND, resource=world.notebook, name="better masks", tags=["dataset"])
    assert (changed.name, newest().before, newest().after) == (
        "better masks",
        {"name": "masks", "tags": []},
        {"name": "better masks", "tags": ["dataset"]},
    )
    count = AuditEvent.objects.count()
    update_resource(actor=COMMAND, resource=world.notebook, name="better masks")
    assert AuditEvent.objects.count() == count


@pytest.mark.parametrize("field", ["scope", "entity_type", "is_sample", "uid"])
def test_a_thing_keeps_its_type_and_place(world: SimpleNamespace, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        update_resource(actor=COMMAND, resource=world.notebook, **{field: world.beta})
    assert list(refused.value.message_dict) == [field]


def test_what_lives_in_roster_is_not_registered(world: SimpleNamespace) -> None:
    for name in ("roster:project", "roster:role_assignment", "roster:resource"):
        with pytest.raises(ValidationError, match="live in Roster itself"):
            register_resource(actor=COMMAND, entity_type=kind(name), scope=world.alpha, name="another")


def test_a_project_user_owns_nothing_in_another_project(world: SimpleNamespace) -> None:
    """OVH-10."""
    user, _ = add_project_user(actor=COMMAND, project=world.beta, description="Beta's", password="")
    with pytest.raises(ValidationError, match="belongs to another project"):
        update_resource(actor=COMMAND, resource=world.notebook, owner=user)


def test_bad_values_are_told_by_field(world: SimpleNamespace) -> None:
    for fields, field in (
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"visibility": "x" * 21}, "visibility"),
        ({"parent": world.notebook}, "parent"),
        ({"tags": ["x" * 61]}, "tags"),
    ):
        with pytest.raises(ValidationError) as refused:
            update_resource(actor=COMMAND, resource=world.notebook, **fields)
        assert list(refused.value.message_dict) == [field]
    assert Resource.objects.get().name == "masks"


def test_retiring_leaves_what_belonged_to_it(world: SimpleNamespace) -> None:
    app = register_resource(actor=COMMAND, entity_type=kind("h2o:app"), scope=world.alpha, name="app")
    instance = register_resource(
        actor=COMMAND, entity_type=kind("h2o:instance"), scope=world.alpha, name="run", parent=app
    )
    retire_resource(actor=COMMAND, resource=app)
    instance.refresh_from_db()
    assert (instance.parent, newest().action, newest().before["name"]) == (None, "resource.retire", "app")
    for again in (retire_resource, update_resource):
        with pytest.raises(Conflict):
            again(actor=COMMAND, resource=app)


def test_a_tag_opens_what_carries_it_to_holders_of_its_roles(world: SimpleNamespace) -> None:
    """H2O-12: through the tag's list, from the next decision on."""
    visitor = person("visitor")
    give_role(actor=COMMAND, role=role("h2o:visitor"), subject=visitor, scope=Scope.objects.root())
    app = register_resource(
        actor=COMMAND, entity_type=kind("h2o:app"), scope=world.alpha, name="app", visibility="ALL_USERS", tags=["all"]
    )

    def may_view() -> bool:
        return access.may(User.objects.get(pk=visitor.pk), "view", Resource.objects.get(pk=app.pk))

    assert not may_view()
    update_tag(actor=COMMAND, name="all", roles=[role("h2o:visitor")])
    assert may_view()
    assert (newest().action, newest().after) == ("tag.update", {"lists": ["h2o:visitor"]})
    update_tag(actor=COMMAND, name="all", roles=[])
    assert not may_view()
