"""H2O-01 to H2O-27: asked of the command, the API of services and the permitted lists."""

from types import SimpleNamespace
from typing import Any

from accounts.models import Scope, User
from policies import access
from policies.actions.resources import update_resource, update_tag
from policies.actions.roles import RoleDraft, create_role
from policies.actions.switches import switch_catalogue
from policies.models import Catalogue, Resource, Role
from policies.protected import At
from tests.console.conftest import person
from tests.console.platforms import Console, a_thing, switched_on
from tests.console.services import a_service
from tests.factories import COMMAND, a_project, a_project_user, give, role

OWN_INSTANCE = {"view", "pause", "resume", "terminate"}
LOGS = {"logs_ui", "logs_cli"}
FA, VISITOR = "h2o:full_access", "h2o:visitor"
PEOPLE = {  # who holds which roles, all at the organization; everybody else is a visitor
    "fa": [FA],
    "other": [FA],
    "visitor": [],
    "guest": ["custom:guest"],
    "admin": ["h2o:admin"],
    "admin_fa": ["h2o:admin", FA],
    "engine_user": ["h2o:engine_user"],
    "engine_admin": ["h2o:engine_admin"],
}


def label_role(label: str, *includes: str) -> Role:
    """A role without rules, held only so that tags can list it; or one that includes others."""
    return create_role(actor=COMMAND, draft=RoleDraft(label, includes=includes))


def make_platform() -> SimpleNamespace:
    switched_on("h2o")
    p = SimpleNamespace(root=Scope.objects.root(), project=a_project("Apps"), console=Console())
    for label in ("Guest", "Partner"):
        label_role(label)
    for name, roles in PEOPLE.items():
        user = person(name.replace("_", "-"), email=f"{name.replace('_', '-')}@example.com")
        for each in roles:
            give(user, each)
        setattr(p, name, user)
    p.open = a_thing("h2o:app", p.project, "open", owner=p.other, visibility="ALL_USERS")
    p.private = a_thing("h2o:app", p.project, "private", owner=p.other, visibility="PRIVATE")
    p.own = a_thing("h2o:app", p.project, "own", owner=p.fa, visibility="PRIVATE")
    for name, visibility in (("tagged", "ALL_USERS"), ("tagged_private", "PRIVATE")):
        thing = a_thing("h2o:app", p.project, name, owner=p.other, visibility=visibility, tags=["Guests"])
        setattr(p, name, thing)
    a_thing("h2o:app", p.project, "empty", owner=p.other, visibility="ALL_USERS", tags=["Nobody"])
    update_tag(actor=COMMAND, name="Guests", roles=[role("custom:guest")])
    return p


def fresh(user: User) -> User:
    """As the next request sees the user."""
    return User.objects.get(pk=user.pk)


def instance(p: SimpleNamespace, app: Resource, owner: User, visibility: str = "PRIVATE") -> Resource:
    return a_thing("h2o:instance", p.project, f"{app} of {owner}", owner=owner, parent=app, visibility=visibility)


def actions(p: SimpleNamespace, user: User, thing: Any, kind: str = "") -> set[str]:
    """What the API says that the user may do; the list of each action has to contain the thing, or not, accordingly."""
    if not isinstance(thing, Resource):
        return p.console.actions(user, kind, thing)  # type: ignore[no-any-return]
    kind = thing.entity_type.full_name
    found: set[str] = p.console.actions(user, kind, thing)
    for action in thing.entity_type.actions:
        listed = access.permitted(fresh(user), action, kind).filter(pk=thing.pk).exists()
        assert listed == (action in found), f"{user} {action} {thing}"
    for action in sorted(thing.entity_type.actions)[:1]:
        assert p.console.may(user, action, kind, thing) == (action in found)
    return found


def classes(user: User, own: Resource) -> set[str]:
    """Through which roles somebody views their own instance: Full Access or Visitor."""
    candidates = access.explain(fresh(user), "view", own).candidates
    roles = {c.holding.role_id for c in candidates if not c.missing}
    return {each.full_name for each in Role.objects.filter(pk__in=roles).select_related("catalogue")} & {FA, VISITOR}


def full_access(name: str | None) -> None:
    """Set fullAccessRoleName."""
    switched_on("h2o", settings={"fullAccessRoleName": role(name) if name else None})


def admins(name: str | None) -> None:
    """Set adminRoleName."""
    switched_on("h2o", settings={"adminRoleName": role(name) if name else None})


# ---- Full Access or Visitor


def test_not_set_everybody_has_full_access(p: SimpleNamespace) -> None:
    """H2O-01: every user, that is every person: a project user or service has no default role."""
    credential, service = a_project_user(p.project, "credential"), a_service("service")
    full_access(None)
    for user in (p.fa, p.visitor, p.guest, p.engine_user, p.admin):
        assert p.console.may(user, "create", "h2o:app", p.project)
        assert classes(user, instance(p, p.open, user)) == {FA}
    for user in (credential, service):
        assert not p.console.may(user, "create", "h2o:app", p.project)
        assert actions(p, user, p.open) == set()


