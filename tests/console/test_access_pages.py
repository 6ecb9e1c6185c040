"""The access pages: the answer, the way to it, each thing that can be missing, and what nobody learns from them."""

import csv
import random
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Project, User
from console.finders import FINDERS
from policies import access
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource
from policies.actions.sample import load_sample
from policies.actions.scopes import create_scope
from policies.actions.shares import share
from policies.actions.users import disable_user
from policies.models import Catalogue, EntityType, Module, Resource, RoleAssignment, Rule, RulebookVersion
from policies.protected import At, OrgAssignment
from policies.questions import kind_of
from policies.rulebook import rulebook
from tests.console.conftest import COMMAND, role
from tests.console.pages import Page
from tests.console.test_access_commands import run
from tests.factories import signed_in
from tests.query_counts import queries_of

LAUNCH, OPEN = "ovhcloud:notebook/launch", "ovhcloud:notebook/access"
NOTHING = "Nothing that you may see is called that."


@pytest.fixture
def keeper(org: SimpleNamespace) -> Client:
    return signed_in(org.keeper)


@pytest.fixture
def administrator(org: SimpleNamespace) -> Client:
    return signed_in(org.administrator)


def check(client: Client, what: str, **query: str) -> Any:
    return client.get(reverse("access_check"), {"what": what, **query})


def steps(response: Any, route: int = 0) -> list[tuple[str, str, str]]:
    """(kind, what, state) of the first route, or another."""
    return [(step.kind, step.what, step.state) for step in response.context["explanation"].routes[route].steps]


def missing(response: Any) -> list[str]:
    """What the first route lacks."""
    return [*response.context["explanation"].routes[0].missing]


def fixes(response: Any) -> list[tuple[str, bool, list[str]]]:
    """(what would help, whether the viewer can do it, who can) as the page tells it."""
    return [(h["sentence"], h["mine"], [who.username for who in h["people"]]) for h in response.context["helpers"]]


def links(response: Any) -> list[str]:
    """Where the viewer can make the change."""
    return [fix["url"] for line in response.context["first"]["steps"] for fix in line["fixes"] if fix["url"]]


def a_notebook(org: SimpleNamespace, name: str = "resnet", **columns: Any) -> Any:
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    return register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name=name, **columns)


class TestYes:
    def test_every_step_is_named(self, org: SimpleNamespace, keeper: Client) -> None:
        page = check(keeper, OPEN, user="alpha-user", place="alpha")
        assert page.context["explanation"].sentence == "Yes. Pipeline of Alpha may open notebooks in Alpha."
        assert steps(page) == [
            ("Project user", "Pipeline of Alpha", "ok"),
            ("holds role", "AI Training Reader", "ok"),
            ("at scope", "Alpha", "ok"),
            ("whose rule says", "may open notebooks", "ok"),
            ("on this object", "Notebooks in Alpha", "ok"),
            ("so", "Allowed", "end"),
        ]
        text = Page(page).text
        assert "Yes. Pipeline of Alpha may open notebooks in Alpha." in text
        assert "To take this away" in text

    def test_through_a_group_at_a_place_above(self, org: SimpleNamespace, keeper: Client) -> None:
        team = create_group(actor=COMMAND, name="Team")
        update_group(actor=COMMAND, group=team, add=[org.outsider])
        give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=team, scope=org.cluster)
        page = check(keeper, "roster:project/read", user="outsider", object="alpha")
        assert [kind for kind, _, _ in steps(page)][1:4] == ["is in group", "which holds role", "at scope"]
        assert "1 member loses it" in Page(page).text

    def test_shared(self, org: SimpleNamespace, keeper: Client) -> None:
        share(actor=COMMAND, thing=org.alpha, action="read", subject=org.outsider)
        page = check(signed_in(org.outsider), "roster:project/read", object="alpha")
        assert ("with whom was shared", "may open", "ok") in steps(page)

    def test_one_object_by_name_and_by_id(self, org: SimpleNamespace, keeper: Client) -> None:
        notebook = a_notebook(org)
        for named in ("resnet", notebook.uid, "RESN"):
            page = check(keeper, OPEN, user="alpha-user", object=named)
            assert page.context["explanation"].sentence == "Yes. Pipeline of Alpha may open resnet.", named


