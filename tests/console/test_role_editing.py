"""Roles made in the console: edit, review, save; whoever may, nobody wider than themselves; shipped ones are read-only."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from policies import access
from policies.actions import assignments
from policies.actions.assignments import give_role
from policies.actions.roles import TAKEN_AT_ONCE, RoleDraft, create_role, delete_role, draft_of, update_role
from policies.actions.switches import name_role, switch_catalogue
from policies.actions.users import generate_password
from policies.actor import Actor
from policies.catalogue_files import RuleEntry
from policies.errors import Conflict, Denied
from policies.models import AuditEvent, Catalogue, Resource, Role, RoleAssignment, RoleSetting, Tag
from policies.protected import At
from policies.rulebook import rulebook
from tests.console.conftest import COMMAND, person, role
from tests.console.pages import Page, PageForm
from tests.factories import a_project_user, give

ClientOf = Callable[[str], Client]
NEW = "/roles/new/"
NOTEBOOK, PROJECT = "ovhcloud:notebook", "roster:project"


@pytest.fixture
def admin(client_of: ClientOf) -> Client:
    return client_of("administrator")


def a_role(label: str, *rules: RuleEntry, **fields: Any) -> Role:
    return create_role(actor=COMMAND, draft=RoleDraft(label, rules=rules, **fields))


def rules_of(found: Role) -> set[str]:
    return {str(rule) for rule in draft_of(found).rules}


def form_of(response: HttpResponse) -> PageForm:
    return Page(response).form("label", "seen")


def reviewed(client: Client, path: str, **changes: Any) -> HttpResponse:
    """The review of a form that was opened and changed."""
    return form_of(client.get(path)).submit(client, path.partition("?")[0], **changes)


def saved(client: Client, path: str, review: HttpResponse) -> HttpResponse:
    assert review.status_code == 200, Page(review).text
    return Page(review).form("step").submit(client, path.partition("?")[0])


def edit_path(found: Role) -> str:
    return reverse("role_update", args=[found.uid])


def newest(action: str) -> AuditEvent:
    found = AuditEvent.objects.filter(action=action).order_by("-sequence").first()
    assert found is not None
    return found


# Making one


def test_a_role_is_made_in_two_steps(org: SimpleNamespace, admin: Client) -> None:
    review = reviewed(
        admin, NEW, label=" Night shift ", purpose="Stops what runs away.", subjects=["person", "group"], binds=["project"],
        **{f"{NOTEBOOK}-0": ["access", "stop"], f"{NOTEBOOK}-1": ["delete"], f"{NOTEBOOK}-1-owner": "1"},
    )  # fmt: skip
    assert not Role.objects.filter(label="Night shift").exists()
    text = Page(review).text
    for said in (
        "open, stop · Notebooks",
        "delete · Notebooks where they own it",
        "People and groups",
        "Nobody holds it yet",
    ):
        assert said in text
    done = saved(admin, NEW, review)
    made = Role.objects.get(label="Night shift")
    assert done["Location"] == reverse("role_detail", args=[made.uid])
    assert (made.code, made.catalogue.is_editable, made.binds, made.subjects) == (
        "night-shift", True, ["project"], ["person", "group"],
    )  # fmt: skip
    assert rules_of(made) == {
        f"can access {NOTEBOOK}", f"can stop {NOTEBOOK}", f"can delete {NOTEBOOK} where owner",
    }  # fmt: skip
    event = newest("role.create")
    assert (event.actor, event.object_uid, event.after["label"]) == (org.administrator.label, made.uid, "Night shift")


@pytest.mark.once
def test_a_copy_begins_with_everything_of_the_other_one(admin: Client) -> None:
    """Shipped roles can be copied: their rules, with all their conditions. Of each catalogue, the role that says most."""
    roles = Role.objects.alias(says=Count("rules", distinct=True) + Count("includes", distinct=True)).order_by("says")
    for source in {source.catalogue_id: source for source in roles.select_related("catalogue")}.values():
        path = f"{NEW}?from={source.uid}"
        review = reviewed(admin, path, label=f"Copy of {source.full_name}")
        saved(admin, path, review)
        copy = draft_of(Role.objects.get(label=f"Copy of {source.full_name}"))
        original = draft_of(source)
        assert (copy.rules, copy.includes, copy.binds, set(copy.subjects), copy.family) == (
            original.rules, original.includes, original.binds, set(original.subjects), original.family,
        )  # fmt: skip
    assert form_of(admin.get(f"{NEW}?from=nonsense")).fields["label"] == [""]


def test_a_label_role_has_no_rules(org: SimpleNamespace, admin: Client) -> None:
    """H2O-12: visitors' roles are names that tags list; administrators make them."""
    review = reviewed(admin, NEW, label="Data team")
    assert "a name that things and their tags can list" in Page(review).text
    saved(admin, NEW, review)
    label = Role.objects.get(label="Data team")
    assert not label.rules.exists()
    Tag.objects.create(name="finance").roles.add(label)
    switch_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code="h2o"), enabled=True)
    kind = next(kind for kind in rulebook().entity_types.values() if kind.full_name == "h2o:app")
    app = Resource.objects.create(entity_type=kind, scope=org.root, name="Forecast", visibility="ALL_USERS")
    app.tags.add(Tag.objects.get(name="finance"))
    assert not access.may(org.outsider, "launch", app)
    give_role(actor=COMMAND, role=label, subject=org.outsider, scope=org.root)
    assert access.may(User.objects.get(pk=org.outsider.pk), "launch", Resource.objects.get(pk=app.pk))


