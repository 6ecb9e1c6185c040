"""Resources: the list, its filters and its export; one resource, who has access and why; sharing it; changing it."""

import csv
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource, retire_resource, update_resource, update_tag
from policies.actions.shares import share
from policies.models import AuditEvent, Catalogue, EntityType, Resource, RulebookVersion
from tests.console.conftest import COMMAND, person, role
from tests.console.pages import Page
from tests.factories import signed_in

INDEX = "/resources/"
EMAIL = "olga@example.com"


def kind(name: str) -> EntityType:
    catalogue, code = name.split(":")
    return EntityType.objects.get(catalogue__code=catalogue, code=code)


def register(type_name: str, scope: Any, name: str, **fields: Any) -> Resource:
    return register_resource(actor=COMMAND, entity_type=kind(type_name), scope=scope, name=name, **fields)


def give(user: User, name: str, scope: Any) -> None:
    give_role(actor=COMMAND, role=role(name), subject=user, scope=scope)


@pytest.fixture(scope="module")
def organization(organization: SimpleNamespace) -> SimpleNamespace:
    """With every catalogue switched on, a notebook in each project, and an operator of alpha."""
    o = organization
    Catalogue.objects.update(is_enabled=True)
    RulebookVersion.renew()
    o.masks = register("ovhcloud:notebook", o.alpha, "masks", owner=o.alpha_user, tags=["vision"], external_id="nb-1")
    o.secret = register("ovhcloud:notebook", o.beta, "beta secret", external_id="nb-2")
    o.operator = person("operator", "Ori Operator")
    give(o.operator, "ovhcloud:ai_training_operator", o.alpha)
    return o


@pytest.fixture
def apps(org: SimpleNamespace) -> SimpleNamespace:
    """Apps of H2O AI Cloud: Olga's, open to all and private, one with a tag that lists a role of its own; somebody with
    full access, a visitor, an administrator of that platform."""
    w = SimpleNamespace(**vars(org))
    w.olga, w.full, w.visitor, w.admin = person("olga", "Olga", EMAIL), person("full"), person("visitor"), person("adm")
    for who in (w.olga, w.full):
        give(who, "h2o:full_access", w.root)
    give(w.admin, "h2o:admin", w.root)
    give(w.visitor, "h2o:engine_user", w.root)  # a role that a tag lists
    update_tag(actor=COMMAND, name="listed", roles=[role("h2o:engine_user")])
    update_tag(actor=COMMAND, name="empty", roles=[])
    w.open = register("h2o:app", w.root, "open app", owner=w.olga, visibility="ALL_USERS")
    w.private = register("h2o:app", w.root, "private app", owner=w.olga, visibility="PRIVATE", tags=["listed"])
    w.tagged = register("h2o:app", w.root, "tagged app", owner=w.olga, visibility="ALL_USERS", tags=["listed"])
    w.untagged = register("h2o:app", w.root, "empty tag", owner=w.olga, visibility="ALL_USERS", tags=["empty"])
    w.instance = register("h2o:instance", w.root, "run", owner=w.olga, visibility="ALL_USERS", parent=w.open)
    w.hidden_run = register("h2o:instance", w.root, "hidden run", owner=w.olga, visibility="PRIVATE", parent=w.open)
    return w


def names(user: User, **query: Any) -> list[str]:
    response = signed_in(user).get(INDEX, query)
    assert response.status_code == 200
    return [row["resource"].name for row in response.context["rows"]]


def detail(user: User, resource: Resource) -> Any:
    return signed_in(user).get(reverse("resource_detail", args=[resource.uid]))


def may(user: User, resource: Resource) -> list[str]:
    """The actions that the page of a resource offers as allowed."""
    return [line["label"] for line in detail(user, resource).context["able"] if line["state"] == "yes"]


def exported(user: User, **query: Any) -> list[dict[str, str]]:
    text = signed_in(user).get(reverse("resource_export"), query).getvalue().decode()
    return list(csv.DictReader(text.splitlines()))


# ---- The list