class TestWhatIsMissing:
    """One for each kind: what the step says, what would help, who can do it, and where."""

    def test_no_role(self, org: SimpleNamespace, administrator: Client) -> None:
        page = check(administrator, "roster:project/read", user="outsider", object="alpha")
        assert page.context["explanation"].sentence == "No. Outsider Person may not open Alpha."
        assert missing(page) == ["no_role"]
        ((sentence, mine, people),) = fixes(page)
        assert (sentence, mine, people) == ("Give Project Viewer in Alpha", True, ["administrator", "keeper"])
        (give,) = links(page)
        form = administrator.get(give).context["form"]
        assert [subject.username for subject in form.found_subjects] == ["outsider"]
        assert [role.full_name for role in form.found_roles] == ["roster:project_viewer"]
        assert [scope.name for scope in form.found_scopes] == ["Alpha"]

    def test_the_role_is_there_the_action_is_not(self, org: SimpleNamespace, keeper: Client) -> None:
        page = check(keeper, LAUNCH, user="alpha-user", place="alpha")
        assert missing(page) == ["no_rule"]
        assert "The role says only: may open notebooks." in Page(page).text
        assert fixes(page)[0][:2] == ("Give AI Training Operator in Alpha", True)
        assert links(page) == [reverse("project_user_roles", args=[org.alpha.uid, org.alpha_user.uid])]
        assert steps(page)[-2:] == [
            ("on this object", "Notebooks in Alpha", "unreached"),
            ("so", "Denied", "unreached"),
        ]

    def test_another_scope(self, org: SimpleNamespace, administrator: Client) -> None:
        page = check(administrator, "roster:project/update", user="keeper", object="beta")
        assert missing(page) == ["other_scope"]
        assert ("at scope", "Alpha", "broken") in steps(page)
        assert fixes(page)[0][0] == "Give Project Administrator in Beta"

    def test_condition_not_met(self, org: SimpleNamespace, administrator: Client) -> None:
        Catalogue.objects.filter(code="h2o").update(is_enabled=True)
        RulebookVersion.renew()
        kind = EntityType.objects.get(catalogue__code="h2o", code="app")
        app = register_resource(
            actor=COMMAND, entity_type=kind, scope=org.alpha, name="chat", owner=org.keeper, visibility="PRIVATE"
        )
        give_role(actor=COMMAND, role=role("h2o:full_access"), subject=org.outsider, scope=org.root)
        page = check(administrator, "h2o:app/launch", user="outsider", object=app.uid)
        assert set(missing(page)) == {"condition"}
        text = Page(page).text
        assert "It belongs to Keeper Person." in text
        assert "Its visibility is PRIVATE." in text
        assert len(page.context["explanation"].routes) == 2

    def test_of_a_thing_that_is_not_named_nothing_is_known(self, org: SimpleNamespace, administrator: Client) -> None:
        Catalogue.objects.filter(code="h2o").update(is_enabled=True)
        RulebookVersion.renew()
        page = check(administrator, "h2o:app/launch", user="outsider")
        assert missing(page)[0] == "condition"
        assert "ask about one of them" in Page(page).text

    def test_pending(self, org: SimpleNamespace, administrator: Client) -> None:
        Catalogue.objects.filter(code="runai").update(is_enabled=True)
        RulebookVersion.renew()
        pending = next(r for r in rulebook().roles.values() if r.needs_scope and access_of(r.pk))
        give_role(actor=COMMAND, role=pending, subject=org.outsider, scope=org.root, reason="Waits for a project")
        action, kind = access_of(pending.pk)
        page = check(administrator, f"{kind.full_name}/{action}", user="outsider", place="alpha")
        assert not page.context["explanation"].allowed
        assert "pending" in missing(page)
        assert "Waits for a project. It is pending until it is given at a narrower scope." in Page(page).text

    @pytest.mark.parametrize("what", ["catalogue", "module"])
    def test_switched_off(self, org: SimpleNamespace, administrator: Client, what: str) -> None:
        """RUN-07: a module that is not installed; a catalogue that is switched off."""
        Catalogue.objects.filter(code="runai").update(is_enabled=what == "module")
        Module.objects.filter(catalogue__code="runai").update(is_installed=False)
        RulebookVersion.renew()
        book = rulebook()
        given = next(
            role
            for role in book.roles.values()
            if role.catalogue.code == "runai" and "project" in role.binds and (what == "catalogue" or role.module)
        )
        give_role(actor=COMMAND, role=given, subject=org.outsider, scope=org.alpha)
        action, kind = access_of(given.pk)
        page = check(administrator, f"{kind.full_name}/{action}", user="outsider", place="alpha")
        assert "switched_off" in missing(page)
        assert book.switched_off[given.pk] in Page(page).text
        assert fixes(page)[0][:2] == ("Change the settings of Run:ai", True)

    def test_outside_the_clusters(self, org: SimpleNamespace, administrator: Client) -> None:
        """RUN-14: whatever the roles."""
        User.objects.filter(pk=org.keeper.pk).update(all_clusters=False)
        page = check(administrator, "roster:project/read", user="keeper", object="alpha")
        assert missing(page) == ["boundary"]
        assert "It lies in cluster North, which is not among the clusters of Keeper Person." in Page(page).text
        assert fixes(page)[0][0] == "Add North to the clusters of Keeper Person"

    def test_expired(self, org: SimpleNamespace, administrator: Client) -> None:
        past = timezone.now() - timedelta(days=2)
        RoleAssignment.objects.filter(user=org.keeper).update(expires_at=past)
        page = check(administrator, "roster:project/read", user="keeper", object="alpha")
        assert missing(page) == ["expired"]
        assert "The assignment has expired." in Page(page).text
        assert fixes(page)[0][:2] == ("Let the assignment end later, or never", True)

    def test_disabled(self, org: SimpleNamespace, keeper: Client) -> None:
        disable_user(actor=COMMAND, user=org.alpha_user)
        page = check(keeper, OPEN, user="alpha-user", place="alpha")
        assert missing(page) == ["disabled"]
        assert fixes(page)[0] == ("Enable Pipeline of Alpha", True, ["administrator", "keeper"])
        assert links(page) == [reverse("project_user_enable", args=[org.alpha.uid, org.alpha_user.uid])]

    def test_each_thing_that_is_missing_is_told(self, org: SimpleNamespace, administrator: Client) -> None:
        RoleAssignment.objects.filter(user=org.keeper).update(expires_at=timezone.now() - timedelta(days=2))
        page = check(administrator, "roster:project/read", user="keeper", object="beta")
        assert missing(page) == ["expired", "other_scope"]

    def test_the_way_with_the_least_missing_comes_first(self, org: SimpleNamespace, administrator: Client) -> None:
        RoleAssignment.objects.filter(user=org.keeper).update(expires_at=timezone.now() - timedelta(days=2))
        give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=org.keeper, scope=org.alpha)
        page = check(administrator, "roster:project/read", user="keeper", object="beta")
        assert missing(page) == ["other_scope"]
        assert "Also close: 1" in Page(page).text