def test_set_to_a_role_its_holders_have_full_access(p: SimpleNamespace) -> None:
    """H2O-02: FA if the user holds the named role, else V: exactly one of the two at any time, re-classified at once."""
    both = person("both")
    give(both, FA)
    give(both, "custom:guest")
    instances = {user: instance(p, p.open, user) for user in (p.fa, p.guest, p.visitor, both)}
    expected = {FA: {p.fa, both}, "custom:guest": {p.guest, both}, "custom:partner": set(), "h2o:admin": set()}
    for name, holders in (*expected.items(), (None, {*instances}), (FA, expected[FA])):
        full_access(name)
        for user, own in instances.items():
            assert classes(user, own) == ({FA} if user in holders else {VISITOR}), (name, user)
            assert p.console.may(user, "create", "h2o:app", p.project) == (user in holders), (name, user)


def test_no_other_role_brings_full_access(p: SimpleNamespace) -> None:
    """H2O-02: a role that includes Full Access does not, while the key names another."""
    label_role("Team", FA)
    user = person("team")
    give(user, "custom:team")
    assert p.console.may(user, "create", "h2o:app", p.project)
    full_access("custom:guest")
    assert not p.console.may(user, "create", "h2o:app", p.project)
    assert classes(user, instance(p, p.open, user)) == {VISITOR}


# ---- Apps


def test_uploading(p: SimpleNamespace) -> None:
    """H2O-03: FA yes, V no."""
    for user, expected in ((p.fa, True), (p.visitor, False), (p.guest, False)):
        assert p.console.may(user, "create", "h2o:app", p.project) == expected
        assert p.console.may(user, "create", "h2o:app", p.root) == expected


def test_full_access_opens_what_is_open_to_all(p: SimpleNamespace) -> None:
    """H2O-04: FA views and launches an ALL_USERS app."""
    assert {"view", "launch"} <= actions(p, p.fa, p.open)
    assert actions(p, p.visitor, p.open) == set()


def test_a_private_app_is_its_owners(p: SimpleNamespace) -> None:
    """H2O-05: its owner only, whoever else has full access."""
    assert {"view", "launch"} <= actions(p, p.other, p.private)
    for user in (p.fa, p.visitor, p.guest):
        assert actions(p, user, p.private) <= {"create"}  # which is asked before there is an app
    assert p.private not in access.visible_resources(fresh(p.fa))
    assert p.private in access.visible_resources(fresh(p.other))


def test_visibility_is_changed_by_the_owner(p: SimpleNamespace) -> None:
    """H2O-06: FA changes the visibility of their own apps only."""
    assert "set_visibility" in actions(p, p.fa, p.own)
    assert "set_visibility" not in actions(p, p.fa, p.open)
    update_resource(actor=COMMAND, resource=p.own, owner=p.visitor)
    p.own.refresh_from_db()
    assert actions(p, p.visitor, p.own) == set()  # owning is not enough for a visitor


def test_the_owners_e_mail(p: SimpleNamespace) -> None:
    """H2O-10: FA sees an app owner's e-mail; H2O-11: V never does, whatever their tags open."""
    assert "view_owner_email" in actions(p, p.fa, p.open)
    for user in (p.visitor, p.guest):
        for app in (p.open, p.private, p.own, p.tagged, p.tagged_private):
            assert "view_owner_email" not in actions(p, user, app)
        assert not access.permitted(fresh(user), "view_owner_email", "h2o:app").exists()


def test_visitors_open_what_is_tagged_for_them(p: SimpleNamespace) -> None:
    """H2O-12: apps whose tags list one of V's roles, as far as they are ALL_USERS; a tag without roles opens nothing."""
    assert actions(p, p.guest, p.tagged) == {"view", "launch"}
    assert actions(p, p.guest, p.tagged_private) == set()
    assert actions(p, p.visitor, p.tagged) == set()
    assert list(access.permitted(fresh(p.guest), "launch", "h2o:app")) == [p.tagged]
    assert list(access.visible_resources(fresh(p.guest))) == [p.tagged]
    assert not access.permitted(fresh(p.visitor), "view", "h2o:app").exists()


def test_visitors_have_the_union_of_their_roles(p: SimpleNamespace) -> None:
    """H2O-12: several roles, several tags: what any of them opens."""
    second = a_thing("h2o:app", p.project, "second", owner=p.other, visibility="ALL_USERS", tags=["Partners"])
    update_tag(actor=COMMAND, name="Partners", roles=[role("custom:partner")])
    assert actions(p, p.guest, second) == set()
    give(p.guest, "custom:partner")
    guest = fresh(p.guest)
    assert set(access.permitted(guest, "launch", "h2o:app")) == {p.tagged, second}
    assert actions(p, guest, second) == {"view", "launch"}


