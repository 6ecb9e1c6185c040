"""Settings of a catalogue: who gains and loses what is said before it is saved; statements of the three systems on them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from policies import access
from policies.actions.assignments import give_role
from policies.actions.catalogues import load_catalogues
from policies.actions.roles import RoleDraft, create_role
from policies.actions.switches import change_catalogue, install_module, set_platform_version, switch_catalogue
from policies.actions.users import add_project_user
from policies.actor import Actor
from policies.catalogue_files import RuleEntry
from policies.errors import Denied
from policies.models import AuditEvent, Catalogue, Module, Resource, Role, RoleAssignment, RoleSetting
from policies.offers import roles_for
from policies.protected import At
from policies.rulebook import rulebook
from tests.console.conftest import COMMAND, person, role
from tests.console.pages import Page, PageForm
from tests.factories import give

ClientOf = Callable[[str], Client]
UPLOAD = ("create", At("h2o:app"))


@pytest.fixture
def admin(client_of: ClientOf) -> Client:
    return client_of("administrator")


def settings_of(code: str) -> str:
    return reverse("catalogue_update", args=[code])


def form_of(response: HttpResponse) -> PageForm:
    return Page(response).form("seen", "enabled")


def reviewed(client: Client, code: str, **changes: Any) -> HttpResponse:
    """The review of the settings that were opened and changed."""
    return form_of(client.get(settings_of(code))).submit(client, settings_of(code), **changes)


def saved(client: Client, code: str, **changes: Any) -> str:
    """Review and save; the words of the review."""
    review = reviewed(client, code, **changes)
    assert review.status_code == 200, Page(review).text
    done = Page(review).form("step").submit(client, settings_of(code))
    assert done["Location"] == reverse("catalogue_detail", args=[code])
    return Page(review).text


def switch_on(code: str) -> Catalogue:
    return switch_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code=code), enabled=True)


def now(user: User) -> User:
    """The user as the next request finds them."""
    return User.objects.get(pk=user.pk)


def may(user: User, action: str, thing: Any) -> bool:
    return access.may(now(user), action, thing)


def events(action: str = "catalogue.update") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("-sequence"))


def notebooks(org: SimpleNamespace, code: str, **fields: Any) -> Resource:
    """A thing of a type of the catalogue, in the project alpha."""
    kind = next(kind for kind in rulebook().entity_types.values() if kind.full_name == code)
    return Resource.objects.create(entity_type=kind, scope=org.alpha, name=code, **fields)


class TestH2O:
    @pytest.fixture(autouse=True)
    def catalogue(self, org: SimpleNamespace) -> Catalogue:
        return switch_on("h2o")

    def test_full_access_not_set_is_full_access_for_everybody(self, org: SimpleNamespace, admin: Client) -> None:
        """H2O-01: every person; a project user is no person."""
        user, _ = add_project_user(actor=COMMAND, project=org.alpha, description="Nightly", password="")
        assert not any(may(someone, *UPLOAD) for someone in (org.outsider, org.viewer, user))
        text = saved(admin, "h2o", **{"setting-fullAccessRoleName": ""})
        assert "Role with full access Full Access → not set" in text
        people = User.objects.people().filter(is_active=True).count()
        assert f"{people} people gain upload · Apps" in text
        assert may(org.outsider, *UPLOAD)
        assert may(org.viewer, *UPLOAD)
        assert not may(user, *UPLOAD)
        assert may(person("newcomer"), *UPLOAD)

    def test_full_access_named_is_full_access_for_who_holds_it_at_once(
        self, org: SimpleNamespace, admin: Client
    ) -> None:
        """H2O-02: a role X of whatever catalogue, also one that is only a name; all others are visitors, exactly one of the two."""
        label = create_role(actor=COMMAND, draft=RoleDraft("Data team"))
        give_role(actor=COMMAND, role=label, subject=org.outsider, scope=org.root)
        give(org.viewer, "h2o:full_access")
        saved(admin, "h2o", **{"setting-fullAccessRoleName": ""})
        assert may(org.keeper, *UPLOAD)
        text = saved(admin, "h2o", **{"setting-fullAccessRoleName": label.full_name})
        assert "not set → Data team" in text
        assert "people lose upload · Apps" in text
        assert "Outsider Person" not in text.partition("Who gains, who loses")[2]  # has it before and after
        full, visitor = role("h2o:full_access").pk, role("h2o:visitor").pk
        for user, held in ((org.outsider, full), (org.viewer, visitor), (org.keeper, visitor)):
            assert access.subject_for(now(user)).role_ids & {full, visitor} == {held}
            assert may(user, *UPLOAD) == (held == full)
        assert RoleAssignment.objects.filter(role=full, user=org.viewer).exists()
        saved(admin, "h2o", **{"setting-fullAccessRoleName": "h2o:full_access"})
        assert may(org.viewer, *UPLOAD)
        assert not may(org.outsider, *UPLOAD)

    def test_administrators_are_who_hold_the_named_role(self, org: SimpleNamespace, admin: Client) -> None:
        """H2O-16: independent of full access."""
        label = create_role(actor=COMMAND, draft=RoleDraft("Platform team"))
        give_role(actor=COMMAND, role=label, subject=org.outsider, scope=org.root)
        give(org.viewer, "h2o:admin")
        command = ("use", At("h2o:admin_cli"))
        assert [may(user, *command) for user in (org.outsider, org.viewer)] == [False, True]
        text = saved(admin, "h2o", **{"setting-adminRoleName": label.full_name})
        for said in (
            "1 person gains",
            "1 person loses",
            "use · Admin command line",
            "Outsider Person",
            "Viewer Person",
        ):
            assert said in text
        assert [may(user, *command) for user in (org.outsider, org.viewer)] == [True, False]
        assert not may(org.outsider, *UPLOAD)
        saved(admin, "h2o", **{"setting-adminRoleName": ""})
        assert not any(may(user, *command) for user in (org.outsider, org.viewer, org.keeper))

    def test_a_role_that_is_gone_stays_named_until_another_one_is(self, admin: Client) -> None:
        label = create_role(actor=COMMAND, draft=RoleDraft("Old team"))
        saved(admin, "h2o", **{"setting-adminRoleName": label.full_name})
        Role.objects.filter(pk=label.pk).update(is_retired=True)
        load_catalogues(actor=COMMAND)
        count = len(events())
        assert form_of(admin.get(settings_of("h2o"))).fields["setting-adminRoleName"] == [label.full_name]
        saved(admin, "h2o")
        assert len(events()) == count
        saved(admin, "h2o", **{"setting-adminRoleName": "h2o:admin"})
        stale = reviewed(admin, "h2o", **{"setting-adminRoleName": label.full_name})
        assert stale.status_code == 422

    def test_loading_the_file_again_keeps_what_was_named(self, admin: Client) -> None:
        saved(admin, "h2o", **{"setting-fullAccessRoleName": ""})
        assert load_catalogues(actor=COMMAND) == []
        assert RoleSetting.objects.get(code="fullAccessRoleName").named is None


class TestRunAI:
    @pytest.fixture(autouse=True)
    def catalogue(self, org: SimpleNamespace) -> Catalogue:
        return switch_on("runai")

    def test_a_module_that_goes_stops_its_roles_and_keeps_the_assignments(
        self, org: SimpleNamespace, admin: Client
    ) -> None:
        """RUN-07: ML Engineer is offered and effective only while the Inference module is installed."""
        saved(admin, "runai", **{"module-inference": "on"})
        engineer = role("runai:ml_engineer")
        given = give_role(actor=COMMAND, role=engineer, subject=org.outsider, scope=org.alpha)
        deployment = notebooks(org, "runai:deployment")
        assert engineer in roles_for("person", "project")
        assert may(org.outsider, "update", deployment)
        text = saved(admin, "runai", **{"module-inference": None})
        assert "Module Inference yes → no" in text
        assert "1 person loses" in text
        assert "create, read, update, delete · Deployments" in text
        assert not may(org.outsider, "update", deployment)
        assert engineer not in roles_for("person", "project")
        assert RoleAssignment.objects.filter(pk=given.pk).exists()
        saved(admin, "runai", **{"module-inference": "on"})
        assert may(org.outsider, "update", deployment)

    def test_an_older_platform_has_no_department_administrator(self, org: SimpleNamespace, admin: Client) -> None:
        """RUN-08: offered from platform version 2.10 on; before it neither offered nor effective."""
        held = role("runai:department_admin")
        give_role(actor=COMMAND, role=held, subject=org.outsider, scope=org.department)
        assert held in roles_for("person", "department")
        assert may(org.outsider, "update", org.alpha)
        text = saved(admin, "runai", platform_version="2.9")
        assert "Platform version 2.13 → 2.9" in text
        assert "1 person loses" in text
        assert "Outsider Person" in text
        assert held not in roles_for("person", "department")
        assert not may(org.outsider, "update", org.alpha)
        for version in ("2.10", ""):
            saved(admin, "runai", platform_version=version)
            assert may(org.outsider, "update", org.alpha)

    @pytest.mark.once
    @pytest.mark.parametrize("version", ["two", "2.", "v2.9", "2.9-beta", "2" * 21, "٢.٩"])
    def test_what_is_no_version_is_refused(self, admin: Client, version: str) -> None:
        response = reviewed(admin, "runai", platform_version=version, **{"module-inference": "on"})
        assert response.status_code == 422
        form = form_of(response)
        assert form.fields["platform_version"] == [version]
        assert form.fields["module-inference"] == ["on"]
        assert Catalogue.objects.get(code="runai").platform_version == "2.13"

    def test_one_save_is_one_event(self, org: SimpleNamespace, admin: Client) -> None:
        count = len(events())
        saved(admin, "runai", enabled=None, platform_version="2.12", **{"module-inference": "on"})
        event, *_ = events()
        assert len(events()) == count + 1
        assert (event.actor, event.before, event.after) == (
            org.administrator.label,
            {"enabled": True, "platform version": "2.13", "module Inference": False},
            {"enabled": False, "platform version": "2.12", "module Inference": True},
        )
        saved(admin, "runai")
        assert len(events()) == count + 1


def test_switching_off_says_who_loses_what(org: SimpleNamespace, admin: Client) -> None:
    text = Page(reviewed(admin, "ovhcloud", enabled=None)).text
    assert "Switched on yes → no" in text
    assert "2 project users lose open · Notebooks, training jobs and deployed apps" in text
    assert "Pipeline of Alpha, Pipeline of Beta" in text
    assert Catalogue.objects.get(code="ovhcloud").is_enabled
    notebook = notebooks(org, "ovhcloud:notebook")
    assert may(org.alpha_user, "access", notebook)
    saved(admin, "ovhcloud", enabled=None)
    assert not may(org.alpha_user, "access", notebook)
    assert org.alpha_user.role_assignments.count() == 1


def test_the_last_administrator_stays(org: SimpleNamespace, admin: Client) -> None:
    """RUN-22: the console's own catalogue cannot go while it alone makes administrators."""
    User.objects.filter(pk=org.administrator.pk).update(password="set")
    client = Client()
    client.force_login(now(org.administrator))
    response = reviewed(client, "roster", enabled=None)
    assert response.status_code == 422
    assert "last administrator" in Page(response).text
    assert Catalogue.objects.get(code="roster").is_enabled