def test_the_list_shows_what_one_may_see_and_what_one_may_do(org: SimpleNamespace) -> None:
    assert names(org.outsider) == []
    [row] = signed_in(org.operator).get(INDEX).context["rows"]
    assert (row["resource"], row["actions"]) == (org.masks, ["Launch", "Open", "Stop", "Delete"])
    reader = person("reader")
    give(reader, "ovhcloud:ai_training_read", org.alpha)
    [row] = signed_in(reader).get(INDEX).context["rows"]
    assert row["actions"] == ["Open"]
    assert names(org.administrator) == ["beta secret", "masks"]  # who manages registrations has to find them


def test_nothing_that_exists_is_created(org: SimpleNamespace) -> None:
    """`create` is a question about a place; of a thing that is there it is neither offered nor told."""
    job = register("runai:job", org.alpha, "job", external_id="j-1")
    researcher = person("researcher")
    give(researcher, "runai:researcher", org.alpha)
    assert may(researcher, job) == ["Read", "Update", "Delete"]
    [row] = signed_in(researcher).get(INDEX).context["rows"]
    assert row["actions"] == ["Read", "Update", "Delete"]
    assert [line["label"] for line in detail(researcher, job).context["able"]] == ["Read", "Update", "Delete"]


def test_what_one_may_not_see_does_not_exist(org: SimpleNamespace) -> None:
    """OVH-10: what lies in another project is unknown here: page, export, search, filters, share pages."""
    for name in ("resource_detail", "resource_update", "resource_share_create", "resource_share_search"):
        hidden, absent = (signed_in(org.operator).get(reverse(name, args=[uid])) for uid in (org.secret.uid, "0" * 32))
        assert (hidden.status_code, absent.status_code) == (404, 404), name
    path = reverse("resource_share_delete", args=[org.secret.uid, org.outsider.uid, "access"])
    assert signed_in(org.operator).post(path).status_code == 404
    assert [row["name"] for row in exported(org.operator)] == ["masks"]
    for query in ({"q": "secret"}, {"project": org.beta.slug}, {"project": org.beta.uid}, {"project": "nothing"}):
        assert names(org.operator, **query) == []
        page = signed_in(org.operator).get(INDEX, query).content.decode()
        assert "Beta" not in page


def test_filters_and_search(org: SimpleNamespace) -> None:
    register("ovhcloud:job", org.alpha, "night job", owner=org.operator, tags=["vision", "night"])
    register("runai:job", org.alpha, "other", visibility="odd")
    admin = org.administrator
    assert names(admin, type="ovhcloud:job") == ["night job"]
    assert names(admin, type="ovhcloud:notebook", project="alpha") == ["masks"]
    assert names(admin, project=org.beta.uid) == ["beta secret"]
    assert names(admin, project="Beta") == ["beta secret"]
    assert names(admin, tag="vision") == ["masks", "night job"]
    assert names(admin, owner="nobody") == ["beta secret", "other"]
    assert names(org.operator, owner="mine") == ["night job"]
    assert names(admin, q="NIGHT") == ["night job"]
    assert names(admin, q="nb-2") == ["beta secret"]
    assert names(admin, q="%") == names(admin, q="_") == []
    assert names(admin, type="no:such", owner="x") == ["beta secret", "masks", "night job", "other"]
    page = Page(signed_in(admin).get(INDEX, {"tag": "nowhere", "type": "ovhcloud:job"}))
    assert "No resources match" in page.text
    assert "?type=ovhcloud%3Ajob" in page.links


def test_visibility_filter_offers_what_rules_ask_for(apps: SimpleNamespace) -> None:
    assert names(apps.full, visibility="ALL_USERS", type="h2o:app") == ["empty tag", "open app", "tagged app"]
    filters = signed_in(apps.full).get(INDEX).context["filter_form"]
    assert {"ALL_USERS", "NOT_RESTRICTED", "RESTRICTED"} <= {value for value, _ in filters.fields["visibility"].choices}