def access_of(role_id: int) -> Any:
    """(action, entity type) of a rule of the role without conditions."""
    book = rulebook()
    for (action, kind), lines in book.lines.items():
        if any(line.role_id == role_id and not line.conditions for line in lines):
            return action, book.entity_types[kind]
    return None


class TestWhoMayAsk:
    def test_everybody_about_themselves(self, org: SimpleNamespace) -> None:
        page = check(signed_in(org.viewer), "roster:project/update", object="alpha")
        assert page.context["explanation"].sentence == "No. Viewer Person may not change Alpha."
        assert fixes(page)[0] == ("Give Project Administrator in Alpha", False, ["administrator", "keeper"])
        assert links(page) == []
        assert "user" not in Page(page).forms[0].names | Page(page).form("what").names

    @pytest.mark.parametrize("name", ["keeper", "nobody-at-all", "alpha-user"])
    def test_a_viewer_asks_about_nobody_else(self, org: SimpleNamespace, name: str) -> None:
        """19: the same refusal for somebody who exists and for nobody."""
        client = signed_in(org.viewer)
        assert check(client, "roster:project/update", object="alpha", user=name).status_code == 403
        assert client.get(reverse("who_can"), {"what": OPEN, "place": "alpha"}).status_code == 403
        assert client.get(reverse("who_can_export"), {"what": OPEN, "place": "alpha"}).status_code == 403
        assert client.get(reverse("what_can"), {"user": name, "place": "alpha"}).status_code == 403
        assert client.get(reverse("what_can_export"), {"user": name}).status_code == 403

    def test_a_project_administrator_asks_in_their_project_alone(self, org: SimpleNamespace, keeper: Client) -> None:
        assert check(keeper, OPEN, user="alpha-user", place="alpha").status_code == 200
        assert check(keeper, OPEN, user="alpha-user").status_code == 403  # anywhere
        for client in (keeper, signed_in(org.outsider)):
            for hidden, absent in ((org.beta.uid, "0" * 32), ("beta", "gamma")):
                for query in ({"what": OPEN, "place": hidden}, {"what": "roster:project/read", "object": hidden}):
                    told = client.get(reverse("access_check"), query)
                    other = {key: absent if value == hidden else value for key, value in query.items()}
                    assert told.status_code == client.get(reverse("access_check"), other).status_code == 422
                    assert NOTHING in Page(told).text
                    assert "Beta" not in Page(told).text

    def test_users_whom_one_may_not_see_do_not_exist(self, org: SimpleNamespace, keeper: Client) -> None:
        """19: neither by name, nor by a part of it, nor by address."""
        for name in ("beta-user", org.beta_user.uid, "outsider", "outsider@example.com", "nobody"):
            page = check(keeper, OPEN, user=name, place="alpha")
            assert page.status_code == 422, name
            assert page.context["form"].errors["user"] == [NOTHING], name
        assert check(keeper, OPEN, user="viewer@example.com", place="alpha").status_code == 422
        assert check(keeper, OPEN, user="viewer", place="alpha").status_code == 200
        assert check(signed_in(org.administrator), OPEN, user="VIEWER@example.com", place="alpha").status_code == 200

    def test_roles_held_elsewhere_are_not_told(self, org: SimpleNamespace, keeper: Client) -> None:
        """A project administrator learns nothing about other projects, not even their names."""
        give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=org.viewer, scope=org.beta)
        page = check(keeper, "roster:project/update", user="viewer", object="alpha")
        assert not page.context["explanation"].allowed
        assert "Beta" not in page.content.decode()
        assert missing(page) == ["no_rule"]
        assert missing(check(signed_in(org.viewer), "roster:project/update", object="alpha")) == ["other_scope"]
        page = keeper.get(reverse("what_can"), {"user": "viewer", "place": "alpha"})
        assert "Beta" not in page.content.decode()

    def test_resources_whom_one_may_not_see_do_not_exist(self, org: SimpleNamespace, keeper: Client) -> None:
        notebook = a_notebook(org)
        for named in ("resnet", notebook.uid):
            page = check(signed_in(org.outsider), OPEN, object=named)
            assert (page.status_code, page.context["form"].errors["object"]) == (422, [NOTHING])


