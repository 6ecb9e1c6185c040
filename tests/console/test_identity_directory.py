"""Identity v3: users, projects, groups, roles and the one domain, read and written as clients do it."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from zeal import zeal_ignore

from accounts.models import Project, User
from policies.actions import sign_in
from policies.actions.groups import create_group
from policies.actions.users import disable_user
from policies.models import AuditEvent, Role
from policies.naming import short_role_names
from tests.console.identity import Caller
from tests.console.services import a_service
from tests.factories import COMMAND, an_administrator, give, role

pytestmark = pytest.mark.django_db
OWN = "http://127.0.0.1:8000/identity/v3"


@pytest.fixture
def admin(org: SimpleNamespace) -> Caller:
    return Caller(org.administrator)


@pytest.fixture
def keeper(org: SimpleNamespace) -> Caller:
    return Caller(org.keeper, org.alpha)


@pytest.fixture
def plain(org: SimpleNamespace) -> Caller:
    """A project user without rights in the console."""
    return Caller(org.alpha_user, org.alpha)


def names(answer: dict[str, Any], kind: str) -> list[str]:
    return sorted(row["name"] for row in answer[kind])


def last_events(count: int = 1) -> list[str]:
    return list(AuditEvent.objects.order_by("-sequence").values_list("action", flat=True))[:count][::-1]


# Users


def test_a_user_as_clients_know_one(org: SimpleNamespace, admin: Caller) -> None:
    assert admin.get(f"/users/{org.alpha_user.uid}")["user"] == {
        "id": org.alpha_user.uid, "name": "alpha-user", "domain_id": "default", "enabled": True,
        "default_project_id": org.alpha.uid, "description": "Pipeline of Alpha", "email": None,
        "password_expires_at": None, "options": {}, "links": {"self": f"{OWN}/users/{org.alpha_user.uid}"},
    }  # fmt: skip
    keeper = admin.get(f"/users/{org.keeper.uid}")["user"]
    assert (keeper["email"], keeper["default_project_id"]) == ("keeper@example.com", None)


def test_a_name_is_no_id(org: SimpleNamespace, admin: Caller) -> None:
    """Clients ask for /users/NAME first, and take 404 as "it is a name": then they ask for ?name=."""
    for path in ("/users/alpha-user", "/projects/alpha", "/roles/ai_training_read", "/groups/Team", "/domains/Default"):
        error = admin.get(path, 404)["error"]
        assert (error["code"], error["title"]) == (404, "Not Found")
        assert path.split("/")[-1] in error["message"]
    assert names(admin.get("/users?name=alpha-user"), "users") == ["alpha-user"]
    assert names(admin.get("/projects?name=alpha"), "projects") == ["alpha"]
    assert names(admin.get("/roles?name=ai_training_read"), "roles") == ["ai_training_read"]
    assert admin.get("/users?name=nobody")["users"] == []


def test_users_whom_one_sees(org: SimpleNamespace, admin: Caller, keeper: Caller, plain: Caller) -> None:
    """19: what the pages list, the API lists; a project user sees itself."""
    service = a_service("swift")
    everybody = ["administrator", "alpha-user", "beta-user", "keeper", "outsider", "swift", "viewer"]
    assert [name for name in names(admin.get("/users"), "users") if name in everybody] == everybody
    assert names(keeper.get("/users"), "users") == ["alpha-user", "keeper"]
    assert names(plain.get("/users"), "users") == ["alpha-user"]
    assert names(plain.get(f"/users?name={org.beta_user.username}"), "users") == []
    for caller in (keeper, plain):
        for user in (org.beta_user, org.outsider, service):
            hidden = caller.get(f"/users/{user.uid}", 404)["error"]["message"]
            assert hidden == caller.get(f"/users/{'0' * 32}", 404)["error"]["message"].replace("0" * 32, user.uid)
    plain.get(f"/users/{org.keeper.uid}", 404)


def test_whoever_sees_a_role_sees_who_holds_it_but_not_the_address(org: SimpleNamespace, keeper: Caller) -> None:
    """`openstack user list --project` asks for each user that an assignment names."""
    found = keeper.get(f"/users/{org.viewer.uid}")["user"]
    assert (found["name"], found["email"]) == ("viewer", None)
    team = create_group(actor=COMMAND, name="Team")
    team.user_set.add(org.outsider)
    keeper.get(f"/users/{org.outsider.uid}", 404)
    give(team, "roster:project_viewer", org.alpha)
    assert keeper.get(f"/users/{org.outsider.uid}")["user"]["email"] is None
    assert Caller(org.viewer).get(f"/users/{org.viewer.uid}")["user"]["email"] == "viewer@example.com"


def test_lists_of_users_are_filtered_and_paged(org: SimpleNamespace, admin: Caller) -> None:
    disable_user(actor=COMMAND, user=org.alpha_user)
    assert names(admin.get("/users?enabled=False"), "users") == ["alpha-user"]
    assert "alpha-user" not in names(admin.get("/users?enabled=true"), "users")
    assert names(admin.get(f"/users?default_project_id={org.beta.uid}"), "users") == ["beta-user"]
    assert admin.get("/users?domain_id=other")["users"] == []
    assert admin.get("/users?name=%00")["users"] == []
    everybody, found, path = names(admin.get("/users"), "users"), [], "/users?limit=2"
    while path:
        page = admin.get(path)
        assert len(page["users"]) <= 2
        found += page["users"]
        path = (page["links"]["next"] or "").removeprefix(OWN)
    assert sorted(user["name"] for user in found) == everybody
    assert "truncated" not in page


def test_a_project_user_is_added_with_the_password_that_a_client_sends(org: SimpleNamespace, keeper: Caller) -> None:
    """OVH-10: a user with a default project belongs to it; by the same right, and in the same trail, as on the page."""
    given = {
        "name": "ci",
        "description": "Nightly",
        "default_project_id": org.alpha.uid,
        "password": "a long enough one",
    }
    user = keeper.ask("POST", "/users", {"user": {**given, "domain_id": "default", "enabled": True}}, 201)["user"]
    stored = User.objects.get(uid=user["id"])
    assert (stored.kind, stored.project, stored.description) == ("project_user", org.alpha, "Nightly")
    assert stored.check_password("a long enough one")
    assert last_events() == ["project_user.create"]
    assert "password" not in user
    keeper.ask("POST", "/users", {"user": given}, 409)  # --or-show goes on from there
    keeper.ask("POST", "/users", {"user": {**given, "name": "other", "default_project_id": org.beta.uid}}, 404)
    keeper.ask("POST", "/users", {"user": {"name": "somebody"}}, 403)  # a person: not the keeper's matter
    assert last_events() == ["user.create"]
    assert AuditEvent.objects.latest("sequence").outcome == "refused"


def test_a_person_is_added_with_a_temporary_password(org: SimpleNamespace, admin: Caller) -> None:
    """9: what somebody else chose has to be changed at the first sign-in, and dies after a day."""
    given = {"name": "ann", "email": "ann@example.com", "description": "Ann Lee", "password": "chosen for Ann by us"}
    user = admin.ask("POST", "/users", {"user": {**given, "enabled": False}}, 201)["user"]
    stored = User.objects.get(uid=user["id"])
    assert (user["name"], user["enabled"], stored.is_person, stored.password_is_temporary) == ("ann", False, True, True)
    assert user["password_expires_at"].endswith("Z")
    assert last_events(2) == ["user.create", "user.disable"]
    admin.ask("POST", "/users", {"user": {"name": "bob"}}, 201)
    assert not User.objects.get(username="bob").has_usable_password()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x", "password": "short"}, {"name": "x", "password": 7}, {"name": 7}, {"name": ""}, {},
        {"name": "x", "enabled": "false"}, {"name": "x", "is_superuser": True}, {"name": "x", "kind": "service"},
        {"name": "x", "options": {"lock_password": True}}, {"name": "x", "email": "nonsense"}, {"name": "a b"},
        {"name": "x", "password": "x" * 1025}, {"name": "x" * 65}, {"name": "x\x00y"}, {"name": "x", "description": "\x00"},
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_new_user_is_said(admin: Caller, wrong: dict[str, Any]) -> None:
    """20: "FALSE" is not read as true (OSSA-2026-007), and what nobody may set is refused."""
    before = User.objects.count()
    admin.ask("POST", "/users", {"user": wrong}, 400)
    assert User.objects.count() == before


def test_a_user_is_changed_all_at_once_or_not_at_all(org: SimpleNamespace, keeper: Caller) -> None:
    path = f"/users/{org.alpha_user.uid}"
    given = {"name": "alpha-user", "description": "Weekly", "enabled": False, "password": "another long one"}
    user = keeper.ask("PATCH", path, {"user": given})["user"]
    assert (user["description"], user["enabled"]) == ("Weekly", False)
    assert last_events(3) == ["project_user.generate_password", "project_user.update", "project_user.disable"]
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.check_password("another long one")
    assert not org.alpha_user.password_is_temporary
    keeper.ask("PATCH", path, {"user": {"enabled": True, "description": "x" * 300}}, 400)
    assert keeper.get(path)["user"] == user
    for refused in ({"name": "other"}, {"default_project_id": org.beta.uid}, {"email": "a@example.com"}, {"id": "1"}):
        keeper.ask("PATCH", path, {"user": refused}, 400)
    keeper.ask("PATCH", path, {"user": {"domain_id": "other"}}, 404)


def test_whoever_may_update_may_not_set_passwords(org: SimpleNamespace) -> None:
    """Keycloak CVE-2026-97177: a generic update must not get around a refused new password."""
    viewer = Caller(org.viewer, org.alpha)
    viewer.ask("PATCH", f"/users/{org.alpha_user.uid}", {"user": {"password": "another long one"}}, 403)
    keeper = Caller(org.keeper, org.alpha)
    keeper.ask("PATCH", f"/users/{org.administrator.uid}", {"user": {"password": "another long one"}}, 404)
    keeper.ask("PATCH", f"/users/{org.viewer.uid}", {"user": {"password": "another long one"}}, 403)
    assert not User.objects.get(pk=org.viewer.pk).has_usable_password()


def test_deleting(org: SimpleNamespace, admin: Caller, keeper: Caller) -> None:
    keeper.ask("DELETE", f"/users/{org.beta_user.uid}", status=404)
    keeper.ask("DELETE", f"/users/{org.viewer.uid}", status=403)
    service = a_service("swift")
    keeper.ask("DELETE", f"/users/{org.alpha_user.uid}", status=204)
    admin.ask("DELETE", f"/users/{service.uid}", status=204)
    assert last_events(2) == ["project_user.delete", "service.delete"]
    assert User.objects.filter(username__in=["alpha-user", "swift"]).count() == 0
    last = an_administrator("last")  # with a password: the others here have none
    error = admin.ask("DELETE", f"/users/{last.uid}", status=400)["error"]  # 23
    assert "administrator" in error["message"].lower()


def test_services_are_described_and_switched_but_have_no_password(admin: Caller) -> None:
    service = a_service("swift")
    path = f"/users/{service.uid}"
    with zeal_ignore():  # two actions, each of which locks the service
        changed = admin.ask("PATCH", path, {"user": {"enabled": False, "description": "Storage"}})["user"]
    assert (changed["enabled"], changed["description"]) == (False, "Storage")
    assert last_events(2) == ["service.update", "service.disable"]
    admin.ask("PATCH", path, {"user": {"password": "another long one"}}, 400)


def test_ones_own_password(org: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """3: it needs the current one. 13: the tokens of the old one end with it."""
    monkeypatch.setattr(sign_in, "TRIES_OF_OWN_PASSWORD", 2)
    org.alpha_user.set_password("the current one")
    org.alpha_user.save()
    caller, path = Caller(org.alpha_user, org.alpha), f"/users/{org.alpha_user.uid}/password"
    for given, status in (
        ({"password": "another long one"}, 400), ({"original_password": "the current one"}, 400),
        ({"password": "another long one", "original_password": "wrong"}, 401),
        ({"password": "short", "original_password": "the current one"}, 400),
        ({"password": "another long one", "original_password": "the current one"}, 204),
    ):  # fmt: skip
        caller.ask("POST", path, {"user": given}, status)
    caller.get(f"/users/{org.alpha_user.uid}", 401)
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.check_password("another long one")
    assert last_events(2) == ["user.change_password", "user.change_password"]
    again = Caller(org.alpha_user)
    again.ask("POST", f"/users/{org.beta_user.uid}/password", {"user": given}, 404)
    for _ in range(2):
        again.ask("POST", path, {"user": {**given, "original_password": "wrong"}}, 401)
    again.ask("POST", path, {"user": {**given, "original_password": "another long one"}}, 429)  # 7


# Projects


def test_projects_whom_one_sees(org: SimpleNamespace, admin: Caller, keeper: Caller, plain: Caller) -> None:
    assert names(admin.get("/projects"), "projects") == ["alpha", "beta"]
    assert names(keeper.get("/projects"), "projects") == ["alpha"]
    assert names(plain.get("/projects"), "projects") == ["alpha"]  # its own
    assert names(Caller(org.outsider).get("/projects"), "projects") == []
    keeper.get(f"/projects/{org.beta.uid}", 404)
    assert plain.ask("HEAD", f"/projects/{org.alpha.uid}") is None
    assert plain.get(f"/projects/{org.alpha.uid}")["project"] == {
        "id": org.alpha.uid, "name": "alpha", "domain_id": "default", "description": "", "enabled": True,
        "parent_id": org.department.uid, "is_domain": False, "tags": [], "options": {},
        "links": {"self": f"{OWN}/projects/{org.alpha.uid}"},
    }  # fmt: skip
    assert admin.get(f"/projects/{org.beta.uid}")["project"]["parent_id"] == "default"
    assert admin.get(f"/projects/{org.department.uid}")["project"]["name"] == "perception"  # as parent_id names it
    keeper.get(f"/projects/{org.department.uid}", 404)
    assert names(admin.get("/projects?parent_id=default"), "projects") == ["beta"]
    assert names(admin.get(f"/projects?parent_id={org.department.uid}"), "projects") == ["alpha"]
    assert admin.get("/projects?is_domain=true")["projects"] == []
    assert admin.get("/projects?enabled=false")["projects"] == []


def test_a_project_is_made_changed_and_deleted(org: SimpleNamespace, admin: Caller, keeper: Caller) -> None:
    given = {"name": "speech", "description": "Models", "is_domain": False, "enabled": True, "domain_id": "default"}
    project = admin.ask("POST", "/projects", {"project": {**given, "parent_id": org.department.uid}}, 201)["project"]
    assert (project["name"], project["parent_id"]) == ("speech", org.department.uid)
    admin.ask("POST", "/projects", {"project": given}, 409)
    keeper.ask("POST", "/projects", {"project": {**given, "name": "mine"}}, 403)
    path = f"/projects/{project['id']}"
    changed = admin.ask("PATCH", path, {"project": {"name": "speech-2", "description": "Better"}})["project"]
    assert (changed["name"], changed["description"]) == ("speech-2", "Better")
    for wrong in (
        {"enabled": False},
        {"name": "Speech models"},
        {"parent_id": "default"},
        {"tags": ["a"]},
        {"cost": 1},
    ):
        admin.ask("PATCH", path, {"project": wrong}, 400)
    admin.ask("PATCH", path, {"project": {"name": "beta"}}, 409)
    keeper.ask("PATCH", f"/projects/{org.alpha.uid}", {"project": {"description": "Ours"}})
    keeper.ask("DELETE", f"/projects/{org.alpha.uid}", status=403)
    admin.ask("DELETE", path, status=204)
    assert not Project.objects.filter(uid=project["id"]).exists()
    assert last_events(2) == ["project.delete", "project.delete"]


def test_nobody_lists_the_projects_of_others(
    org: SimpleNamespace, admin: Caller, keeper: Caller, plain: Caller
) -> None:
    """Of others one sees the projects where one may see role assignments, of oneself all where a role has effect."""
    give(org.viewer, "roster:project_viewer", org.beta)
    path = f"/users/{org.viewer.uid}/projects"
    assert names(Caller(org.viewer).get(path), "projects") == ["alpha", "beta"]
    assert names(keeper.get(path), "projects") == ["alpha"]
    assert names(admin.get(path), "projects") == ["alpha", "beta"]
    plain.get(path, 404)
    assert names(plain.get(f"/users/{org.alpha_user.uid}/projects"), "projects") == ["alpha"]
    assert names(admin.get(f"/users/{org.administrator.uid}/projects"), "projects") == ["alpha", "beta"]
    assert names(admin.get(f"/users/{org.administrator.uid}/projects?name=beta"), "projects") == ["beta"]
    assert admin.get(f"/users/{org.outsider.uid}/projects")["projects"] == []


def test_a_bound_person_has_no_projects_in_other_clusters(org: SimpleNamespace, admin: Caller) -> None:
    """RUN-14."""
    team = create_group(actor=COMMAND, name="Team")
    team.user_set.add(org.outsider)
    give(team, "roster:project_viewer", org.alpha)
    give(org.outsider, "roster:project_viewer", org.beta)
    path, roles = f"/users/{org.outsider.uid}/projects", "/role_assignments?effective&user.id=" + org.outsider.uid
    assert names(admin.get(path), "projects") == ["alpha", "beta"]
    assert len(admin.get(roles)["role_assignments"]) == 2
    org.outsider.all_clusters = False
    org.outsider.save()
    assert names(admin.get(path), "projects") == ["beta"]
    assert len(admin.get(roles)["role_assignments"]) == 1
    org.outsider.clusters.add(org.cluster)
    assert names(admin.get(path), "projects") == ["alpha", "beta"]
    assert len(admin.get(roles)["role_assignments"]) == 2


# Groups


def test_groups(org: SimpleNamespace, admin: Caller, keeper: Caller) -> None:
    given = {"name": "Team", "description": "Speech", "domain_id": "default"}
    group = admin.ask("POST", "/groups", {"group": given}, 201)["group"]
    assert group == {**given, "id": group["id"], "links": {"self": f"{OWN}/groups/{group['id']}"}}
    admin.ask("POST", "/groups", {"group": given}, 409)
    path = f"/groups/{group['id']}"
    with zeal_ignore():  # read before and after
        assert admin.ask("PATCH", path, {"group": {"name": "Crew"}})["group"]["name"] == "Crew"
    assert names(admin.get("/groups?name=Crew"), "groups") == ["Crew"]
    member = f"{path}/users/{org.viewer.uid}"
    admin.ask("HEAD", member, status=404)
    for _ in range(2):
        with zeal_ignore():
            admin.ask("PUT", member, status=204)
    admin.ask("HEAD", member, status=204)
    assert names(admin.get(f"{path}/users"), "users") == ["viewer"]
    assert names(Caller(org.viewer).get(f"/users/{org.viewer.uid}/groups"), "groups") == ["Crew"]
    assert keeper.get(f"/users/{org.viewer.uid}/groups")["groups"] == []
    keeper.get(path, 404)
    keeper.ask("PUT", member, status=404)
    admin.ask("PUT", f"{path}/users/{org.alpha_user.uid}", status=400)  # it belongs to its project
    with zeal_ignore():
        admin.ask("DELETE", member, status=204)
    admin.ask("DELETE", member, status=404)
    admin.ask("DELETE", path, status=204)
    assert not Group.objects.filter(name="Crew").exists()
    assert last_events(2) == ["group.update", "group.delete"]


# Roles and the domain


def test_roles_go_by_their_codes(org: SimpleNamespace, admin: Caller, plain: Caller) -> None:
    """In full where two catalogues have one of that code: never does a name mean two roles."""
    found = admin.get("/roles")["roles"]
    shown = [found_role["name"] for found_role in found]
    assert len(shown) == len(set(shown))
    assert {"objectstore_operator", "ovhcloud:administrator", "roster:administrator"} <= set(shown)
    assert "runai:researcher" not in shown  # switched off
    assert admin.get("/roles?name=administrator")["roles"] == []
    one = admin.get("/roles?name=ai_training_read")["roles"][0]
    assert one == admin.get(f"/roles/{one['id']}")["role"]
    assert (one["domain_id"], one["options"]) == (None, {"immutable": True})
    assert admin.get("/roles?domain_id=default")["roles"] == []
    assert names(plain.get("/roles"), "roles") == ["ai_training_read"]  # what it holds itself
    plain.get(f"/roles/{role('roster:administrator').uid}", 404)


def test_a_role_is_made_and_a_shipped_one_is_left_alone(org: SimpleNamespace, admin: Caller, keeper: Caller) -> None:
    made = admin.ask("POST", "/roles", {"role": {"name": "swiftoperator", "description": "Files"}}, 201)["role"]
    assert (made["name"], made["description"], made["options"]) == ("swiftoperator", "Files", {})
    admin.ask("POST", "/roles", {"role": {"name": "swiftoperator"}}, 409)
    admin.ask("POST", "/roles", {"role": {"name": "Swift operator"}}, 400)
    keeper.ask("POST", "/roles", {"role": {"name": "mine"}}, 403)
    path = f"/roles/{made['id']}"
    assert admin.ask("PATCH", path, {"role": {"description": "All files"}})["role"]["description"] == "All files"
    admin.ask("PATCH", path, {"role": {"name": "other"}}, 400)
    give(org.viewer, f"{Role.objects.get(uid=made['id']).full_name}", org.alpha)
    admin.ask("DELETE", path, status=204)  # with the assignment, as in Keystone
    shipped = f"/roles/{role('ovhcloud:objectstore_operator').uid}"
    admin.ask("PATCH", shipped, {"role": {"description": "x"}}, 403)
    admin.ask("DELETE", shipped, status=403)
    inferences = admin.get("/role_inferences")["role_inferences"]
    included = {rule["prior_role"]["name"]: [one["name"] for one in rule["implies"]] for rule in inferences}
    assert included["decision_explainer"] == ["decision_client"]


def test_there_is_one_domain(admin: Caller, plain: Caller) -> None:
    domain = plain.get("/domains/default")["domain"]
    assert (domain["id"], domain["name"], domain["enabled"]) == ("default", "Default", True)
    assert plain.get("/domains?name=Default")["domains"] == [domain]
    assert plain.get("/domains?name=other")["domains"] == []
    admin.ask("POST", "/domains", {"domain": {"name": "other"}}, 403)
    admin.ask("PATCH", "/domains/default", {"domain": {"name": "other"}}, 403)
    admin.ask("DELETE", "/domains/default", status=403)
    admin.get("/domains/other", 404)
    for name in ("limits", "registered_limits", "OS-TRUST/trusts"):
        assert admin.get(f"/{name}")[name.split("/")[-1]] == []


def test_every_name_in_a_token_is_a_name_of_the_list() -> None:
    assert short_role_names()[role("ovhcloud:ai_training_read").pk] == "ai_training_read"
