"""Catalogue files beside what the console writes: settings that name a role, roles made in the console; bad lines of both."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Scope
from policies import access
from policies.actions.assignments import give_role
from policies.actions.catalogues import load_catalogues, shipped_files
from policies.actions.roles import RoleDraft, create_role, draft_of
from policies.actions.switches import name_role
from policies.actions.users import add_person
from policies.catalogue_files import RuleEntry
from policies.marked import BadFile
from policies.models import Catalogue, Role, RoleSetting, RulebookVersion
from policies.protected import At
from tests.factories import COMMAND, role

pytestmark = pytest.mark.usefixtures("catalogues")

TINY = """\
catalogue: tiny
label: Tiny
enabled: true
editable: true
position: 41
entity_types:
  thing:
    label: Things
    actions: {read: Read, update: Change}
    seen_by: [read]
    attributes: {ownerID: owner}
settings:
  adminRole:
    label: Role of administrators
    role: keeper
    everybody_if_unset: true
roles:
  keeper: {label: Keeper, rules: [{can: [update], to: [thing]}]}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    """tiny({"old": "new"}): the path of TINY with some texts replaced."""

    def write(changes: dict[str, str] | None = None) -> Path:
        content = TINY
        for old, new in (changes or {}).items():
            assert old in content
            content = content.replace(old, new)
        path = tmp_path / "tiny.yaml"
        path.write_text(content)
        return path

    return write


def load(*files: Path) -> list[str]:
    return load_catalogues(actor=COMMAND, files=files or None)


@pytest.fixture
def made() -> Role:
    """A role made in the console: rules of several catalogues, and a shipped role that it includes."""
    rules = (RuleEntry("access", "ovhcloud:notebook"), RuleEntry("delete", "ovhcloud:notebook", owner=True))
    return create_role(actor=COMMAND, draft=RoleDraft("Night shift", rules=rules, includes=("h2o:engine_user",)))


class TestRolesMadeHere:
    def test_loading_again_leaves_them_alone(self, made: Role) -> None:
        before, version = draft_of(made), RulebookVersion.objects.get().token
        assert load() == []
        assert draft_of(Role.objects.get(pk=made.pk)) == before
        assert RulebookVersion.objects.get().token == version

    def test_a_change_of_the_catalogue_leaves_them_alone(self, made: Role, tmp_path: Path) -> None:
        """Also what they include from elsewhere, their place and who holds them."""
        other = create_role(actor=COMMAND, draft=RoleDraft("Day shift", includes=(made.full_name,)))
        user, _ = add_person(actor=COMMAND, username="ada", password="")
        give_role(actor=COMMAND, role=made, subject=user, scope=Scope.objects.root())
        before, places = draft_of(made), (made.position, other.position)
        shipped = next(path for path in shipped_files() if "editable: true" in path.read_text())
        path = tmp_path / "own.yaml"
        content = shipped.read_text()
        path.write_text(content.replace("label: ", "label: Our ", 1).replace("{}", "{first: {label: First}}"))
        said = load(path)
        assert any("label: “Own roles” becomes “Our Own roles”" in line for line in said)
        assert any("new role first" in line for line in said)
        made.refresh_from_db()
        other.refresh_from_db()
        assert (draft_of(made), draft_of(other).includes) == (before, (made.full_name,))
        assert (made.position, other.position) == places
        assert access.may(user, "access", At("ovhcloud:notebook"))
        assert load(path) == []
        assert load()  # the label is back; the roles of the file stay, as those made here do
        assert {r.code for r in made.catalogue.roles.all()} == {"night-shift", "day-shift", "first"}

    def test_an_editable_catalogue_may_have_no_roles(self) -> None:
        assert Catalogue.objects.filter(is_editable=True).count() == 1
        assert not Role.objects.filter(catalogue__is_editable=True).exists()

    def test_what_their_rules_speak_about_has_to_stay(self, made: Role, tmp_path: Path) -> None:
        """Else a newer file would take their rules silently. Shared or not: they may speak about every type."""
        path = tmp_path / "ovhcloud.yaml"
        content = next(path for path in shipped_files() if path.stem == "ovhcloud").read_text()
        path.write_text(content)
        assert load(path) == []
        line = next(line for line in content.splitlines() if line.strip().startswith("notebook:"))
        path.write_text(content.replace(line, line.replace("notebook:", "notepad:")).replace("[notebook,", "[notepad,"))
        with pytest.raises(
            BadFile, match=f'expected "notebook" with its action .*: rules of {made.catalogue.code} speak'
        ):
            load(path)
        everything = [path, *(other for other in shipped_files() if other.stem != path.stem)]
        with pytest.raises(BadFile, match="speak about it"):
            load(*everything)
        assert made.rules.count() == 2

    def test_an_included_role_that_goes_from_its_file_is_retired(self, made: Role, tmp_path: Path) -> None:
        content = next(path for path in shipped_files() if path.stem == "h2o").read_text()
        path = tmp_path / "h2o.yaml"
        begin, end = content.index("  engine_user:"), content.index("  engine_admin:")
        path.write_text((content[:begin] + content[end:]).replace("    includes: [engine_user]\n", ""))
        assert any("engine_user is gone from the file and retired" in line for line in load(path))
        assert made.includes.get().is_retired