# ---- Instances


def test_full_access_sees_instances_open_to_all(p: SimpleNamespace) -> None:
    """H2O-07: an ALL_USERS instance and their own; not another's PRIVATE one."""
    own = instance(p, p.open, p.fa)
    others, hidden = instance(p, p.open, p.other, "ALL_USERS"), instance(p, p.private, p.other)
    assert actions(p, p.fa, own) == {*OWN_INSTANCE, "logs_ui"}
    assert actions(p, p.fa, others) == {"view"}
    assert actions(p, p.fa, hidden) == set()
    assert set(access.permitted(fresh(p.fa), "view", "h2o:instance")) == {own, others}


def test_logs_in_the_browser_are_the_instance_owners(p: SimpleNamespace) -> None:
    """H2O-08: FA reads them for instances they own, and no other."""
    own, of_own_app = instance(p, p.open, p.fa), instance(p, p.own, p.other, "ALL_USERS")
    assert "logs_ui" in actions(p, p.fa, own)
    assert "logs_ui" not in actions(p, p.fa, of_own_app)


def test_logs_on_the_command_line_are_the_app_owners(p: SimpleNamespace) -> None:
    """H2O-09: FA reads them for instances of apps they own, and no other."""
    own, of_own_app = instance(p, p.open, p.fa), instance(p, p.own, p.other)
    assert "logs_cli" not in actions(p, p.fa, own)
    assert actions(p, p.fa, of_own_app) == {"logs_cli"}
    assert list(access.permitted(fresh(p.fa), "logs_cli", "h2o:instance")) == [of_own_app]


def test_visitors_and_instances(p: SimpleNamespace) -> None:
    """H2O-13: V views, pauses, resumes, terminates their own; H2O-14: nothing on another's, even ALL_USERS."""
    own, others = instance(p, p.tagged, p.guest), instance(p, p.open, p.other, "ALL_USERS")
    assert actions(p, p.guest, own) == OWN_INSTANCE
    assert actions(p, p.guest, others) == set()
    assert list(access.permitted(fresh(p.guest), "view", "h2o:instance")) == [own]


def test_visitors_read_no_logs(p: SimpleNamespace) -> None:
    """H2O-15: not even their own, nor of instances of an app that they own; in neither the UI nor the CLI."""
    app = a_thing("h2o:app", p.project, "a visitor's", owner=p.visitor, visibility="ALL_USERS")
    for thing in (
        instance(p, p.tagged, p.visitor),
        instance(p, app, p.visitor, "ALL_USERS"),
        instance(p, app, p.other),
    ):
        assert not actions(p, p.visitor, thing) & LOGS


# ---- Admins


def test_admins_are_who_holds_the_named_role(p: SimpleNamespace) -> None:
    """H2O-16: independent of FA and V; any admin command; not set, nobody is."""
    everybody = (p.fa, p.visitor, p.guest, p.admin, p.admin_fa)
    expected = {"h2o:admin": {p.admin, p.admin_fa}, "custom:guest": {p.guest}, FA: {p.fa, p.admin_fa}, None: set()}
    for name, holders in (*expected.items(), ("h2o:admin", expected["h2o:admin"])):
        admins(name)
        for user in everybody:
            assert p.console.may(user, "use", "h2o:admin_cli", p.root) == (user in holders), (name, user)
            own = instance(p, p.open, user)
            assert classes(user, own) == ({FA} if user in (p.fa, p.admin_fa) else {VISITOR})


def test_admins_and_every_app(p: SimpleNamespace) -> None:
    """H2O-17: Admin views, deletes and sets the visibility of every app; nobody else deletes."""
    for app in (p.open, p.private, p.own, p.tagged_private):
        assert actions(p, p.admin, app) == {"view", "delete", "set_visibility"}
        assert "delete" not in actions(p, p.fa, app) | actions(p, p.visitor, app)
    assert access.permitted(fresh(p.admin), "delete", "h2o:app").count() == 6


def test_admins_read_all_logs(p: SimpleNamespace) -> None:
    """H2O-18: of every instance, UI and CLI."""
    for thing in (instance(p, p.open, p.fa), instance(p, p.private, p.other), instance(p, p.tagged, p.guest)):
        assert actions(p, p.admin, thing) == {"view", *LOGS}


