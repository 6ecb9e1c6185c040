"""Identity v3: who holds which role where, giving and taking roles."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from zeal import zeal_ignore

from accounts.models import User
from policies.actions.assignments import give_role
from policies.actions.groups import create_group
from policies.models import AuditEvent, RoleAssignment
from tests.console.identity import Caller
from tests.factories import COMMAND, give, role

pytestmark = pytest.mark.django_db
OWN = "http://127.0.0.1:8000/identity/v3"
DOMAIN = {"id": "default", "name": "Default"}


@pytest.fixture
def admin(org: SimpleNamespace) -> Caller:
    return Caller(org.administrator)


@pytest.fixture
def keeper(org: SimpleNamespace) -> Caller:
    return Caller(org.keeper, org.alpha)


@pytest.fixture
def team(org: SimpleNamespace) -> Any:
    """The outsider is in it."""
    found = create_group(actor=COMMAND, name="Team")
    found.user_set.add(org.outsider)
    return found


def found(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    return caller.get(f"/role_assignments{query}")["role_assignments"]  # type: ignore[no-any-return]


def told(assignments: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """(who, role, where), by their names."""
    return {
        (
            (row.get("user") or row["group"])["name"],
            row["role"]["name"],
            (row["scope"].get("project") or row["scope"]["domain"])["name"],
        )
        for row in assignments
    }


def of(org: SimpleNamespace, user: User, name: str, project: Any = None, kind: str = "users") -> str:
    """The path of an assignment."""
    uid = user.uid if kind == "users" else user.profile.uid  # type: ignore[attr-defined]
    return f"/projects/{(project or org.alpha).uid}/{kind}/{uid}/roles/{role(name).uid}"


def test_an_assignment_as_clients_know_one(org: SimpleNamespace, admin: Caller) -> None:
    user, held = org.alpha_user, role("ovhcloud:ai_training_read")
    query = f"?user.id={user.uid}"
    link = f"{OWN}/projects/{org.alpha.uid}/users/{user.uid}/roles/{held.uid}"
    assert found(admin, query) == [
        {
            "links": {"assignment": link}, "scope": {"project": {"id": org.alpha.uid}}, "user": {"id": user.uid},
            "role": {"id": held.uid},
        }
    ]  # fmt: skip
    assert found(admin, f"{query}&include_names") == [
        {
            "links": {"assignment": link},
            "scope": {"project": {"id": org.alpha.uid, "name": "alpha", "domain": DOMAIN}},
            "user": {"id": user.uid, "name": "alpha-user", "domain": DOMAIN},
            "role": {"id": held.uid, "name": "ai_training_read"},
        }
    ]


def test_what_is_given_above_projects_is_inherited(org: SimpleNamespace, admin: Caller, team: Any) -> None:
    give(team, "roster:project_viewer", org.department)
    rows = found(admin, "?include_names=True&scope.OS-INHERIT:inherited_to=projects")
    assert told(rows) == {
        ("administrator", "roster:administrator", "Default"), ("Team", "project_viewer", "perception"),
    }  # fmt: skip
    assert {row["scope"]["OS-INHERIT:inherited_to"] for row in rows} == {"projects"}
    domain = found(admin, "?include_names&scope.domain.id=default")
    assert told(domain) == {("administrator", "roster:administrator", "Default")}
    assert domain[0]["links"]["assignment"].startswith(f"{OWN}/domains/default/users/")
    direct = found(admin, f"?include_names&scope.project.id={org.alpha.uid}")
    assert {name for name, _, _ in told(direct)} == {"alpha-user", "keeper", "viewer"}


def test_effective_is_what_it_comes_to(org: SimpleNamespace, admin: Caller, team: Any) -> None:
    """Groups, included roles and what is given above, in the project that is asked for."""
    give(team, "roster:project_viewer", org.department)
    rows = found(admin, f"?effective&include_names&scope.project.id={org.alpha.uid}")
    assert told(rows) == {
        ("administrator", "roster:administrator", "alpha"), ("outsider", "project_viewer", "alpha"),
        ("viewer", "project_viewer", "alpha"), ("keeper", "project_administrator", "alpha"),
        ("alpha-user", "ai_training_read", "alpha"),
    }  # fmt: skip
    outsider = next(row for row in rows if row["user"]["name"] == "outsider")
    assert outsider["links"]["membership"] == f"{OWN}/groups/{team.profile.uid}/users/{org.outsider.uid}"
    assert "OS-INHERIT:inherited_to" not in outsider["scope"]
    mine = found(admin, f"?effective=True&include_names&user.id={org.administrator.uid}")
    assert told(mine) == {("administrator", "roster:administrator", name) for name in ("alpha", "beta")}
    one = f"?effective&include_names&user.id={org.outsider.uid}&scope.project.id="
    assert told(found(admin, one + org.alpha.uid)) == {("outsider", "project_viewer", "alpha")}
    assert found(admin, one + org.beta.uid) == []
    every = found(admin, "?effective&include_names")
    assert ("outsider", "project_viewer", "perception") in told(every)  # once, not for each project
    everywhere = f"?effective&include_names&scope.domain.id=default&user.id={org.administrator.uid}"
    assert told(found(admin, everywhere)) == {("administrator", "roster:administrator", "Default")}


def test_included_roles_are_effective(org: SimpleNamespace, admin: Caller) -> None:
    service = User.objects.create(username="gateway", kind="service")
    give(service, "roster:decision_explainer", org.alpha)
    query = f"?include_names&user.id={service.uid}"
    assert told(found(admin, query)) == {("gateway", "decision_explainer", "alpha")}
    rows = found(admin, f"{query}&effective")
    assert told(rows) == {("gateway", name, "alpha") for name in ("decision_explainer", "decision_client")}
    client = role("roster:decision_client").uid
    [implied] = found(admin, f"{query}&effective&role.id={client}")
    assert implied["links"]["prior_role"] == f"{OWN}/roles/{role('roster:decision_explainer').uid}"
    assert found(admin, f"{query}&role.id={client}") == []


def test_what_has_no_effect_is_not_effective(org: SimpleNamespace, admin: Caller) -> None:
    """22: what has expired is nobody's role; RUN-07: nor is one of a catalogue that is switched off."""
    give_role(
        actor=COMMAND, role=role("roster:project_viewer"), subject=org.outsider, scope=org.alpha,
        expires_at=timezone.now() + timezone.timedelta(seconds=1),
    )  # fmt: skip
    query = f"?user.id={org.outsider.uid}"
    assert len(found(admin, query)) == len(found(admin, f"{query}&effective")) == 1
    RoleAssignment.objects.filter(user=org.outsider).update(expires_at=timezone.now())
    assert found(admin, query) == found(admin, f"{query}&effective") == []
    admin.ask("HEAD", of(org, org.outsider, "roster:project_viewer"), status=404)
    RoleAssignment.objects.create(user=org.outsider, role=role("runai:researcher"), scope=org.alpha)
    assert len(found(admin, query)) == 1
    assert found(admin, f"{query}&effective") == []