class TestSettings:
    def test_a_file_with_settings(self, tiny: Any) -> None:
        assert load(tiny()) == ["tiny: new catalogue Tiny, switched on: 1 roles, 1 rules, 1 entity types"]
        setting = RoleSetting.objects.get(code="adminRole")
        assert (setting.role, setting.named) == (role("tiny:keeper"), role("tiny:keeper"))
        assert load(tiny()) == []

    def test_a_changed_setting_is_said_and_what_was_named_is_kept(self, tiny: Any) -> None:
        load(tiny())
        named = role("roster:project_viewer")
        name_role(actor=COMMAND, setting=RoleSetting.objects.get(code="adminRole"), role=named)
        said = load(tiny({"Role of administrators": "Administrators", "    everybody_if_unset: true\n": ""}))
        assert said == [
            "tiny: setting adminRole: label: “Role of administrators” becomes “Administrators”",
            "tiny: setting adminRole: everybody if unset: true becomes false",
        ]
        setting = RoleSetting.objects.get(code="adminRole")
        assert (setting.label, setting.named, setting.everybody_if_unset) == ("Administrators", named, False)
        gone = "\n".join(line for line in TINY.splitlines()[11:16])
        assert load(tiny({gone: "# none"})) == ["tiny: setting adminRole is deleted"]
        assert not RoleSetting.objects.filter(code="adminRole").exists()

    def test_unset_at_first(self, tiny: Any) -> None:
        load(tiny({"everybody_if_unset: true": "unset: true"}))
        assert RoleSetting.objects.get(code="adminRole").named is None


class TestBadLines:
    @pytest.mark.parametrize(
        ("old", "new", "line", "expected"),
        [
            ("editable: true", "editable: yes", 4, "expected true or false, found yes"),
            ("editable: true", "editable: [true]", 4, "expected true or false, found a list"),
            ("editable:", "editabel:", 4, 'unknown key "editabel"; expected editable'),
            ("seen_by: [read]", "seen_by: [view]", 10, 'unknown action of thing "view"; expected'),
            ("seen_by: [read]", "seen_by: read", 10, 'expected a list, as in [one, two], found "read"'),
            ("seen_by: [read]", "seen_by: [read, read]", 10, 'expected "read" once in this list'),
            ("{ownerID: owner}", "{ownerID: boss}", 11, 'unknown meaning "boss"; expected owner or place or visibility'),
            ("{ownerID: owner}", "[ownerID]", 11, 'expected lines of "name: value", found a list'),
            ("{ownerID: owner}", "{ownerID: owner, ownerID: place}", 11, 'expected "ownerID" once'),
            ("    label: Role of administrators\n", "", 13, 'expected the key "label" here'),
            ("    role: keeper\n", "", 13, 'expected the key "role" here'),
            ("role: keeper", "role: kepeer", 15, 'unknown role "kepeer"; expected keeper'),
            ("role: keeper", "role: [keeper]", 15, "expected a text"),
            ("    role: keeper", "    named: keeper\n    role: keeper", 15, 'unknown key "named"; expected'),
            ("everybody_if_unset: true", "everybody_if_unset: maybe", 16, 'expected true or false, found "maybe"'),
            ("everybody_if_unset: true", 'unset: "true"', 16, 'expected true or false, found "true"'),
            ("settings:\n  adminRole:", "settings: adminRole\nrest:\n  x:", 13, 'unknown key "rest"'),
            ("settings:\n  adminRole:", "settings: []\nheadings:\n  x:", 12, 'expected lines of "name: value", found a list'),
            ("  adminRole:", f"  {'x' * 41}:", 13, "expected at most 40 characters, found 41"),
        ],
    )  # fmt: skip
    def test_says_file_line_and_what_was_expected(
        self, tiny: Any, old: str, new: str, line: int, expected: str
    ) -> None:
        path, before = tiny({old: new}), RulebookVersion.objects.get().token
        with pytest.raises(BadFile) as refused:
            load(path)
        assert str(refused.value).startswith(f"{path}:{line}: {expected}"), str(refused.value)
        assert RulebookVersion.objects.get().token == before