@pytest.mark.once
@pytest.mark.parametrize(
    ("label", "codes"),
    [("Réseau & co", ["reseau-co"]), ("中文", ["role"]), ("A b", ["a-b"]), ("<script>", ["script"])],
)
def test_the_code_follows_from_the_label(admin: Client, label: str, codes: list[str]) -> None:
    saved(admin, NEW, reviewed(admin, NEW, label=label))
    assert [found.code for found in Role.objects.filter(label=label)] == codes
    a_role(f"{label}!")
    assert len(set(Role.objects.filter(catalogue__is_editable=True).values_list("code", flat=True))) == 2


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": ""}, "This field is required"),
        ({"label": "x" * 81}, "80 characters"),
        ({"label": "Taken"}, "Another role has this name"),
        ({"label": "taken"}, "Another role has this name"),
        ({"family": "nonsense"}, "not one of the available choices"),
        ({"binds": ["moon"]}, "not one of the available choices"),
        ({"includes": ["roster:nobody"]}, "not one of the available choices"),
        ({f"{NOTEBOOK}-1": ["delete"]}, "Choose a condition"),
        ({f"{NOTEBOOK}-1-owner": "1"}, "Tick what may be done under this condition"),
        ({f"{NOTEBOOK}-1": ["delete"], f"{NOTEBOOK}-1-visibility": "x" * 21}, "at most 20 characters"),
        ({"roster:role_assignment-1": ["create"], "roster:role_assignment-1-role": ["no:role"]}, "Choose values"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_typed_is_lost(admin: Client, changes: dict[str, Any], said: str) -> None:
    a_role("Taken")
    typed = {"label": "Mine", "purpose": "Kept", f"{PROJECT}-0": ["read"], **changes}
    response = reviewed(admin, NEW, **typed)
    assert response.status_code == 422
    assert said in Page(response).text
    form = form_of(response)
    assert form.fields["purpose"] == ["Kept"]
    assert form.fields[f"{PROJECT}-0"] == ["read"]
    assert Role.objects.filter(catalogue__is_editable=True).count() == 1


def test_a_forged_cell_is_no_rule(admin: Client) -> None:
    """20: what no entity type has is passed over by the form; the action refuses it."""
    forged = {
        f"{PROJECT}-0": ["read", "launder"],
        "roster:moon-0": ["read"],
        f"{PROJECT}-1": ["read"],
        f"{PROJECT}-1-owner": "1",
    }
    saved(admin, NEW, reviewed(admin, NEW, label="Mine", **forged))
    assert rules_of(Role.objects.get(label="Mine")) == {f"can read {PROJECT}"}
    for rule in (
        RuleEntry("launder", PROJECT), RuleEntry("read", "roster:moon"), RuleEntry("read", PROJECT, owner=True),
        RuleEntry("read", "project"), RuleEntry("create", "roster:org_assignment", fields={"target": ["moon"]}),
        RuleEntry("create", "roster:role_assignment", fields={"role": []}),
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            a_role("Other", rule)


def test_back_keeps_everything_and_one_more_condition_can_be_had(admin: Client) -> None:
    review = reviewed(admin, NEW, label="Mine", **{f"{NOTEBOOK}-1": ["delete"], f"{NOTEBOOK}-1-visibility": "A, B"})
    form = Page(review).form("step")
    back = form_of(form.submit(admin, NEW, back="1"))
    assert (back.fields["label"], back.fields[f"{NOTEBOOK}-1"]) == (["Mine"], ["delete"])
    more = back.submit(admin, NEW, more=NOTEBOOK, **{f"{NOTEBOOK}-2": ["stop"], f"{NOTEBOOK}-2-owner": "1"})
    assert more.status_code == 200
    again = form_of(more)
    assert again.fields[f"{NOTEBOOK}-2"] == ["stop"]
    assert f"{NOTEBOOK}-3" in again.unticked
    saved(admin, NEW, again.submit(admin, NEW))
    assert rules_of(Role.objects.get(label="Mine")) == {
        f"can delete {NOTEBOOK} where visibility is A or B", f"can stop {NOTEBOOK} where owner",
    }  # fmt: skip


# Changing one


def test_the_review_says_who_gains_and_loses_before_anything_is_saved(org: SimpleNamespace, admin: Client) -> None:
    reader = a_role("Reader", RuleEntry("read", "roster:cluster"), RuleEntry("read", PROJECT))
    for subject in (org.outsider, org.viewer):
        give_role(actor=COMMAND, role=reader, subject=subject, scope=org.root)
    path = edit_path(reader)
    review = reviewed(admin, path, **{"roster:cluster-0": None, f"{PROJECT}-0": ["read", "update"]})
    text = Page(review).text
    assert "2 people lose open · Clusters" in text
    assert "2 people gain change · Projects" in text
    assert "Outsider Person" in text
    assert access.may(org.outsider, "read", At("roster:cluster"))
    saved(admin, path, review)
    outsider = User.objects.get(pk=org.outsider.pk)
    assert not access.may(outsider, "read", At("roster:cluster"))
    assert access.may(outsider, "update", At(PROJECT))
    event = newest("role.update")
    assert (event.before, event.after) == (
        {"rules": ["can read roster:cluster"]}, {"rules": ["can update roster:project"]},
    )  # fmt: skip


def test_a_new_name_sorts_the_lists_of_users_too(
    org: SimpleNamespace, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of a project's users sorts by the names of their roles, whichever way these change."""
    reader = a_role("Reader", RuleEntry("read", PROJECT))
    users = [a_project_user(org.alpha, f"user-{number}") for number in range(5)]
    for user in users[:3]:
        give_role(actor=COMMAND, role=reader, subject=user, scope=org.alpha)
    give_role(actor=COMMAND, role=role("ovhcloud:ai_training_read"), subject=users[0], scope=org.alpha)
    monkeypatch.setattr(assignments, "SORTED_AT_ONCE", 2)
    saved(admin, edit_path(reader), reviewed(admin, edit_path(reader), label="A reader"))
    keys = [User.objects.get(pk=user.pk).roles_sort_key for user in users]
    assert keys == ["A reader, AI Training Reader", "A reader", "A reader", "", ""]


def test_nothing_changed_is_nothing_written(admin: Client) -> None:
    reader = a_role("Reader", RuleEntry("read", PROJECT))
    events = AuditEvent.objects.count()
    review = reviewed(admin, edit_path(reader))
    assert "The role stays as it is" in Page(review).text
    saved(admin, edit_path(reader), review)
    assert AuditEvent.objects.count() == events


@pytest.mark.parametrize("step", ["1", "2"])
def test_two_at_once_never_overwrite_silently(org: SimpleNamespace, admin: Client, step: str) -> None:
    reader = a_role("Reader", RuleEntry("read", PROJECT))
    form = form_of(admin.get(edit_path(reader)))
    keeper = Actor("Jonas Weber")
    update_role(actor=keeper, role=reader, draft=RoleDraft("Reader", rules=(RuleEntry("delete", PROJECT),)))
    response = form.submit(admin, edit_path(reader), step=step, **{f"{PROJECT}-0": ["read", "update"]})
    assert response.status_code == 409
    text = Page(response).text
    assert "Jonas Weber changed this while you were editing" in text
    assert "delete · Projects" in text
    assert rules_of(reader) == {f"can delete {PROJECT}"}
    mine = form_of(response)
    assert mine.fields[f"{PROJECT}-0"] == ["read", "update"]
    saved(admin, edit_path(reader), mine.submit(admin, edit_path(reader)))
    assert rules_of(reader) == {f"can read {PROJECT}", f"can update {PROJECT}"}


def test_a_form_without_its_state_overwrites_nothing(admin: Client) -> None:
    reader = a_role("Reader", RuleEntry("read", PROJECT))
    assert admin.post(edit_path(reader), {"label": "Other", "family": "ai", "step": "2"}).status_code == 409
    reader.refresh_from_db()
    assert reader.label == "Reader"


@pytest.mark.once
def test_shipped_roles_are_read_only(admin: Client) -> None:
    for shipped in Role.objects.filter(catalogue__is_editable=False):
        for name in ("role_update", "role_delete"):
            path = reverse(name, args=[shipped.uid])
            for response in (
                admin.get(path),
                admin.post(path, {"label": "Mine", "confirm": shipped.label, "step": "2"}),
            ):
                assert response.status_code == 403
                assert f"{NEW}?from={shipped.uid}" in Page(response).links
        with pytest.raises(ValidationError, match="cannot be changed"):
            update_role(actor=COMMAND, role=shipped, draft=RoleDraft("Mine"))
        with pytest.raises(ValidationError, match="cannot be changed"):
            delete_role(actor=COMMAND, role=shipped)


def test_no_circle_of_roles(admin: Client) -> None:
    inner = a_role("Inner")
    outer = a_role("Outer", includes=(inner.full_name,))
    response = reviewed(admin, edit_path(inner), includes=[outer.full_name])
    assert response.status_code == 422
    assert "circle" in Page(response).text
    with pytest.raises(ValidationError, match="circle"):
        update_role(actor=COMMAND, role=inner, draft=RoleDraft("Inner", includes=(inner.full_name,)))


def test_the_last_administrator_stays(org: SimpleNamespace, admin: Client) -> None:
    """RUN-22: also where a role made here is what makes them one."""
    ruling = a_role("Ruling", RuleEntry("administer", "roster:installation"))
    User.objects.filter(pk=org.outsider.pk).update(password="set")
    give_role(actor=COMMAND, role=ruling, subject=org.outsider, scope=org.root)
    User.objects.exclude(pk=org.outsider.pk).update(is_sample=True)  # they count as nobody
    response = reviewed(admin, edit_path(ruling), **{"roster:installation-0": None})
    assert response.status_code == 422
    assert "last administrator" in Page(response).text
    page = Page(admin.get(reverse("role_delete", args=[ruling.uid])))
    assert "last administrator" in page.text
    assert rules_of(ruling) == {"can administer roster:installation"}


# Nobody widens what they hold (security 21)


@pytest.fixture
def role_keeper(org: SimpleNamespace) -> SimpleNamespace:
    """Somebody who may manage roles and read projects, and nothing else; through a role made here."""
    keys = [RuleEntry(action, "roster:role") for action in ("create", "read", "update", "delete")]
    held = a_role("Role keeper", *keys, RuleEntry("read", PROJECT))
    give_role(actor=COMMAND, role=held, subject=org.outsider, scope=org.root)
    return SimpleNamespace(user=org.outsider, role=held)


def test_nobody_puts_into_a_role_what_they_may_not_do(role_keeper: SimpleNamespace, client_of: ClientOf) -> None:
    """21: neither into one that they hold nor into a new one, neither as a rule nor through another role."""
    client, held = client_of("outsider"), role_keeper.role
    page = Page(client.get(edit_path(held)))
    form = page.form("label", "seen")
    assert "You can tick what you may do yourself" in page.text
    assert "read" in form.fields[f"{PROJECT}-0"]
    before = rules_of(held)
    for step in ("1", "2"):
        for forged in (
            {f"{PROJECT}-0": ["read", "delete"]},
            {"roster:installation-0": ["administer"]},
            {f"{NOTEBOOK}-1": ["delete"], f"{NOTEBOOK}-1-owner": "1"},
            {"includes": ["roster:administrator"]},
        ):
            assert form.submit(client, edit_path(held), step=step, **forged).status_code == 403
    assert rules_of(held) == before
    assert (
        client.post(NEW, {"label": "Mine", "family": "ai", "roster:user-0": ["delete"], "step": "2"}).status_code == 403
    )
    assert not Role.objects.filter(label="Mine").exists()
    refused = AuditEvent.objects.filter(outcome="refused", actor_uid=role_keeper.user.uid)
    assert refused.count() == 9


def test_what_they_may_do_they_may_put_into_roles_and_take_out(
    role_keeper: SimpleNamespace, client_of: ClientOf
) -> None:
    client = client_of("outsider")
    saved(client, NEW, reviewed(client, NEW, label="Readers", **{f"{PROJECT}-0": ["read"]}))
    wide = a_role("Wide", RuleEntry("delete", PROJECT), RuleEntry("update", PROJECT))
    saved(client, edit_path(wide), reviewed(client, edit_path(wide), **{f"{PROJECT}-0": ["delete", "read"]}))
    assert rules_of(wide) == {f"can delete {PROJECT}", f"can read {PROJECT}"}


def test_a_condition_that_falls_away_widens(role_keeper: SimpleNamespace) -> None:
    some = a_role("Some", RuleEntry("delete", NOTEBOOK, owner=True))
    actor = Actor("outsider", User.objects.get(pk=role_keeper.user.pk))
    with pytest.raises(Denied):
        update_role(actor=actor, role=some, draft=RoleDraft("Some", rules=(RuleEntry("delete", NOTEBOOK),)))


def test_a_project_keeper_makes_no_roles(org: SimpleNamespace, client_of: ClientOf) -> None:
    own = a_role("Own")
    client = client_of("keeper")
    for path in (NEW, edit_path(own), reverse("role_delete", args=[own.uid])):
        assert client.get(path).status_code == 403
        assert client.post(path, {"label": "x"}).status_code == 403
    assert client_of("outsider").get(edit_path(own)).status_code == 404


def test_who_may_reset_passwords_resets_no_administrators(org: SimpleNamespace) -> None:
    """Else whoever may generate passwords of people could sign in as somebody who may do everything."""
    helpdesk = a_role("Help desk", RuleEntry("list", "roster:user"), RuleEntry("generate_password", "roster:user"))
    give_role(actor=COMMAND, role=helpdesk, subject=org.outsider, scope=org.root)
    actor = Actor("help desk", User.objects.get(pk=org.outsider.pk))
    assert generate_password(actor=actor, user=org.viewer)
    with pytest.raises(Denied):
        generate_password(actor=actor, user=org.administrator)
    assert generate_password(actor=Actor("root", org.administrator), user=org.administrator)


# Deleting one


def delete_path(found: Role) -> str:
    return reverse("role_delete", args=[found.uid])


def test_a_role_that_nobody_holds_is_deleted_by_its_name(admin: Client) -> None:
    own = a_role("Own", RuleEntry("read", PROJECT))
    form = Page(admin.get(delete_path(own))).form("confirm")
    assert form.submit(admin, delete_path(own), confirm="own").status_code == 422
    assert form.submit(admin, delete_path(own), confirm="Own").status_code == 302
    assert not Role.objects.filter(pk=own.pk).exists()
    assert newest("role.delete").before["rules"] == [f"can read {PROJECT}"]


def test_assignments_go_with_it_only_when_they_were_seen(org: SimpleNamespace, admin: Client) -> None:
    own = a_role("Own", RuleEntry("read", PROJECT))
    give_role(actor=COMMAND, role=own, subject=org.outsider, scope=org.root)
    page = Page(admin.get(delete_path(own)))
    assert "1 assignment ends with it" in page.text
    assert "1 person loses open · Projects Outsider Person" in page.text
    form = page.form("confirm", "assignments")
    give_role(actor=COMMAND, role=own, subject=org.viewer, scope=org.root)
    refused = form.submit(admin, delete_path(own), confirm="Own")
    assert refused.status_code == 422
    assert RoleAssignment.objects.filter(role=own).count() == 2
    with pytest.raises(Conflict):
        delete_role(actor=COMMAND, role=own)
    again = Page(refused).form("confirm", "assignments")
    assert again.submit(admin, delete_path(own), confirm="Own").status_code == 302
    assert not Role.objects.filter(pk=own.pk).exists()
    assert AuditEvent.objects.filter(action="role_assignment.delete", before__role=own.full_name).count() == 2


def test_with_many_assignments_it_stays(org: SimpleNamespace, admin: Client) -> None:
    own = a_role("Own")
    people = User.objects.bulk_create(User(username=f"many-{number}") for number in range(TAKEN_AT_ONCE + 1))
    RoleAssignment.objects.bulk_create(RoleAssignment(role=own, user=user, scope=org.root) for user in people)
    assert "101 assignments have it. Take some away first" in Page(admin.get(delete_path(own))).text
    posted = admin.post(delete_path(own), {"confirm": "Own", "assignments": "101"})
    assert posted.status_code == 422
    assert RoleAssignment.objects.filter(role=own).count() == TAKEN_AT_ONCE + 1


def test_what_something_else_needs_stays(org: SimpleNamespace, admin: Client) -> None:
    own = a_role("Own")
    a_role("Outer", includes=(own.full_name,))
    a_role("Giver", RuleEntry("create", "roster:role_assignment", fields={"role": [own.full_name]}))
    Tag.objects.create(name="finance").roles.add(own)
    name_role(actor=COMMAND, setting=RoleSetting.objects.get(code="adminRoleName"), role=own)
    text = Page(admin.get(delete_path(own))).text
    for said in ("Outer includes it.", "A rule of Giver names it.", "1 tag lists it.", "The setting adminRoleName"):
        assert said in text
    assert admin.post(delete_path(own), {"confirm": "Own", "assignments": "0"}).status_code == 422
    assert Role.objects.filter(pk=own.pk).exists()


def test_only_who_may_take_a_role_away_deletes_it(
    org: SimpleNamespace, role_keeper: SimpleNamespace, client_of: ClientOf
) -> None:
    own = a_role("Own")
    give(org.viewer, own.full_name)
    client = client_of("outsider")
    assert client.post(delete_path(own), {"confirm": "Own", "assignments": "1"}).status_code == 403
    assert RoleAssignment.objects.filter(role=own).exists()


# The admin


def test_the_admin_goes_the_same_way(org: SimpleNamespace, admin: Client) -> None:
    own, shipped = a_role("Own", RuleEntry("read", PROJECT)), role("roster:project_viewer")
    path = reverse("admin:policies_role_change", args=[own.pk])
    response = admin.post(path, {"label": "Ours", "purpose": "Shared", "family": "ai"})
    assert response.status_code == 302
    own.refresh_from_db()
    assert (own.label, own.purpose, own.code) == ("Ours", "Shared", "own")
    assert rules_of(own) == {f"can read {PROJECT}"}
    assert newest("role.update").after == {"label": "Ours", "purpose": "Shared", "family": "ai"}
    assert edit_path(own) in Page(admin.get(path)).links
    for name in ("change", "delete"):
        there = reverse(f"admin:policies_role_{name}", args=[shipped.pk])
        assert admin.post(there, {"label": "Mine", "post": "yes"}).status_code == 403
    assert admin.post(reverse("admin:policies_role_delete", args=[own.pk]), {"post": "yes"}).status_code == 302
    assert not Role.objects.filter(pk=own.pk).exists()
    assert Role.objects.filter(pk=shipped.pk).exists()


def test_people_are_named_to_those_who_may_list_them(
    org: SimpleNamespace, role_keeper: SimpleNamespace, client_of: ClientOf
) -> None:
    """19: numbers for all who may change roles, names for those who may list people."""
    own = a_role("Own", RuleEntry("read", PROJECT))
    give_role(actor=COMMAND, role=own, subject=person("secret", "Hidden Name"), scope=org.root)
    text = Page(reviewed(client_of("outsider"), edit_path(own), **{f"{PROJECT}-0": None})).text
    assert "1 person loses open · Projects" in text
    assert "Hidden Name" not in text