@pytest.mark.parametrize("step", ["1", "2"])
def test_two_at_once_never_overwrite_silently(admin: Client, step: str) -> None:
    catalogue = switch_on("runai")
    form = form_of(admin.get(settings_of("runai")))
    set_platform_version(actor=Actor("Jonas Weber"), catalogue=catalogue, version="2.11")
    response = form.submit(admin, settings_of("runai"), step=step, **{"module-inference": "on"})
    assert response.status_code == 409
    text = Page(response).text
    assert "Jonas Weber changed this while you were editing. Platform version: 2.13 → 2.11." in text
    assert not Module.objects.get(code="inference").is_installed
    mine = form_of(response)
    assert mine.fields["module-inference"] == ["on"]
    assert mine.fields["platform_version"] == ["2.13"]
    review = mine.submit(admin, settings_of("runai"))
    Page(review).form("step").submit(admin, settings_of("runai"))
    assert Module.objects.get(code="inference").is_installed


def test_back_keeps_everything(admin: Client) -> None:
    switch_on("runai")
    review = Page(reviewed(admin, "runai", platform_version="2.11", **{"module-inference": "on"})).form("step")
    form = form_of(review.submit(admin, settings_of("runai"), back="1"))
    assert (form.fields["platform_version"], form.fields["module-inference"]) == (["2.11"], ["on"])


