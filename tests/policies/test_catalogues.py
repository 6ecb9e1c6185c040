"""Catalogue files: what the shipped ones say, how a file is loaded again, and what is said about a bad one."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.models import Project, Scope, User
from policies import access
from policies.actions.catalogues import load_catalogues, shipped_files
from policies.actor import Actor
from policies.catalogue_files import read
from policies.errors import Denied
from policies.marked import BadFile
from policies.models import (
    AuditEvent,
    Catalogue,
    EntityType,
    Module,
    Resource,
    Role,
    RoleAssignment,
    Rule,
    RulebookVersion,
    Tag,
)
from policies.protected import At
from policies.shares import get_content_type

pytestmark = pytest.mark.usefixtures("catalogues")

FACTS = {
    name: yaml.safe_load((Path(__file__).parent.parent / "facts" / f"{name}.yaml").read_text())
    for name in ("runai_matrix", "ovh_roles", "h2o_rules")
}
MATRIX = FACTS["runai_matrix"]
AI_THINGS = ("notebook", "job", "app")
Edit = Callable[[str, dict[str, str]], Path]


def load(*files: Path, **options: Any) -> list[str]:
    return load_catalogues(actor=Actor.of_command(), files=files or None, **options)


def version() -> str:
    return RulebookVersion.objects.get().token


def role(name: str) -> Role:
    catalogue, _, code = name.partition(":")
    return Role.objects.get(catalogue__code=catalogue, code=code)


def cells(name: str) -> set[tuple[str, str]]:
    """(action, entity type) of every rule of a role."""
    return set(role(name).rules.values_list("action", "entity_type__code"))


def person(username: str, *roles: str) -> User:
    user = User.objects.create(username=username, password="set")
    for name in roles:
        RoleAssignment.objects.create(role=role(name), user=user, scope=Scope.objects.root())
    return user


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="vision-lab", parent=Scope.objects.root())


@pytest.fixture
def reader(project: Project) -> User:
    """A project user with the Reader role."""
    user = User.objects.create(username="user-reader", kind=User.Kind.PROJECT_USER, project=project, password="set")
    RoleAssignment.objects.create(role=role("ovhcloud:ai_training_read"), user=user, scope=project)
    return user


@pytest.fixture
def notebook(project: Project) -> Resource:
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    return Resource.objects.create(entity_type=kind, scope=project, name="tuning")


class TestShipped:
    def test_a_fresh_installation_has_two_catalogues_switched_on(self) -> None:
        assert dict(Catalogue.objects.values_list("code", "is_enabled")) == {
            "roster": True,
            "ovhcloud": True,
            "runai": False,
            "h2o": False,
            "custom": True,  # empty: the roles that this installation makes itself
        }

    @pytest.mark.parametrize("entity", MATRIX["matrix"])
    def test_the_run_ai_matrix_cell_by_cell(self, entity: str) -> None:
        """RUN-04 to RUN-13: 19 entities x 7 roles = 133 cells, each letter and each condition."""
        row = MATRIX["matrix"][entity]
        for code in MATRIX["roles"]:
            cell = row[code] if isinstance(row[code], dict) else {"actions": row[code], "where": {}, "note": ""}
            letters = "" if cell["actions"] == "N/A" else cell["actions"]
            where = {
                name: [f"runai:{v}" if name == "role" else v for v in values] for name, values in cell["where"].items()
            }
            if cell.get("note") == "all roles":  # all seven (RUN-11), and none of another platform or of the console
                where = {"role": [f"runai:{name}" for name in MATRIX["roles"]]}
            found = role(f"runai:{code}").rules.filter(entity_type__code=entity)
            assert [(rule.action, rule.fields, rule.permission, rule.service) for rule in found] == [
                (MATRIX["actions"][letter], where, cell["note"], row["label"]) for letter in letters
            ]
            assert not any(rule.owner or rule.parent_owner or rule.listed for rule in found)

    def test_the_matrix_has_133_cells_five_of_them_with_a_note(self) -> None:
        rows = MATRIX["matrix"].values()
        assert sum(len(row) - 1 for row in rows) == 133
        assert (
            len(
                {
                    (r.role_id, r.entity_type_id)
                    for r in Rule.objects.filter(role__catalogue__code="runai").exclude(permission="")
                }
            )
            == 5
        )

    def test_run_ai_rules_beside_the_matrix_are_about_people_alone(self) -> None:
        """RUN-01: Administrator only."""
        beside = Rule.objects.filter(role__catalogue__code="runai").exclude(entity_type__code__in=MATRIX["matrix"])
        assert set(beside.values_list("role__code", "entity_type__code", "action")) == {
            ("administrator", "user", action) for action in ("list", "create", "read", "update", "delete")
        }

    def test_run_ai_roles(self) -> None:
        """RUN-05, RUN-07, RUN-08."""
        roles = Role.objects.filter(catalogue__code="runai").order_by("position")
        assert [found.code for found in roles] == list(MATRIX["roles"])
        for found in roles:
            fact = MATRIX["roles"][found.code]
            assert (found.label, found.binds, found.since, found.needs_scope) == (
                fact["label"],
                fact["binds"],
                fact.get("since", ""),
                fact.get("needs_scope", False),
            )
            assert (found.module.code if found.module else None) == fact.get("module")
            assert found.subjects == ["person", "group", "service"]  # RUN-20

    def test_ai_training_operator(self) -> None:
        """OVH-02: 12 cells, all allow. OVH-08: the command line."""
        assert cells("ovhcloud:ai_training_operator") == {
            (action, thing) for action in ("launch", "stop", "delete", "access") for thing in AI_THINGS
        } | {("login", "cli")}

    def test_ai_training_reader(self) -> None:
        """OVH-03: access. OVH-04: launch, stop, delete: 9 cells, all deny. OVH-08: no command line."""
        assert cells("ovhcloud:ai_training_read") == {("access", thing) for thing in AI_THINGS}

    def test_objectstore_operator(self) -> None:
        """OVH-05, OVH-06."""
        assert cells("ovhcloud:objectstore_operator") == {("read", "object_storage"), ("write", "object_storage")}

    def test_the_sixteen_permissions_mean_what_the_services_say(self) -> None:
        facts = {
            (service, permission, action, thing)
            for service, bundles in FACTS["ovh_roles"]["services"].items()
            for permission, bundle in bundles.items()
            for part in (bundle, bundle.get("and", {}))
            for action in part.get("can", ())
            for thing in part["to"]
        }
        assert len({permission for _, permission, _, _ in facts}) == 16
        assert (
            set(
                role("ovhcloud:administrator").rules.values_list("service", "permission", "action", "entity_type__code")
            )
            == facts
        )

    @pytest.mark.parametrize("code", FACTS["ovh_roles"]["roles"])
    def test_ovhcloud_roles(self, code: str) -> None:
        """OVH-15: codes, labels, aliases and the permissions of each role."""
        found, fact = role(f"ovhcloud:{code}"), FACTS["ovh_roles"]["roles"][code]
        every = [name for bundles in FACTS["ovh_roles"]["services"].values() for name in bundles]
        assert (found.label, found.aliases) == (fact["label"], fact.get("alias", []))
        assert {rule.permission for rule in found.rules.all()} == set(
            every if fact["permissions"] == "all" else fact["permissions"]
        )
        assert found.purpose
        assert found.heading_purpose
        assert found.binds == ["project"]

    def test_ovhcloud_presets_and_hints(self) -> None:
        """OVH-14: recommended, never forced."""
        catalogue = Catalogue.objects.get(code="ovhcloud")
        assert {preset["label"]: preset["roles"] for preset in catalogue.presets} == FACTS["ovh_roles"]["presets"]
        assert catalogue.hints == FACTS["ovh_roles"]["hints"]

    @pytest.mark.parametrize("code", FACTS["h2o_rules"]["roles"])
    def test_h2o_rules(self, code: str) -> None:
        """H2O-03 to H2O-27, as far as rules say it."""
        fact, found = FACTS["h2o_rules"]["roles"][code], role(f"h2o:{code}")
        expected = []
        for line in fact["rules"]:
            where = dict(line.get("where", {}))
            flags = tuple(where.pop(name, False) for name in ("owner", "parent_owner", "listed"))
            # H2O-27 adds: a profile that is not restricted is open to all, a disabled one to nobody.
            if line["to"] == ["engine_profile"] and flags[2]:
                expected.append(("use", "engine_profile", False, False, False, {"visibility": ["NOT_RESTRICTED"]}))
                where = {"visibility": ["RESTRICTED"]}
            expected += [(action, thing, *flags, where) for thing in line["to"] for action in line["can"]]
        assert (
            list(found.rules.values_list("action", "entity_type__code", "owner", "parent_owner", "listed", "fields"))
            == expected
        )
        assert [included.code for included in found.includes.all()] == fact.get("includes", [])  # H2O-24

    def test_everybody_at_h2o_is_a_visitor_who_does_not_hold_full_access(self) -> None:
        """H2O-02; who has full access says a setting, at first the role of that name."""
        catalogue = Catalogue.objects.get(code="h2o")
        assert (catalogue.default_role, catalogue.default_unless) == (role("h2o:visitor"), role("h2o:full_access"))
        named = {s.code: (s.role, s.named, s.everybody_if_unset) for s in catalogue.settings.all()}
        full_access, admin = role("h2o:full_access"), role("h2o:admin")
        assert named == {
            "fullAccessRoleName": (full_access, full_access, True),
            "adminRoleName": (admin, admin, False),
        }

    def test_nobody_may_change_what_was_recorded(self) -> None:
        asked = Rule.objects.filter(entity_type__code="event_history", action__in=("create", "update", "delete"))
        assert not asked.exists()

    def test_every_shareable_action_has_its_permission(self) -> None:
        for model, kind in ((Project, "project"), (Resource, "notebook")):
            shareable = EntityType.objects.get(code=kind).shareable
            assert shareable
            found = Permission.objects.filter(content_type=get_content_type(model), codename__in=shareable)
            assert found.count() == len(shareable)


class TestLoadingAgain:
    def test_changes_nothing(self) -> None:
        before, events = version(), AuditEvent.objects.count()
        rules = set(Rule.objects.values_list("pk", flat=True))
        assert load() == []
        assert (version(), AuditEvent.objects.count()) == (before, events)
        assert set(Rule.objects.values_list("pk", flat=True)) == rules

    def test_dry_run_says_what_would_change_and_changes_nothing(self, edited: Edit) -> None:
        before, events = version(), AuditEvent.objects.count()
        digest = Catalogue.objects.get(code="ovhcloud").digest
        said = load(edited("ovhcloud", {"label: AI Training Reader": "label: Reader"}), dry_run=True)
        assert said == ["ovhcloud: role ai_training_read: label: “AI Training Reader” becomes “Reader”"]
        assert (version(), AuditEvent.objects.count()) == (before, events)
        assert role("ovhcloud:ai_training_read").label == "AI Training Reader"
        assert Catalogue.objects.get(code="ovhcloud").digest == digest

    def test_a_rule_taken_out_of_the_file_stops_at_the_next_question(
        self, edited: Edit, reader: User, notebook: Resource
    ) -> None:
        assert access.may(reader, "access", notebook)
        before = version()
        said = load(edited("ovhcloud", {"permissions: [ai_training_read]": "permissions: [image_read]"}))
        assert said == [
            (
                "ovhcloud: role ai_training_read: rules: new: can read ovhcloud:image (Glance: image_read); "
                "gone: can access ovhcloud:notebook (AI Training: ai_training_read); "
                "gone: can access ovhcloud:job (AI Training: ai_training_read); "
                "gone: can access ovhcloud:app (AI Training: ai_training_read)"
            )
        ]
        assert version() != before
        assert not access.may(User.objects.get(pk=reader.pk), "access", notebook)
        load()
        assert access.may(User.objects.get(pk=reader.pk), "access", notebook)

    def test_a_new_name_of_a_role_sorts_the_lists_of_users_too(self, edited: Edit, reader: User) -> None:
        load(edited("ovhcloud", {"label: AI Training Reader": "label: Reader"}))
        assert User.objects.get(pk=reader.pk).roles_sort_key == "Reader"

    def test_each_changed_catalogue_is_one_audit_event_in_words(self, edited: Edit) -> None:
        count = AuditEvent.objects.count()
        load(
            edited("ovhcloud", {"label: AI Training Reader": "label: Reader"}),
            edited("h2o", {"label: Apps\n": "label: Applications\n"}),
        )
        events = AuditEvent.objects.order_by("sequence")[count:]
        assert [(e.action, e.object_name, e.before, e.after) for e in events] == [
            (
                "catalogue.update",
                "OVHcloud AI Solutions",
                {"role ai_training_read": {"label": "AI Training Reader"}},
                {"role ai_training_read": {"label": "Reader"}},
            ),
            (
                "catalogue.update",
                "H2O AI Cloud",
                {"entity type app": {"label": "Apps"}},
                {"entity type app": {"label": "Applications"}},
            ),
        ]

    def test_what_the_installation_set_itself_is_kept(self, edited: Edit) -> None:
        """H2O-02, RUN-07, RUN-08: set on a page, not in a file."""
        Catalogue.objects.filter(code="runai").update(is_enabled=True, platform_version="2.9")
        Catalogue.objects.filter(code="h2o").update(default_role=role("h2o:visitor"))
        Module.objects.update(is_installed=True)
        load(edited("runai", {"label: Viewer": "label: Onlooker"}), edited("h2o", {"label: Visitor": "label: Guest"}))
        runai, h2o = Catalogue.objects.get(code="runai"), Catalogue.objects.get(code="h2o")
        assert (runai.is_enabled, runai.platform_version) == (True, "2.9")
        assert (h2o.default_role, h2o.default_unless) == (role("h2o:visitor"), role("h2o:full_access"))
        assert Module.objects.get().is_installed

    def test_a_comment_is_no_change(self, edited: Edit) -> None:
        before, digest = version(), Catalogue.objects.get(code="h2o").digest
        assert load(edited("h2o", {"catalogue: h2o": "# ours\ncatalogue: h2o"})) == []
        assert version() == before
        assert Catalogue.objects.get(code="h2o").digest != digest

    def test_another_order_is_said(self, edited: Edit) -> None:
        path = edited("ovhcloud", {})
        content = yaml.safe_load(path.read_text())
        content["roles"] = dict(reversed(content["roles"].items()))
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        assert load(path) == ["ovhcloud: the order changed"]
        assert Role.objects.filter(catalogue__code="ovhcloud").order_by("position").first() == role(
            "ovhcloud:volume_operator"
        )
        assert load(path) == []


VOLUME_OPERATOR = """\
  volume_operator:
    label: Volume Operator
    purpose: Manages volumes and their snapshots.
    heading: Infrastructure
    permissions: [volume_manage, volume_snapshot_manage, volume_read]