def test_one_sees_the_assignments_that_pages_show_and_ones_own(org: SimpleNamespace, keeper: Caller, team: Any) -> None:
    """19; Keystone CVE-2018-14432."""
    give(team, "roster:project_viewer", org.department)
    assert {name for name, _, _ in told(found(keeper, "?include_names"))} == {"alpha-user", "keeper", "viewer"}
    in_alpha = told(found(keeper, f"?include_names&effective&scope.project.id={org.alpha.uid}"))
    assert {name for name, _, _ in in_alpha} == {"alpha-user", "keeper", "viewer", "outsider", "administrator"}
    for query in ("", "&effective"):
        assert found(keeper, f"?scope.project.id={org.beta.uid}{query}") == []
        assert found(keeper, f"?user.id={org.beta_user.uid}{query}") == []
    stranger = User.objects.create(username="stranger")
    for user, project in ((org.alpha_user, org.alpha), (stranger, None)):
        caller = Caller(user, project)
        assert found(caller) == found(caller, "?effective") == []
        assert found(caller, f"?user.id={org.viewer.uid}") == []
        assert found(caller, f"?effective&user.id={org.viewer.uid}&scope.project.id={org.alpha.uid}") == []
    mine = f"?include_names&user.id={org.alpha_user.uid}"
    assert told(found(Caller(org.alpha_user, org.alpha), mine)) == {("alpha-user", "ai_training_read", "alpha")}
    mine = f"?include_names&effective&user.id={org.outsider.uid}"
    assert told(found(Caller(org.outsider), mine)) == {("outsider", "project_viewer", "alpha")}