@pytest.mark.parametrize("column", ["name", "type", "place", "owner", "visibility", "tags", "created"])
def test_every_column_sorts_the_whole_list(org: SimpleNamespace, column: str) -> None:
    for number in range(30):
        scope = org.alpha if number % 2 else org.beta
        type_name = "ovhcloud:job" if number % 3 else "ovhcloud:app"
        tags, owner = [f"t{number % 5}"] if number % 2 else [], org.operator if number % 4 == 0 else None
        register(type_name, scope, f"r{number:02}", tags=tags, visibility=f"v{number % 3}", owner=owner)
    there = names(org.administrator, sort=column) + names(org.administrator, sort=column, page=2)
    back = names(org.administrator, sort=f"-{column}") + names(org.administrator, sort=f"-{column}", page=2)
    assert len(set(there)) == 32
    assert there == back[::-1]
    if column == "name":
        assert there == sorted(there)


def test_the_project_has_a_tab_that_leads_to_its_resources(org: SimpleNamespace) -> None:
    page = Page(signed_in(org.viewer).get(reverse("project_user_index", args=[org.alpha.uid])))
    assert f"{INDEX}?project={org.alpha.uid}" in page.links
    assert INDEX in page.links
    shown = signed_in(org.administrator).get(INDEX, {"project": org.alpha.uid})
    assert [tab["label"] for tab in shown.context["tabs"] if tab["current"]] == ["Resources"]
    assert [row["resource"] for row in shown.context["rows"]] == [org.masks]
    assert shown.context["frame"]["project"] == org.alpha


def test_the_export_is_exactly_the_list(org: SimpleNamespace) -> None:
    register("ovhcloud:job", org.alpha, "=cmd()", owner=org.operator)
    query = {"project": "alpha", "sort": "-name"}
    rows = exported(org.administrator, **query)
    assert [row["name"].lstrip("'") for row in rows] == names(org.administrator, **query)
    assert rows[1]["name"] == "'=cmd()"
    event = AuditEvent.objects.order_by("-sequence")[0]
    assert (event.action, event.object_name) == ("resource.export", "Alpha")
    assert event.after["filters"] == ["Project: Alpha"]
    [row] = exported(org.operator, q="masks")
    assert (row["place"], row["owner"], row["actions"], row["external_id"], row["tags"]) == (
        "Alpha", "alpha-user", "Launch, Open, Stop, Delete", "nb-1", "vision",
    )  # fmt: skip


# ---- H2O AI Cloud through the pages


def test_h2o_05_a_private_app_is_its_owners_alone(apps: SimpleNamespace) -> None:
    """H2O-04, H2O-05."""
    assert "private app" in names(apps.olga)
    assert detail(apps.olga, apps.private).status_code == 200
    for other in (apps.full, apps.visitor, apps.outsider):
        assert "private app" not in names(other)
        assert detail(other, apps.private).status_code == 404
    assert may(apps.full, apps.open) == ["View", "Launch", "See the owner's e-mail"]


def test_h2o_07_instances(apps: SimpleNamespace) -> None:
    assert names(apps.full, type="h2o:instance") == ["run"]
    assert names(apps.olga, type="h2o:instance") == ["hidden run", "run"]
    assert detail(apps.full, apps.hidden_run).status_code == 404
    assert detail(apps.full, apps.instance).status_code == 200


def test_h2o_12_a_visitor_sees_what_a_tag_lists_for_them(apps: SimpleNamespace) -> None:
    """H2O-12: open to all and tagged with one of their roles; a tag without roles opens nothing."""
    assert names(apps.visitor, type="h2o:app") == ["tagged app"]
    assert may(apps.visitor, apps.tagged) == ["View", "Launch"]
    assert names(apps.outsider) == []
    update_tag(actor=COMMAND, name="listed", roles=[])
    assert names(apps.visitor, type="h2o:app") == []


def test_h2o_14_a_visitor_does_nothing_with_anothers_instance(apps: SimpleNamespace) -> None:
    """H2O-13, H2O-14: not even where it is open to all."""
    assert detail(apps.visitor, apps.instance).status_code == 404
    own = register("h2o:instance", apps.root, "own", owner=apps.visitor, visibility="PRIVATE", parent=apps.open)
    assert names(apps.visitor, type="h2o:instance") == ["own"]
    assert may(apps.visitor, own) == ["View", "Pause", "Resume", "Terminate"]