@pytest.mark.parametrize("kind", sorted(FINDERS))
def test_objects_whom_one_may_not_see_do_not_exist(org: SimpleNamespace, kind: str) -> None:
    """19: whatever the kind, by name and by id the answer is that for a name that nobody has."""
    team, notebook = create_group(actor=COMMAND, name="Team"), a_notebook(org)
    hidden: dict[str, list[str]] = {
        "organization": ["0" * 32],
        "cluster": ["north", org.cluster.uid],
        "department": ["Perception", org.department.uid],
        "project": ["alpha", org.alpha.uid],
        "user": ["keeper", org.keeper.uid, "keeper@example.com"],
        "project_user": ["alpha-user", org.alpha_user.uid],
        "service": ["0" * 32],
        "group": ["Team", team.profile.uid],
        "role": ["roster:administrator", role("roster:administrator").uid],
        "catalogue": ["roster"],
        "role_assignment": [org.alpha_user.role_assignments.get().uid],
        "resource": ["resnet", notebook.uid],
    }
    name = OPEN if kind == "resource" else f"roster:{kind}/{next(iter(rulebook().type_called(kind).actions))}"
    name = name.replace("role_assignment/create", "role_assignment/read")
    client = signed_in(org.outsider)
    for text in hidden[kind]:
        for asked in (text, "nobody-has-this"):
            page = check(client, name, object=asked)
            assert (page.status_code, page.context["form"].errors["object"]) == (422, [NOTHING]), (name, asked)