"""


class TestGone:
    def test_a_role_that_nobody_holds_is_deleted(self, edited: Edit) -> None:
        assert load(edited("ovhcloud", {VOLUME_OPERATOR: ""})) == [
            "ovhcloud: role volume_operator is deleted: nobody holds it"
        ]
        assert not Role.objects.filter(code="volume_operator").exists()

    def test_a_role_that_somebody_holds_is_retired_and_comes_back_with_its_rules(
        self, edited: Edit, reader: User
    ) -> None:
        held = role("ovhcloud:volume_operator")
        assignment = RoleAssignment.objects.create(role=held, user=reader, scope=reader.project)
        shorter = edited("ovhcloud", {VOLUME_OPERATOR: ""})
        assert load(shorter) == [
            "ovhcloud: role volume_operator is gone from the file and retired: 1 assignments stay, without effect"
        ]
        assert RoleAssignment.objects.filter(pk=assignment.pk).exists()
        held.refresh_from_db()
        assert held.is_retired
        assert not held.rules.exists()
        assert load(shorter) == []
        assert "ovhcloud: role volume_operator: is back in the file" in load()
        held.refresh_from_db()
        assert not held.is_retired
        assert held.rules.count() == 8

    def test_a_role_that_only_a_tag_lists_is_retired_too(self, edited: Edit) -> None:
        """H2O-12: deleting it would empty the tag silently."""
        Tag.objects.create(name="block storage").roles.add(role("ovhcloud:volume_operator"))
        load(edited("ovhcloud", {VOLUME_OPERATOR: ""}))
        assert role("ovhcloud:volume_operator").is_retired

    def test_a_retired_role_goes_when_nobody_holds_it_any_more(self, edited: Edit, reader: User) -> None:
        assignment = RoleAssignment.objects.create(
            role=role("ovhcloud:volume_operator"), user=reader, scope=reader.project
        )
        shorter = edited("ovhcloud", {VOLUME_OPERATOR: ""})
        load(shorter)
        assignment.delete()
        assert load(shorter) == ["ovhcloud: role volume_operator is deleted: nobody holds it"]

    def test_entity_types_are_kept_while_resources_are_of_them(self, tmp_path: Path, project: Project) -> None:
        path = tmp_path / "tools.yaml"
        path.write_text(
            "catalogue: tools\nlabel: Tools\nentity_types:\n  saw: {label: Saws, actions: [use]}\n"
            "  drill: {label: Drills, actions: [use]}\nroles:\n  worker: {label: Worker}\n"
        )
        load(path)
        saw = EntityType.objects.get(code="saw")
        Resource.objects.create(entity_type=saw, scope=project, name="A saw")
        path.write_text("catalogue: tools\nlabel: Tools\nroles:\n  worker: {label: Worker}\n")
        assert load(path) == ["tools: entity type drill is deleted"]
        assert list(EntityType.objects.filter(catalogue__code="tools")) == [saw]
        assert load(path) == []

    def test_what_the_rules_of_another_catalogue_speak_about_has_to_stay(self, edited: Edit) -> None:
        line = next(line for line in SHIPPED_ROSTER.splitlines() if line.strip().startswith("settings:"))
        path = edited("roster", {line: "", "settings, ": ""})
        with pytest.raises(
            BadFile, match='expected "settings", shared, with its action "create": rules of runai speak about it'
        ):
            load(path)
        path = edited("roster", {line: line.replace("shared: true, ", "")})
        with pytest.raises(BadFile, match='expected "settings", shared, with its action'):
            load(path)

    def test_no_file_takes_the_last_administrator(self, edited: Edit) -> None:
        """RUN-22: by whatever path."""
        person("root", "roster:administrator")
        before = version()
        with pytest.raises(ValidationError, match="last administrator"):
            load(edited("roster", {"settings, installation, sample": "settings, sample"}))
        assert version() == before
        assert access.may(User.objects.get(username="root"), "administer", At("installation"))


SHIPPED_ROSTER = next(path for path in shipped_files() if path.stem == "roster").read_text()

TINY = """\
catalogue: tiny
label: Tiny
modules:
  extra: {label: Extra}