def test_h2o_17_the_admin_sees_every_app(apps: SimpleNamespace) -> None:
    assert names(apps.admin, type="h2o:app") == ["empty tag", "open app", "private app", "tagged app"]
    assert may(apps.admin, apps.private) == ["View", "Set visibility", "Delete"]
    path = reverse("resource_update", args=[apps.private.uid])
    form = Page(signed_in(apps.admin).get(path)).form("visibility")
    assert form.submit(signed_in(apps.admin), path, visibility="ALL_USERS").status_code == 302
    assert Resource.objects.get(pk=apps.private.pk).visibility == "ALL_USERS"


def test_h2o_10_and_11_the_owners_address(apps: SimpleNamespace) -> None:
    """H2O-10: full access sees it; H2O-11: a visitor never does: list, page, CSV, search."""

    def shown(user: User, resource: Resource) -> list[bool]:
        client = signed_in(user)
        listed = client.get(INDEX, {"q": resource.name}).content.decode()
        assert resource.name in listed
        page = client.get(reverse("resource_detail", args=[resource.uid])).content.decode()
        rows = [row for row in exported(user) if row["id"] == resource.uid]
        return [EMAIL in listed, EMAIL in page, EMAIL in str(rows)]

    assert shown(apps.full, apps.open) == [True] * 3
    assert shown(apps.visitor, apps.tagged) == [False] * 3
    assert shown(apps.admin, apps.private) == [False] * 3  # the platform's rule: as full access alone
    assert shown(apps.administrator, apps.tagged) == [False] * 3
    for text in (EMAIL, "example.com", "olga@"):
        assert names(apps.visitor, q=text) == []
    # A type that names no action for it: whoever may list people sees their addresses there as well.
    own = register("ovhcloud:notebook", apps.alpha, "of olga", owner=apps.olga)
    assert shown(apps.operator, own) == [False] * 3
    assert shown(apps.administrator, own) == [True] * 3


def test_h2o_06_the_owner_changes_the_visibility_and_nothing_else(apps: SimpleNamespace) -> None:
    """H2O-06: of their own apps alone, though they may not change registrations."""
    path, olga = reverse("resource_update", args=[apps.open.uid]), signed_in(apps.olga)
    form = Page(olga.get(path)).form("visibility")
    assert form.names == {"visibility", "seen"}
    forged = form.submit(olga, path, visibility="PRIVATE", name="stolen", owner="visitor", tags="x")
    assert forged.status_code == 302
    now = Resource.objects.get(pk=apps.open.pk)
    assert (now.visibility, now.name, now.owner, list(now.tags.all())) == ("PRIVATE", "open app", apps.olga, [])
    event = AuditEvent.objects.order_by("-sequence")[0]
    assert (event.action, event.actor, event.before, event.after) == (
        "resource.update", "Olga", {"visibility": "ALL_USERS"}, {"visibility": "PRIVATE"},
    )  # fmt: skip
    others = reverse("resource_update", args=[apps.tagged.uid])
    for method in (signed_in(apps.full).get, signed_in(apps.full).post):
        assert method(others, {"visibility": "PRIVATE"}).status_code == 403
    assert signed_in(apps.visitor).get(others).status_code == 403
    assert signed_in(apps.visitor).post(path, {"visibility": "ALL_USERS"}).status_code == 404


# ---- One resource


def test_the_page_says_what_one_may_do_and_why(org: SimpleNamespace) -> None:
    reader = person("reader")
    give(reader, "ovhcloud:ai_training_read", org.alpha)
    lines = detail(reader, org.masks).context["able"]
    assert [(line["label"], line["state"]) for line in lines] == [
        ("Launch", "no"), ("Open", "yes"), ("Stop", "no"), ("Delete", "no"),
    ]  # fmt: skip
    assert lines[1]["why"] == "Holds AI Training Reader in Alpha, which allows it."
    page = Page(detail(org.operator, org.masks)).text
    for said in ("masks", "Notebooks · OVHcloud AI Solutions", "Alpha", "Pipeline of Alpha", "vision", "nb-1"):
        assert said in page