class TestTheForm:
    def test_several_that_fit_are_offered(self, org: SimpleNamespace, keeper: Client) -> None:
        a_notebook(org, "train one")
        second = a_notebook(org, "train two")
        page = check(keeper, OPEN, user="alpha-user", object="train")
        assert page.status_code == 422
        assert "Several fit. Which one?" in Page(page).text
        again = next(link for link in Page(page).links if second.uid in link)
        followed = keeper.get(reverse("access_check") + again)
        assert followed.context["explanation"].sentence == "Yes. Pipeline of Alpha may open train two."

    def test_nothing_typed_is_lost(self, org: SimpleNamespace, keeper: Client) -> None:
        page = check(keeper, OPEN, user="alpha-user", object="none", place="alpha")
        assert Page(page).form("what").fields == {
            "user": ["alpha-user"], "what": [OPEN], "object": ["none"], "place": ["alpha"],
        }  # fmt: skip

    @pytest.mark.parametrize(
        "what", ["ovhcloud:notebook/fly", "nonsense", "ovhcloud:notebook", "/", "runai:job/launch"]
    )
    def test_what_nobody_declares_is_no_question(self, org: SimpleNamespace, keeper: Client, what: str) -> None:
        assert check(keeper, what).status_code == 422

    def test_a_role_to_be_given(self, org: SimpleNamespace, keeper: Client) -> None:
        """The very assignment, not saved yet: RUN-10."""
        for name, allowed in (("roster:project_viewer", True), ("roster:administrator", True)):
            page = check(keeper, "roster:role_assignment/create", object=name, place="alpha")
            assert page.context["explanation"].allowed == allowed
            assert page.context["explanation"].sentence.endswith(f"give {role(name).label} in Alpha.")

    def test_roles_in_conditions_are_called_by_their_labels(self, org: SimpleNamespace, administrator: Client) -> None:
        """RUN-10: what a giver may not give, and what they may."""
        Catalogue.objects.filter(code="runai").update(is_enabled=True)
        RulebookVersion.renew()
        give_role(actor=COMMAND, role=role("runai:department_admin"), subject=org.outsider, scope=org.department)
        page = check(
            administrator, "roster:role_assignment/create", user="outsider", object="runai:editor", place="alpha"
        )
        assert "the role is Researcher or ML Engineer" in Page(page).text
        assert "The role is Editor." in Page(page).text


@pytest.mark.parametrize(
    ("what", "query"),
    [
        (LAUNCH, {"place": "alpha"}),
        ("roster:project/read", {"object": "alpha"}),
        ("roster:project/create", {"place": "Organization"}),
        ("roster:project/create", {"place": "perception"}),
        ("roster:role_assignment/create", {"object": "roster:project_viewer", "place": "alpha"}),
        ("roster:org_assignment/create", {"place": "alpha"}),
        ("roster:user/read", {}),
    ],
)
def test_the_command_asks_the_same(
    org: SimpleNamespace, administrator: Client, what: str, query: dict[str, str]
) -> None:
    page = check(administrator, what, user="keeper", **query)
    status, said, wrong = run(*page.context["asked"]["command"].removeprefix("manage.py ").split())
    assert status == (0 if page.context["explanation"].allowed else 3), said + wrong


# The page's answer is that of access.may


@pytest.mark.once
def test_the_page_answers_what_may_answers(org: SimpleNamespace, administrator: Client) -> None:
    """26: over users, objects and actions; who-can and what-can too."""
    notebook = a_notebook(org, owner=org.keeper)
    things: list[tuple[str, Any, dict[str, str]]] = [
        ("roster:project", org.alpha, {"object": org.alpha.uid}),
        ("roster:project", org.beta, {"object": "beta"}),
        ("roster:department", org.department, {"object": org.department.uid}),
        ("roster:project_user", org.alpha_user, {"object": "alpha-user"}),
        ("roster:project_user", At("project_user", org.alpha), {"place": "alpha"}),
        ("roster:user", org.viewer, {"object": "viewer"}),
        ("roster:role_assignment", At("role_assignment"), {}),
        ("roster:org_assignment", OrgAssignment(org.alpha), {"place": "alpha"}),
        ("ovhcloud:notebook", notebook, {"object": notebook.uid}),
        ("ovhcloud:notebook", At("ovhcloud:notebook", org.alpha), {"place": "alpha"}),
    ]
    people = [org.administrator, org.keeper, org.viewer, org.outsider, org.alpha_user, org.beta_user]
    asked = 0
    for name, thing, query in things:
        kind = rulebook().entity_types[rulebook().type_id(name)]
        for action in kind.actions:
            for number in (asked, asked + 1):  # everybody's turn comes: a page is asked of two
                user = User.objects.get(pk=people[number % len(people)].pk)
                page = check(administrator, f"{name}/{action}", user=user.username, **query)
                expected = access.may(user, action, thing)
                assert page.context["explanation"].allowed == expected, (name, action, user)
                routes = page.context["explanation"].routes
                assert (not routes[0].missing) == expected, (name, action, user)
                asked += 1
            if query:
                listed = administrator.get(reverse("who_can"), {"what": f"{name}/{action}", **query}).context["rows"]
                may = {user.username for user in people if access.may(User.objects.get(pk=user.pk), action, thing)}
                assert {row["user"].username for row in listed} == may, (name, action)
    assert asked > 60