def test_admins_launch_and_upload_as_anybody(p: SimpleNamespace) -> None:
    """H2O-19: launches only as FA or through a tag role; H2O-20: uploads only as FA."""
    assert "launch" not in actions(p, p.admin, p.open) | actions(p, p.admin, p.tagged)
    assert not p.console.may(p.admin, "create", "h2o:app", p.project)
    assert "launch" in actions(p, p.admin_fa, p.open)
    assert p.console.may(p.admin_fa, "create", "h2o:app", p.project)
    give(p.admin, "custom:guest")
    admin = fresh(p.admin)
    assert "launch" in actions(p, admin, p.tagged)
    assert "launch" not in actions(p, admin, p.open)
    assert not p.console.may(admin, "create", "h2o:app", p.project)


# ---- Engines


def test_engine_versions_and_profiles(p: SimpleNamespace) -> None:
    """H2O-21: Engine Admin creates engine versions, User not; H2O-22: profiles likewise."""
    profile = a_thing("h2o:engine_profile", p.project, visibility="NOT_RESTRICTED")
    for user, expected in ((p.engine_admin, True), (p.engine_user, False), (p.fa, False)):
        assert p.console.may(user, "create", "h2o:engine_version", p.project) == expected
        assert p.console.may(user, "create", "h2o:engine_profile", p.project) == expected
    assert actions(p, p.engine_admin, profile) == {"use", "create", "read", "update", "delete"}
    assert actions(p, p.engine_user, profile) == {"use"}


def test_engine_logs(p: SimpleNamespace) -> None:
    """H2O-23: of engine usage and of all instances: Engine Admin, User not."""
    engine = a_thing("h2o:engine", p.project, owner=p.engine_user)
    for user, expected in ((p.engine_admin, True), (p.engine_user, False)):
        assert p.console.may(user, "read", "h2o:engine_usage_log", p.project) == expected
        assert ("logs" in actions(p, user, engine)) == expected


def test_engine_admins_may_what_users_may(p: SimpleNamespace) -> None:
    """H2O-24: every User permission, by including the role."""
    engines = {
        user: a_thing("h2o:engine", p.project, str(user), owner=user) for user in (p.engine_admin, p.engine_user)
    }
    theirs, own = (actions(p, user, engine) for user, engine in engines.items())
    assert theirs - {"logs"} == own == {"launch", "view", "access", "pause", "resume", "terminate"}
    for kind, action in (("h2o:engine_console", "login"), ("h2o:engine", "launch")):
        assert p.console.may(p.engine_admin, action, kind, p.project)


def test_signing_in_to_the_engine_console(p: SimpleNamespace) -> None:
    """H2O-25: User yes; no engine role, no."""
    for user, expected in (
        (p.engine_user, True),
        (p.engine_admin, True),
        (p.fa, False),
        (p.visitor, False),
        (p.admin, False),
    ):
        assert p.console.may(user, "login", "h2o:engine_console", p.root) == expected


def test_engines_are_their_owners(p: SimpleNamespace) -> None:
    """H2O-26: launch; view, access, pause, resume, terminate their own engines, not another's."""
    own = a_thing("h2o:engine", p.project, "own", owner=p.engine_user)
    others = a_thing("h2o:engine", p.project, "others", owner=p.other, visibility="ALL_USERS")
    assert p.console.may(p.engine_user, "launch", "h2o:engine", p.project)
    assert not p.console.may(p.fa, "launch", "h2o:engine", p.project)
    assert actions(p, p.engine_user, own) == {"launch", "view", "access", "pause", "resume", "terminate"}
    assert actions(p, p.engine_user, others) == {"launch"}
    assert list(access.permitted(fresh(p.engine_user), "access", "h2o:engine")) == [own]


def test_profiles_list_their_roles(p: SimpleNamespace) -> None:
    """H2O-27: usable by who holds a role that it lists; not restricted: open to all; disabled: nobody."""
    give(p.engine_user, "custom:partner")
    user, other = fresh(p.engine_user), person("other-engineer")
    give(other, "h2o:engine_user")
    lists = [role("custom:partner")]
    cases = {"NOT_RESTRICTED": {user, other}, "RESTRICTED": {user}, "DISABLED": set()}
    for visibility, users in cases.items():
        name = visibility.lower()
        profile = a_thing("h2o:engine_profile", p.project, name, visibility=visibility, listed_roles=lists)
        for each in (user, other, p.fa):
            assert p.console.may(each, "use", "h2o:engine_profile", profile) == (each in users), (visibility, each)
    usable = access.permitted(user, "use", "h2o:engine_profile").order_by("name")
    assert [profile.name for profile in usable] == ["not_restricted", "restricted"]


def test_nothing_while_the_platform_is_off(p: SimpleNamespace) -> None:
    """H2O-02, H2O-16: default roles and settings of a catalogue that is switched off give nothing."""
    full_access(None)
    switch_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code="h2o"), enabled=False)
    for user in (p.fa, p.visitor, p.admin, p.engine_admin):
        assert not access.may(fresh(user), "create", At("h2o:app", p.project))
        assert not access.visible_resources(fresh(user)).exists()