def test_who_has_access_by_role_and_place(org: SimpleNamespace) -> None:
    team = create_group(actor=COMMAND, name="Team")
    give_role(actor=COMMAND, role=role("ovhcloud:ai_training_operator"), subject=team, scope=org.alpha)
    give(org.viewer, "ovhcloud:ai_training_read", org.alpha)
    give(org.keeper, "ovhcloud:ai_training_read", org.alpha)
    reaching = detail(org.keeper, org.masks).context["reaching"]
    told = {(str(line.role), str(line.scope), line.people, line.groups): dict(line.actions) for line in reaching}
    whole = dict.fromkeys(("Launch", "Open", "Stop", "Delete"), "")
    assert told == {
        ("AI Training Operator", "Alpha", 1, 1): whole,
        ("AI Training Reader", "Alpha", 3, 0): {"Open": ""},
    }
    assert detail(org.operator, org.masks).context["reaching"] is None
    assert "through roles" not in detail(org.operator, org.masks).content.decode()


def test_conditions_of_roles_are_told(apps: SimpleNamespace) -> None:
    give(apps.administrator, "h2o:admin", apps.root)
    [own] = [r for r in detail(apps.administrator, apps.private).context["reaching"] if str(r.role) == "Full Access"]
    assert dict(own.actions)["Launch"] == "they own it"
    assert "Upload" not in dict(own.actions), "it is there already"
    default = [r for r in detail(apps.administrator, apps.open).context["reaching"] if r.scope is None]
    assert [str(line.role) for line in default] == ["Visitor"]


def test_what_it_belongs_to_is_named_to_those_who_may_see_that(apps: SimpleNamespace) -> None:
    run = register("h2o:instance", apps.root, "shown run", owner=apps.olga, visibility="ALL_USERS", parent=apps.private)
    assert detail(apps.olga, run).context["parent"] == apps.private
    assert detail(apps.full, run).context["parent"] is None
    assert "private app" not in detail(apps.full, run).content.decode()
    assert [child.name for child in detail(apps.olga, apps.open).context["children"]] == ["hidden run", "run"]
    assert [child.name for child in detail(apps.full, apps.open).context["children"]] == ["run"]


def test_what_happened_to_it_in_words(org: SimpleNamespace) -> None:
    share(actor=COMMAND, thing=org.masks, action="access", subject=org.outsider)
    update_resource(actor=COMMAND, resource=org.masks, visibility="v", url="https://tools.example.com/masks")
    events = detail(org.administrator, org.masks).context["events"]
    assert [event.what for event in events] == ["changed", "let outsider open", "registered"]
    assert [tuple(change) for change in events[0].changes] == [
        ("URL", "", "https://tools.example.com/masks"),
        ("Visibility", "", "v"),
    ]
    assert detail(org.operator, org.masks).context["events"] == []


# ---- Sharing


def create_url(resource: Resource) -> str:
    return reverse("resource_share_create", args=[resource.uid])


def test_a_share_opens_that_resource_alone_until_it_is_taken_back(org: SimpleNamespace) -> None:
    give(org.keeper, "ovhcloud:ai_training_read", org.alpha)
    register("ovhcloud:notebook", org.alpha, "another")
    keeper = signed_in(org.keeper)
    assert detail(org.outsider, org.masks).status_code == 404
    done = keeper.post(create_url(org.masks), {"holder": "outsider", "permission": "access"})
    assert done["Location"] == reverse("resource_detail", args=[org.masks.uid])
    assert names(org.outsider) == ["masks"]
    assert may(org.outsider, org.masks) == ["Open"]
    assert detail(org.outsider, org.masks).context["able"][1]["why"].startswith("It is shared with")
    [row] = detail(org.keeper, org.masks).context["shares"]
    assert (row["holder"], row["permission"], row["by"]) == ("Outsider Person", "Open", "Keeper Person")
    assert "Outsider Person" in keeper.get(row["delete_url"]).content.decode()
    assert keeper.post(row["delete_url"]).status_code == 302
    assert detail(org.outsider, org.masks).status_code == 404
    assert [event.action for event in AuditEvent.objects.order_by("-sequence")[:2]] == [
        "resource.unshare", "resource.share",
    ]  # fmt: skip