@pytest.mark.once
def test_the_page_answers_what_may_answers_in_the_sample(org: SimpleNamespace, administrator: Client) -> None:
    """26: groups, conditions, clusters, pending and expired roles, as they are in a whole organization."""
    load_sample(actor=COMMAND)
    chance, users, things = random.Random(3), list(User.objects.order_by("username")), []  # noqa: S311 - no secret
    for found in (Project.objects.order_by("slug"), Resource.objects.order_by("name", "pk")):
        things += [(kind_of(thing), thing) for thing in found]
    answers, lacking = [], set()
    while len(answers) < 60:
        (kind, thing), user = chance.choice(things), chance.choice(users)
        action = chance.choice(list(kind.actions))
        if action == "create":
            continue
        page = check(administrator, f"{kind.full_name}/{action}", user=user.uid, object=thing.uid)
        answers.append(access.may(User.objects.get(pk=user.pk), action, thing))
        assert page.context["explanation"].allowed == answers[-1], (user, action, thing)
        lacking |= {name for route in page.context["explanation"].routes for name in route.missing}
        assert (not page.context["explanation"].routes[0].missing) == answers[-1], (user, action, thing)
    assert any(answers)
    assert len(lacking) >= 4, lacking


def test_who_can_is_searched_and_exported(org: SimpleNamespace, keeper: Client) -> None:
    query = {"what": "roster:project/read", "object": "alpha"}
    rows = keeper.get(reverse("who_can"), query).context["rows"]
    assert [(row["user"].username, [str(s.role) for s in row["sources"]]) for row in rows] == [
        ("administrator", ["Administrator"]), ("keeper", ["Project Administrator"]), ("viewer", ["Project Viewer"]),
    ]  # fmt: skip
    assert [row["user"].username for row in keeper.get(reverse("who_can"), {**query, "q": "keep"}).context["rows"]] == [
        "keeper"
    ]
    assert keeper.get(reverse("who_can"), {**query, "q": "example.com"}).context["rows"] == []
    followed = keeper.get(rows[2]["why_url"])
    assert followed.context["explanation"].sentence == "Yes. Viewer Person may open Alpha."
    lines = list(csv.reader(keeper.get(reverse("who_can_export"), query).getvalue().decode().splitlines()))
    assert [line[0] for line in lines] == ["username", "administrator", "keeper", "viewer"]
    assert lines[3][4] == "Project Viewer, in Alpha"


def test_what_can_tells_actions_conditions_and_sources(org: SimpleNamespace, keeper: Client) -> None:
    page = keeper.get(reverse("what_can"), {"user": "viewer", "place": "alpha"})
    told = {
        power.kind.code: ([a["label"] for a in power.told], [s.where for s in power.sources])
        for power in page.context["rows"]
    }
    assert told["project"] == (["Open"], ["in Alpha"])
    own = keeper.get(reverse("what_can"))
    conditions = {power.kind.code: power.told[0]["where"] for power in own.context["rows"]}
    assert conditions["org_assignment"] == "the place is a project"
    assert conditions["project"] == ""
    lines = list(csv.reader(keeper.get(reverse("what_can_export")).getvalue().decode().splitlines()))
    assert ["roster:project", "Projects", "update", "", "roster:project_administrator", "in Alpha"] in lines