@pytest.mark.parametrize(
    "query",
    [
        "user.id=1&group.id=1",
        "scope.project.id=1&scope.domain.id=default",
        "effective&group.id=1",
        "limit=0",
        "limit=x",
    ],
)
def test_filters_that_contradict_each_other_are_refused(admin: Caller, query: str) -> None:
    admin.get(f"/role_assignments?{query}", 400)


@pytest.mark.parametrize(
    "query", ["user.id=%00", "scope.project.id=x", "scope.system=all", "scope.domain.id=x", "role.id=x", "group.id=x"]
)
@pytest.mark.parametrize("more", ["", "&effective"])
def test_filters_that_nothing_fits_find_nothing(admin: Caller, query: str, more: str) -> None:
    if query.startswith("group") and more:
        return
    assert found(admin, f"?{query}{more}") == []


def test_a_role_is_given_and_taken(org: SimpleNamespace, keeper: Caller) -> None:
    """As the page does it: told as a change of the project user's roles."""
    path = of(org, org.alpha_user, "ovhcloud:objectstore_operator")
    keeper.ask("HEAD", path, status=404)
    for _ in range(2):
        keeper.ask("PUT", path, status=204)
    keeper.ask("HEAD", path, status=204)
    roles = keeper.get(path.rpartition("/")[0])["roles"]
    assert sorted(one["name"] for one in roles) == ["ai_training_read", "objectstore_operator"]
    keeper.ask("DELETE", path, status=204)
    keeper.ask("DELETE", path, status=404)
    events = AuditEvent.objects.filter(object_uid=org.alpha_user.uid).order_by("-sequence")
    assert [event.action for event in events[:2]] == ["project_user.edit_roles"] * 2
    person = of(org, org.viewer, "roster:project_administrator")
    keeper.ask("PUT", person, status=204)
    assert AuditEvent.objects.latest("sequence").action == "role_assignment.create"
    with zeal_ignore():
        keeper.ask("DELETE", person, status=204)


def test_groups_and_the_whole_organization(org: SimpleNamespace, admin: Caller, team: Any) -> None:
    path = of(org, team, "roster:project_viewer", kind="groups")
    admin.ask("PUT", path, status=204)
    admin.ask("HEAD", path, status=204)
    assert told(found(admin, f"?include_names&group.id={team.profile.uid}")) == {("Team", "project_viewer", "alpha")}
    admin.ask("DELETE", path, status=204)
    domain = f"/domains/default/users/{org.viewer.uid}/roles/{role('roster:project_viewer').uid}"
    admin.ask("PUT", domain, status=204)
    held = RoleAssignment.objects.get(user=org.viewer, scope=org.root)
    assert held.role.code == "project_viewer"
    inherited = domain.replace("/domains", "/OS-INHERIT/domains") + "/inherited_to_projects"
    admin.ask("HEAD", inherited, status=204)
    admin.ask("DELETE", inherited, status=204)
    admin.ask("PUT", domain.replace("default", "other"), status=404)
    department = of(org, org.viewer, "roster:project_viewer", org.department)
    admin.ask("PUT", department, status=204)
    assert RoleAssignment.objects.filter(user=org.viewer, scope=org.department).exists()