def test_a_share_with_a_group(org: SimpleNamespace) -> None:
    give(org.keeper, "ovhcloud:ai_training_read", org.alpha)
    team = create_group(actor=COMMAND, name="Night Shift")
    update_group(actor=COMMAND, group=team, add=[org.outsider])
    given = {"holder": "Night Shift", "permission": "access"}
    assert signed_in(org.keeper).post(create_url(org.masks), given).status_code == 302
    assert names(org.outsider) == ["masks"]
    update_group(actor=COMMAND, group=team, remove=[org.outsider])
    assert names(org.outsider) == []


def test_nobody_shares_what_they_may_not_do(org: SimpleNamespace) -> None:
    """The administrator manages registrations and may not open notebooks: nor let others, or themselves, open them."""
    admin = signed_in(org.administrator)
    page = admin.get(create_url(org.masks))
    assert page.context["form"].fields["permission"].choices == []
    assert "Nothing that you may share" in page.content.decode()
    for holder in ("outsider", "administrator"):
        assert admin.post(create_url(org.masks), {"holder": holder, "permission": "access"}).status_code == 422
    assert names(org.outsider) == []
    # To use it is not to share it: that is the matter of whoever manages the project.
    for method in (signed_in(org.operator).get, signed_in(org.operator).post):
        assert method(create_url(org.masks), {"holder": "outsider", "permission": "access"}).status_code == 403
    for nobody in (org.operator, org.administrator):
        assert not detail(nobody, org.masks).context["may_give"]


def test_only_what_can_be_shared_is_offered(org: SimpleNamespace) -> None:
    give(org.keeper, "ovhcloud:ai_training_operator", org.alpha)
    keeper = signed_in(org.keeper)
    assert [code for code, _ in keeper.get(create_url(org.masks)).context["form"].fields["permission"].choices] == [
        "access"
    ]
    for given in (
        {"holder": "outsider", "permission": "delete"},
        {"holder": "alpha-user", "permission": "access"},
        {"holder": "nobody", "permission": "access"},
        {},
    ):
        assert keeper.post(create_url(org.masks), given).status_code == 422
    assert not org.masks.shares_with_users.exists()


def test_suggestions_are_for_those_who_may_list_people(org: SimpleNamespace) -> None:
    give(org.keeper, "ovhcloud:ai_training_read", org.alpha)
    path = reverse("resource_share_search", args=[org.masks.uid])
    assert signed_in(org.keeper).get(path, {"holder": "outsider"}).status_code == 404
    assert signed_in(org.operator).get(path, {"holder": "outsider"}).status_code == 403
    assert b'value="outsider"' in signed_in(org.administrator).get(path, {"holder": "outsider"}).content


# ---- Changing it


def edit(client: Client, resource: Resource, **changes: Any) -> Any:
    path = reverse("resource_update", args=[resource.uid])
    return Page(client.get(path)).form("seen").submit(client, path, **changes)


def test_who_manages_registrations_changes_everything(org: SimpleNamespace) -> None:
    admin = signed_in(org.administrator)
    done = edit(admin, org.masks, name="Masks 2", owner="operator", tags="a, b ,a", listed_roles="h2o:visitor")
    assert done["Location"] == reverse("resource_detail", args=[org.masks.uid])
    now = Resource.objects.get(pk=org.masks.pk)
    assert (now.name, now.owner, now.external_id) == ("Masks 2", org.operator, "nb-1")
    assert [tag.name for tag in now.tags.all()] == ["a", "b"]
    assert [role.full_name for role in now.listed_roles.all()] == ["h2o:visitor"]
    assert edit(admin, org.masks, owner="", tags="", listed_roles="").status_code == 302
    now = Resource.objects.get(pk=org.masks.pk)
    assert (now.owner, list(now.tags.all()), list(now.listed_roles.all())) == (None, [], [])


@pytest.mark.once
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 121), ("name", "a\x00b"), ("owner", "nobody"), ("owner", "beta-user"),
        ("tags", "x" * 61), ("tags", ",".join(map(str, range(60)))), ("listed_roles", "nothing"),
        ("listed_roles", "administrator"),
    ],
)  # fmt: skip
def test_a_message_stands_beside_the_field_and_what_was_typed_stays(
    org: SimpleNamespace, field: str, value: str
) -> None:
    before = AuditEvent.objects.count()
    response = edit(signed_in(org.administrator), org.masks, **{field: value})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert response.context["form"][field].value() == value
    assert AuditEvent.objects.count() == before