def test_what_can_tells_what_was_shared(org: SimpleNamespace, keeper: Client) -> None:
    """In the place that is asked about, and to whom."""
    team = create_group(actor=COMMAND, name="Team")
    update_group(actor=COMMAND, group=team, add=[org.viewer])
    share(actor=COMMAND, thing=a_notebook(org), action="access", subject=team)
    share(actor=COMMAND, thing=org.beta, action="read", subject=org.viewer)
    page = keeper.get(reverse("what_can"), {"user": "viewer", "place": "alpha"})
    assert page.context["shared"] == [{"thing": "resnet", "action": "Open", "group": "Team"}]
    own = signed_in(org.viewer).get(reverse("what_can"))
    assert [share["thing"] for share in own.context["shared"]] == ["Beta", "resnet"]
    exported = signed_in(org.viewer).get(reverse("what_can_export")).getvalue().decode()
    assert "ovhcloud:notebook,resnet,access,,,shared with group Team" in exported


def test_how_a_decision_is_made_is_drawn_from_the_catalogues(org: SimpleNamespace) -> None:
    page = signed_in(org.outsider).get(reverse("decision_help"))
    tables = {table.catalogue.code: table for table in page.context["tables"]}
    assert {"roster", "ovhcloud", "runai", "h2o"} <= set(tables)
    reader = [r.code for r in tables["ovhcloud"].roles].index("ai_training_read")
    opened = next(
        row for row in tables["ovhcloud"].rows if row.things.startswith("Notebooks") and row.actions == "Open"
    )
    assert opened.cells[reader] == "yes"


class TestEveryNoLeadsHere:
    """The link asks the question that was answered with no."""

    def test_a_page_that_one_may_not_open(self, org: SimpleNamespace) -> None:
        client = signed_in(org.viewer)
        refused = client.get(reverse("project_update", args=[org.alpha.uid]))
        assert refused.status_code == 403
        why = next(link for link in Page(refused).links if link.startswith(reverse("access_check") + "?"))
        page = client.get(why)
        assert page.context["explanation"].sentence == "No. Viewer Person may not change Alpha."

    def test_a_role_that_one_may_not_give(self, org: SimpleNamespace) -> None:
        """RUN-12: the role may be given, the place is closed."""
        deputy = org.outsider
        give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=deputy, scope=org.alpha)
        for action in ("give_role", "create"):
            add_rule(role("roster:project_viewer"), "project_user", action)
        client = signed_in(deputy)
        for path in (
            reverse("project_user_roles", args=[org.alpha.uid, org.alpha_user.uid]),
            reverse("bulk_create", args=[org.alpha.uid]) + "?action=roles&all=1",
        ):
            form = client.get(path)
            assert form.status_code == 200
            whys = [link for link in Page(form).links if link.startswith(reverse("access_check") + "?")]
            assert whys, path
            page = client.get(whys[0])
            assert page.status_code == 200
            assert not page.context["explanation"].allowed

    def test_the_page_of_a_user_and_the_members(self, org: SimpleNamespace, keeper: Client) -> None:
        detail = keeper.get(reverse("project_user_detail", args=[org.alpha.uid, org.alpha_user.uid]))
        ask = next(link for link in Page(detail).links if link.startswith(reverse("access_check") + "?"))
        assert Page(keeper.get(ask)).form("what").fields["user"] == [org.alpha_user.uid]
        members = keeper.get(reverse("member_index", args=[org.alpha.uid]))
        what = [link for link in Page(members).links if link.startswith(reverse("what_can"))]
        assert [keeper.get(link).context["subject"].username for link in what] == ["administrator", "keeper", "viewer"]
        viewer = signed_in(org.viewer)
        for path in (
            reverse("project_user_detail", args=[org.alpha.uid, org.alpha_user.uid]),
            reverse("member_index", args=[org.alpha.uid]),
        ):
            assert not [link for link in Page(viewer.get(path)).links if "?user=" in link]


def add_rule(given: Any, entity_type: str, action: str) -> None:
    """One more rule of a role."""
    kind = EntityType.objects.get(catalogue__code="roster", code=entity_type)
    Rule.objects.create(role=given, action=action, entity_type=kind)
    RulebookVersion.renew()


def grow(org: SimpleNamespace, size: int) -> None:
    """So many members of alpha, and so many projects in which the outsider holds a role."""
    viewer, editor = role("roster:project_viewer"), role("roster:project_administrator")
    people = User.objects.bulk_create(User(username=f"p{size}-{n}", search_text=f"p{size}-{n}") for n in range(size))
    places = [create_scope(actor=COMMAND, kind="project", name=f"P {size} {n}") for n in range(size)]
    RoleAssignment.objects.bulk_create(
        [
            *(RoleAssignment(role=viewer, user=who, scope=org.alpha, granted_by="somebody") for who in people),
            *(RoleAssignment(role=editor, user=org.outsider, scope=place, granted_by="somebody") for place in places),
        ]
    )