def test_nobody_gives_what_they_may_not(org: SimpleNamespace, keeper: Caller, admin: Caller) -> None:
    """21; what one may not see is not found, and a role that nobody can hold there is refused with the reason."""
    operator = "ovhcloud:objectstore_operator"
    keeper.ask("PUT", of(org, org.beta_user, operator, org.beta), status=404)
    keeper.ask("PUT", of(org, org.alpha_user, operator, org.beta), status=404)
    keeper.ask("PUT", f"/domains/default/users/{org.viewer.uid}/roles/{role('roster:administrator').uid}", status=403)
    viewer, plain = Caller(org.viewer), Caller(org.alpha_user, org.alpha)
    viewer.ask("PUT", of(org, org.alpha_user, operator), status=403)
    viewer.ask("DELETE", of(org, org.alpha_user, "ovhcloud:ai_training_read"), status=403)
    viewer.ask("DELETE", of(org, org.keeper, "roster:project_administrator"), status=403)
    plain.ask("PUT", of(org, org.alpha_user, operator), status=404)
    plain.ask("DELETE", of(org, org.alpha_user, "ovhcloud:ai_training_read"), status=403)  # its own: it sees that
    error = admin.ask("PUT", of(org, org.alpha_user, operator, org.beta), status=400)["error"]
    assert "another project" in error["message"]
    admin.ask("PUT", of(org, org.alpha_user, "roster:administrator"), status=400)
    assert not RoleAssignment.objects.filter(role__code="objectstore_operator").exists()


def test_lists_ask_as_much_for_many_as_for_few(org: SimpleNamespace, admin: Caller, team: Any) -> None:
    queries = [
        "/role_assignments?include_names",
        f"/role_assignments?effective&include_names&user.id={org.outsider.uid}",
    ]
    queries += ["/users", "/projects", f"/role_assignments?effective&include_names&scope.project.id={org.alpha.uid}"]
    give(team, "roster:project_viewer", org.alpha)

    def counted() -> list[int]:
        counts = []
        for query in queries:
            with CaptureQueriesContext(
                connection,
            ) as context:
                admin.get(query)
            counts.append(len(context))
        return counts

    admin.get("/users")
    before = counted()
    people = User.objects.bulk_create([User(username=f"p{n}", search_text=f"p{n}") for n in range(30)])
    team.user_set.add(*people)
    viewer = role("roster:project_viewer")
    RoleAssignment.objects.bulk_create([RoleAssignment(user=p, role=viewer, scope=org.alpha) for p in people])
    assert counted() == before


def test_pages_of_assignments_do_not_overlap(org: SimpleNamespace, admin: Caller, team: Any) -> None:
    """None is lost and none comes twice, though one row is many lines, or none: groups, included roles, clusters."""
    give(team, "roster:project_viewer", org.department)
    people = User.objects.bulk_create(
        [User(username=f"p{n}", search_text=f"p{n}", all_clusters=n > 1) for n in range(5)]
    )
    team.user_set.add(*people)  # the first two are bound to no cluster: in that of alpha they may do nothing
    explainer = role("roster:decision_explainer")  # it includes another
    for place in (org.root, org.alpha, org.beta):
        RoleAssignment.objects.create(user=org.outsider, role=explainer, scope=place)
    for more in (
        "", "&effective", f"&effective&scope.project.id={org.alpha.uid}", f"&effective&user.id={org.outsider.uid}",
        f"&effective&role.id={role('roster:decision_client').uid}",
    ):  # fmt: skip
        everything = found(admin, f"?include_names{more}")
        assert len({str(row) for row in everything}) == len(everything) > 2
        for limit in (1, 2, 3):
            pages, path = [], f"/role_assignments?include_names{more}&limit={limit}"
            while path:
                answer = admin.get(path)
                pages += answer["role_assignments"]
                path = (answer["links"]["next"] or "").removeprefix(OWN)
            assert pages == everything


def test_past_the_bound_the_list_says_so(org: SimpleNamespace, admin: Caller, settings: Any) -> None:
    """Keystone cuts at 1,000 without a word."""
    settings.ROSTER_IDENTITY_LIST_LIMIT = 3
    answer = admin.get("/role_assignments")
    assert (len(answer["role_assignments"]), answer["truncated"]) == (3, True)
    assert "marker=" in answer["links"]["next"]