entity_types:
  thing: {label: Things, actions: {read: Read, update: Change}, shareable: [read]}
permissions:
  Things:
    thing_all:
      - {can: [read, update], to: [thing]}
headings:
  Main: The main roles
roles:
  reader:
    label: Reader
    heading: Main
    rules:
      - {can: [read], to: [thing], where: {owner: true}}
  editor:
    label: Editor
    includes: [reader]
    permissions: [thing_all]
"""


class TestBadFiles:
    @pytest.mark.once
    @pytest.mark.parametrize(
        ("old", "new", "line", "expected"),
        [
            pytest.param(
                "label: Tiny",
                "label: Tiny\nlabel: Small",
                3,
                'expected "label" once, it stands in line 2 already',
                id="a key twice",
            ),
            pytest.param(
                "  editor:", "  reader:", 19, 'expected "reader" once, it stands in line 14 already', id="a role twice"
            ),
            pytest.param("modules:", "modulles:", 3, 'unknown key "modulles"; expected modules', id="an unknown key"),
            pytest.param(
                "    includes: ",
                "    include: ",
                21,
                'unknown key "include"; expected includes',
                id="an unknown key of a role",
            ),
            pytest.param(
                "label: Tiny",
                "label: on",
                2,
                'expected a text, found on, which is read as true or false (a text needs quotes: "on")',
                id="a text read as a boolean",
            ),
            pytest.param(
                "label: Tiny", "label: Tiny\nenabled: on", 3, "expected true or false, found on", id="on for true"
            ),
            pytest.param(
                "label: Tiny",
                'label: Tiny\nenabled: "true"',
                3,
                'expected true or false, found "true"',
                id="a quoted boolean",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nplatform_version: 2.10",
                3,
                'expected a text, found 2.10, which is read as a number (a text needs quotes: "2.10")',
                id="a version read as a number",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nplatform_version: latest",
                3,
                'expected a version as in "2.10", found "latest"',
                id="no version",
            ),
            pytest.param(
                "label: Tiny", "label: Tiny\nposition: first", 3, 'expected a number, found "first"', id="no number"
            ),
            pytest.param("label: Tiny", "label:", 2, "expected a text, found nothing", id="nothing"),
            pytest.param(
                "label: Tiny", f"label: {'x' * 81}", 2, "expected at most 80 characters, found 81", id="a long text"
            ),
            pytest.param("label: Tiny\n", "", 1, 'expected the key "label" here', id="no label"),
            pytest.param(
                "catalogue: tiny",
                "catalogue: Tiny One",
                1,
                'expected a short name of lower-case letters, digits, "_" and "-", found "Tiny One"',
                id="a bad field name",
            ),
            pytest.param(
                "  reader:",
                "  Reader:",
                14,
                'expected a short name of lower-case letters, digits, "_" and "-", found "Reader"',
                id="a bad name of a role",
            ),
            pytest.param(
                "includes: [reader]",
                "includes: [raeder]",
                21,
                'unknown role "raeder"; expected reader',
                id="an unknown include",
            ),
            pytest.param(
                "    heading: Main",
                "    includes: [editor]",
                21,
                "expected no circle of roles: reader includes editor includes reader",
                id="a circle",
            ),
            pytest.param(
                "includes: [reader]",
                "includes: [editor]",
                21,
                "expected no circle of roles: editor includes editor",
                id="a circle of one",
            ),
            pytest.param(
                "includes: [reader]",
                "includes: reader",
                21,
                'expected a list, as in [one, two], found "reader"',
                id="no list",
            ),
            pytest.param(
                "includes: [reader]",
                "includes: [reader, reader]",
                21,
                'expected "reader" once in this list',
                id="twice in a list",
            ),
            pytest.param(
                "to: [thing], where",
                "to: [thnig], where",
                18,
                'unknown entity type "thnig"; expected thing',
                id="an unknown entity type",
            ),
            pytest.param(
                "can: [read], to",
                "can: [raed], to",
                18,
                'unknown action of tiny:thing "raed"; expected read',
                id="an unknown action",
            ),
            pytest.param(
                "shareable: [read]",
                "shareable: [rid]",
                6,
                'unknown action of thing "rid"; expected read',
                id="an unknown shareable action",
            ),
            pytest.param(
                "shareable: [read]",
                "field_actions: {visibility: rid}",
                6,
                'unknown action of thing "rid"; expected read',
                id="an unknown action that changes a field",
            ),
            pytest.param(
                "shareable: [read]",
                "field_actions: {colour: read}",
                6,
                'unknown field "colour"; expected owner_email or visibility',
                id="an unknown field",
            ),
            pytest.param(
                "shareable: [read]",
                f"visibilities: [{'x' * 21}]",
                6,
                "expected at most 20 characters, found 21",
                id="a long visibility",
            ),
            pytest.param(
                "can: [read], to",
                "can: everything, to",
                18,
                'expected a list or the word all, found "everything"',
                id="not all",
            ),
            pytest.param(
                "{owner: true}",
                "{owned: true}",
                18,
                'unknown condition on Things "owned"; expected owner',
                id="an unknown condition",
            ),
            pytest.param(
                "{owner: true}",
                "{target: [project]}",
                18,
                'unknown condition on Things "target"; expected',
                id="a condition of others",
            ),
            pytest.param(
                "{owner: true}",
                "{owner: false}",
                18,
                'expected true; without the condition leave "owner" out',
                id="a condition not asked",
            ),
            pytest.param(
                "to: [thing], where: {owner: true}",
                "to: [settings], where: {owner: true}",
                18,
                "expected no conditions: nothing can be asked of Settings",
                id="a thing without conditions",
            ),
            pytest.param(
                "to: [thing], where: {owner: true}",
                "to: [role_assignment], where: {role: [raeder]}",
                18,
                'unknown role "raeder"; expected reader',
                id="a condition on an unknown role",
            ),
            pytest.param(
                "to: [thing], where: {owner: true}",
                "to: [role_assignment], where: {target: [porject]}",
                18,
                'unknown kind of place "porject"; expected project',
                id="a condition on an unknown place",
            ),
            pytest.param(
                "permissions: [thing_all]",
                "permissions: [thing_al]",
                22,
                'unknown permission "thing_al"; expected thing_all',
                id="an unknown permission",
            ),
            pytest.param(
                "heading: Main", "heading: Mian", 16, 'unknown heading "Mian"; expected Main', id="an unknown heading"
            ),
            pytest.param(
                "heading: Main", "module: extras", 16, 'unknown module "extras"; expected extra', id="an unknown module"
            ),
            pytest.param(
                "heading: Main",
                "family: red",
                16,
                'unknown family "red"; expected ai or console or infra or storage',
                id="an unknown family",
            ),
            pytest.param(
                "heading: Main",
                "binds: [projects]",
                16,
                'unknown kind of scope "projects"; expected project',
                id="an unknown scope",
            ),
            pytest.param(
                "heading: Main",
                "needs_scope: true",
                16,
                "expected the key binds to name narrower kinds of scope than organization",
                id="pending everywhere",
            ),
            pytest.param(
                "heading: Main",
                "aliases: [editor]",
                16,
                'expected an alias that no other role has, found "editor"',
                id="an alias that is taken",
            ),
            pytest.param(
                "heading: Main",
                "subjects: [people]",
                16,
                'unknown kind of subject "people"; expected',
                id="an unknown subject",
            ),
            pytest.param(
                "  thing: {label: Things,",
                "  project: {label: Things, shared: true,",
                6,
                'expected a name that is not shared yet: "project" is roster:project',
                id="a shared name",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\ndefault_role: {role: reeder}",
                3,
                'unknown role "reeder"; expected reader',
                id="an unknown default role",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\npresets: {Both: {roles: [reeder]}}",
                3,
                'unknown role "reeder"; expected reader',
                id="an unknown role of a preset",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nhints: [{say: Hm}]",
                3,
                'expected either "has_any" or "has_all"',
                id="a hint about nothing",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nletters: {R: read}\nmatrix: {thing: {label: T, reader: RR}}",
                4,
                'expected N/A or letters of R, each once, found "RR"',
                id="a letter twice",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nletters: {D: delete}\nmatrix: {thing: {label: T, reader: D}}",
                4,
                'unknown action of tiny:thing "delete"; expected',
                id="a letter without action",
            ),
            pytest.param(
                "label: Tiny",
                "label: Tiny\nmatrix: {thing: {label: T, reader: R}}",
                3,
                'expected the key "letters" too',
                id="no letters",
            ),
            pytest.param("label: Tiny", "label: [Tiny", 3, "expected YAML: ", id="broken YAML"),
            pytest.param(
                "label: Tiny",
                "label: " + "[" * 1000 + "]" * 1000,
                2,
                "expected at most 20 lists within lists",
                id="deep YAML",
            ),
            pytest.param("label: Tiny", "label: &a [*a]", 2, "expected a text, found a list", id="a circle of YAML"),
            pytest.param(
                "label: Tiny",
                "label: !!python/name:os.system x",
                2,
                "expected a text, found ",
                id="an object of Python",
            ),
            pytest.param("label: Tiny", "label: Tiny # " + "x" * 1_000_000, 1, "expected at most ", id="a large file"),
            pytest.param("label: Tiny", "label: Tiny\n---", 3, "expected YAML: ", id="two documents"),
            pytest.param(TINY, "", 1, "expected a catalogue, the file is empty", id="an empty file"),
            pytest.param(TINY, "- one", 1, 'expected lines of "name: value", found a list', id="a list"),
        ],
    )
    def test_are_refused_with_file_line_and_what_was_expected(
        self, tmp_path: Path, old: str, new: str, line: int, expected: str
    ) -> None:
        path = tmp_path / "tiny.yaml"
        assert old in TINY
        path.write_text(TINY.replace(old, new, 1))
        before = version()
        with pytest.raises(BadFile) as refused:
            load(path)
        assert str(refused.value).startswith(f"{path}:{line}: {expected}")
        assert version() == before

    def test_the_file_that_they_are_made_from_is_good(self, tmp_path: Path) -> None:
        path = tmp_path / "tiny.yaml"
        path.write_text(TINY)
        assert load(path) == ["tiny: new catalogue Tiny, switched off: 2 roles, 3 rules, 1 entity types"]

    def test_a_missing_file_and_one_that_is_no_text(self, tmp_path: Path) -> None:
        with pytest.raises(BadFile, match=r"none.yaml:1: expected a file that can be read: no such file or directory"):
            load(tmp_path / "none.yaml")
        (tmp_path / "bytes.yaml").write_bytes(b"catalogue: x\nlabel: \xff")
        with pytest.raises(BadFile, match=r"bytes.yaml:2: expected UTF-8 text"):
            load(tmp_path / "bytes.yaml")

    def test_a_name_that_stands_in_two_catalogues_needs_its_catalogue(self, tmp_path: Path) -> None:
        path = tmp_path / "tiny.yaml"
        own = TINY.replace("  thing:", "  project:").replace("[thing]", "[project]")
        path.write_text(own)
        with pytest.raises(
            BadFile, match=r':10: expected "project" with its catalogue: tiny:project or roster:project'
        ):
            load(path)
        path.write_text(own.replace("to: [project]", "to: [tiny:project]"))
        assert load(path)

    def test_one_bad_file_keeps_the_good_ones_out(self, edited: Edit, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text("catalogue: bad\n")
        with pytest.raises(BadFile):
            load(edited("h2o", {"label: Visitor": "label: Guest"}), tmp_path / "bad.yaml")
        assert role("h2o:visitor").label == "Visitor"

    def test_two_files_of_one_catalogue(self, edited: Edit) -> None:
        with pytest.raises(BadFile, match='expected one file per catalogue, "h2o" is read already'):
            read([edited("h2o", {}), *shipped_files()], {})


TO_DO = """\
catalogue: todo
label: To-do service
enabled: true
entity_types:
  todo: {label: To-dos, actions: [create, read, update, delete]}