@pytest.mark.once
def test_the_number_of_queries_does_not_depend_on_the_rows(org: SimpleNamespace, administrator: Client) -> None:
    """Nor on how many roles somebody holds: neither a row nor a reason asks by itself."""
    pages = {
        "check": (reverse("access_check"), {"what": "roster:project/update", "object": "alpha", "user": "outsider"}),
        "who": (reverse("who_can"), {"what": "roster:project/read", "object": "alpha"}),
        "who, export": (reverse("who_can_export"), {"what": "roster:project/read", "object": "alpha"}),
        "what": (reverse("what_can"), {"user": "outsider"}),
        "what, export": (reverse("what_can_export"), {"user": "outsider"}),
        "how": (reverse("decision_help"), {}),
    }
    counts = []
    for size in (8, 40):  # more routes than the page shows, more rows than a page
        grow(org, size)
        counts.append({name: len(queries_of(administrator, *page)) for name, page in pages.items()})
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 25, counts[0]


def test_hostile_names_are_shown_as_they_are(org: SimpleNamespace, administrator: Client) -> None:
    """34: in the answer, the steps, the title, the list to choose from."""
    name = "<script>alert(1)</script>\"'"
    User.objects.filter(pk=org.alpha_user.pk).update(description=name, search_text=name.casefold())
    for named in (name, "a"):
        kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
        register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name=f"{named}{name}")
    for path, query in (
        ("access_check", {"what": LAUNCH, "user": "alpha-user", "place": "alpha"}),
        ("access_check", {"what": LAUNCH, "user": "alpha-user", "object": "<script>"}),
        ("access_check", {"what": name, "user": name, "object": name, "place": name}),
        ("who_can", {"what": OPEN, "place": "alpha", "q": name}),
        ("who_can", {"what": OPEN, "object": name}),
        ("what_can", {"user": "alpha-user"}),
    ):
        page = administrator.get(reverse(path), query)
        assert page.status_code in (200, 422), (path, query)
        assert "<script>alert" not in page.content.decode(), (path, query)


def test_every_link_of_an_answer_can_be_opened(org: SimpleNamespace, administrator: Client, keeper: Client) -> None:
    """Links stand only where the viewer may open them: to users, roles, places, assignments, and to what would help."""
    Catalogue.objects.update(is_enabled=True)
    RulebookVersion.renew()
    kind = EntityType.objects.get(catalogue__code="h2o", code="app")
    app = register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name="chat", owner=org.viewer)
    give_role(actor=COMMAND, role=role("h2o:visitor"), subject=org.outsider, scope=org.root)
    disable_user(actor=COMMAND, user=org.beta_user)
    RoleAssignment.objects.filter(user=org.viewer).update(expires_at=timezone.now() - timedelta(days=2))
    bound = org.outsider
    User.objects.filter(pk=bound.pk).update(all_clusters=False)
    opened: set[str] = set()
    for client, what, query in (
        (administrator, "roster:project/read", {"user": "viewer", "object": "alpha"}),
        (administrator, "roster:project/read", {"user": "outsider", "object": "alpha"}),
        (administrator, "h2o:app/launch", {"user": "keeper", "object": app.uid}),
        (administrator, OPEN, {"user": "beta-user", "place": "beta"}),
        (administrator, OPEN, {"user": "alpha-user", "place": "alpha"}),
        (keeper, OPEN, {"user": "alpha-user", "place": "alpha"}),
        (keeper, "roster:project/update", {"user": "viewer", "object": "alpha"}),
        (keeper, "roster:project/update", {"user": "administrator", "object": "alpha"}),
    ):
        page = check(client, what, **query)
        assert page.status_code == 200, (what, query)
        inside = page.content.decode().partition("<section")[2]
        for link in set(Page(page).links):
            if f'href="{link}"'.replace("&", "&amp;") in inside:
                assert client.get(link).status_code == 200, link
                opened.add(link.partition("?")[0].split("/")[1])
    assert opened >= {"projects", "roles", "assignments", "admin", "resources"}, opened