def test_each_catalogue_has_the_fields_that_it_needs(admin: Client) -> None:
    found = {
        code: form_of(admin.get(settings_of(code))).names - {"enabled", "seen"} for code in ("roster", "runai", "h2o")
    }
    assert found == {
        "roster": set(),
        "runai": {"platform_version", "module-inference"},
        "h2o": {"setting-fullAccessRoleName", "setting-adminRoleName"},
    }


def test_nobody_makes_their_own_role_an_administrators(org: SimpleNamespace) -> None:
    """21: to name a role is to widen it."""
    held = create_role(actor=COMMAND, draft=RoleDraft("Switcher", rules=(RuleEntry("update", "roster:catalogue"),)))
    give_role(actor=COMMAND, role=held, subject=org.outsider, scope=org.root)
    catalogue, actor = switch_on("h2o"), Actor("switcher", now(org.outsider))
    for code, named in (("adminRoleName", held), ("fullAccessRoleName", held), ("fullAccessRoleName", None)):
        with pytest.raises(Denied):
            change_catalogue(actor=actor, catalogue=catalogue, settings={code: named})
    change_catalogue(actor=actor, catalogue=catalogue, settings={"adminRoleName": None})
    assert install_module(actor=actor, module=Module.objects.get(code="inference"), installed=True).is_installed


def test_the_admin_goes_the_same_way(admin: Client) -> None:
    switch_on("h2o")
    setting = RoleSetting.objects.get(code="adminRoleName")
    label = create_role(actor=COMMAND, draft=RoleDraft("Platform team"))
    path = reverse("admin:policies_rolesetting_change", args=[setting.pk])
    assert admin.post(path, {"named": label.pk, "label": "Mine"}).status_code == 302
    setting.refresh_from_db()
    assert (setting.named, setting.label) == (label, "Role of administrators")
    assert events()[0].after == {"Role of administrators": label.full_name}
    runai = Catalogue.objects.get(code="runai")
    path = reverse("admin:policies_catalogue_change", args=[runai.pk])
    assert settings_of("runai") in Page(admin.get(path)).links
    refused = admin.post(path, {"is_enabled": "on", "platform_version": "newest"})
    assert refused.status_code == 200
    assert "Write a version as in 2.10." in Page(refused).text
    assert admin.post(path, {"is_enabled": "on", "platform_version": "2.9"}).status_code == 302
    runai.refresh_from_db()
    assert (runai.is_enabled, runai.platform_version) == (True, "2.9")