roles:
  viewer:
    label: Viewer
    rules:
      - {can: [read], to: [todo]}
  editor:
    label: Editor
    includes: [viewer]
    rules:
      - {can: [create], to: [todo]}
      - {can: [update, delete], to: [todo], where: {owner: true}}
  admin:
    label: Admin
    includes: [editor]
    rules:
      - {can: [delete], to: [todo]}
  evil_genius:
    label: Evil Genius
    includes: [editor]
    rules:
      - {can: [update], to: [todo]}
"""


def test_a_brought_catalogue_needs_no_code(tmp_path: Path, project: Project) -> None:
    """The to-do service of the AuthZEN interop scenario."""
    path = tmp_path / "todo.yaml"
    path.write_text(TO_DO)
    load(path)
    people = {name: person(name, f"todo:{name}") for name in ("viewer", "editor", "admin", "evil_genius")}
    todo = EntityType.objects.get(code="todo")
    theirs = Resource.objects.create(entity_type=todo, scope=project, name="theirs")
    own = Resource.objects.create(entity_type=todo, scope=project, name="own", owner=people["editor"])
    assert {name: access.actions_for(user, [theirs])[theirs.pk] for name, user in people.items()} == {
        "viewer": {"read"},
        "editor": {"read", "create"},
        "admin": {"read", "create", "delete"},
        "evil_genius": {"read", "create", "update"},
    }
    assert access.actions_for(people["editor"], [own])[own.pk] == {"create", "read", "update", "delete"}


def test_only_who_may_change_catalogues_loads_them(edited: Edit) -> None:
    path = edited("h2o", {"label: Visitor": "label: Guest"})
    with pytest.raises(Denied):
        load_catalogues(actor=Actor("nobody", person("nobody")), files=[path])
    assert load_catalogues(actor=Actor("root", person("root", "roster:administrator")), files=[path])


class TestCommand:
    def run(self, *args: Any, **options: Any) -> str:
        out = StringIO()
        call_command("load_catalogues", *args, stdout=out, **options)
        return out.getvalue()

    def test_says_what_changes(self, edited: Edit) -> None:
        path = str(edited("h2o", {"label: Visitor": "label: Guest"}))
        said = "h2o: role visitor: label: “Visitor” becomes “Guest”"
        assert self.run(path, dry_run=True) == f"{said}\n"
        assert json.loads(self.run(path, format="json")) == {"changes": [said], "dry_run": False}
        assert self.run(path) == "The role catalogues are up to date.\n"

    def test_refuses_a_bad_file_in_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text("catalogue: bad\nlabel: Bad\n")
        with pytest.raises(CommandError, match=r"bad.yaml:1: expected the key \"roles\" here$"):
            self.run(str(tmp_path / "bad.yaml"))