def test_two_who_edit_at_once(org: SimpleNamespace) -> None:
    admin, path = signed_in(org.administrator), reverse("resource_update", args=[org.masks.uid])
    form = Page(admin.get(path)).form("seen")
    update_resource(actor=COMMAND, resource=org.masks, name="theirs")
    answer = form.submit(admin, path, name="mine")
    assert answer.status_code == 409
    assert "Name: masks → theirs" in answer.content.decode()
    assert answer.context["form"]["name"].value() == "mine"
    assert Resource.objects.get(pk=org.masks.pk).name == "theirs"
    assert Page(answer).form("seen").submit(admin, path).status_code == 302
    assert Resource.objects.get(pk=org.masks.pk).name == "mine"
    retire_resource(actor=COMMAND, resource=org.masks)
    assert form.submit(admin, path, name="late").status_code == 404


# ---- Retiring it


def test_who_may_retire_it_does_so_by_its_name(org: SimpleNamespace) -> None:
    share(actor=COMMAND, thing=org.masks, action="access", subject=org.outsider)
    admin, path = signed_in(org.administrator), reverse("resource_delete", args=[org.masks.uid])
    assert path in detail(org.administrator, org.masks).content.decode()
    form = Page(admin.get(path)).form("confirm")
    assert "1 share ends with it" in Page(admin.get(path)).text
    assert form.submit(admin, path, confirm="mask").status_code == 422
    assert form.submit(admin, path, confirm="masks")["Location"] == INDEX
    assert not Resource.objects.filter(pk=org.masks.pk).exists()
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.actor_uid, event.object_name) == ("resource.retire", org.administrator.uid, "masks")
    assert form.submit(admin, path, confirm="masks").status_code == 404


def test_who_may_not_retire_it_is_told_and_offered_nothing(org: SimpleNamespace) -> None:
    """What one may do with the thing itself, deleting included, is another matter than its registration."""
    path, client = reverse("resource_delete", args=[org.masks.uid]), signed_in(org.operator)
    assert "Delete" in may(org.operator, org.masks)
    assert path not in detail(org.operator, org.masks).content.decode()
    assert (client.get(path).status_code, client.post(path, {"confirm": "masks"}).status_code) == (403, 403)
    assert Resource.objects.filter(pk=org.masks.pk).exists()


# ---- Queries


@pytest.mark.once
def test_ten_or_hundreds_of_rows_take_the_same_queries(
    org: SimpleNamespace, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def more(count: int, prefix: str) -> None:
        rows = Resource.objects.bulk_create(
            Resource(
                entity_type=kind("h2o:app" if number % 2 else "ovhcloud:notebook"), scope=org.alpha,
                name=f"{prefix}{number}", owner=org.operator, parent=org.masks, visibility="ALL_USERS",
            )
            for number in range(count)
        )  # fmt: skip
        for row in rows[:40]:
            row.tags.set(org.masks.tags.all())
            row.listed_roles.set([role("h2o:visitor")])
        for number in range(count // 4):
            user = User.objects.create(username=f"{prefix}-{number}")
            give(user, "ovhcloud:ai_training_read", org.alpha)
            share(actor=COMMAND, thing=org.masks, action="access", subject=user)

    def queries() -> dict[str, int]:
        found = {}
        for who in (org.operator, org.administrator):
            client = signed_in(who)
            for path in (INDEX, f"{INDEX}?project=alpha&tag=vision&owner=nobody", f"{INDEX}export/",
                         reverse("resource_detail", args=[org.masks.uid])):  # fmt: skip
                client.get(path).getvalue()
                with CaptureQueriesContext(connection) as captured:
                    client.get(path).getvalue()
                found[f"{who} {path}"] = len(captured)
        return found

    more(10, "few")
    few = queries()
    more(190, "many")
    assert queries() == few
    assert max(few.values()) < 40, few
