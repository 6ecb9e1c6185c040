"""Pages about roles: the catalogues, a role in sentences, the matrices, any roles side by side, "as this user"."""

from datetime import timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from policies import access
from policies.actions.assignments import give_role
from policies.matrix import LETTERS
from policies.models import Catalogue, Module, Role, RoleAssignment, RulebookVersion
from policies.protected import At
from policies.rulebook import rulebook
from tests.console.conftest import COMMAND, person, role
from tests.console.matrices import MatrixPage, Shown
from tests.console.pages import Page
from tests.factories import signed_in
from tests.query_counts import queries_of

pytestmark = pytest.mark.once  # drawn from the rules, which every database keeps alike

FACTS = {
    name: yaml.safe_load((Path(__file__).parent.parent / "facts" / f"{name}.yaml").read_text())
    for name in ("runai_matrix", "ovh_roles", "h2o_rules")
}
RUNAI, OVH, H2O = FACTS["runai_matrix"], FACTS["ovh_roles"], FACTS["h2o_rules"]


@pytest.fixture
def admin(org: SimpleNamespace) -> Client:
    return signed_in(org.administrator)


def switch(code: str, *, on: bool = True) -> None:
    Catalogue.objects.filter(code=code).update(is_enabled=on)
    RulebookVersion.renew()


def matrix_of(client: Client, code: str, **query: Any) -> MatrixPage:
    response = client.get(reverse("catalogue_detail", args=[code]), query)
    assert response.status_code == 200
    return MatrixPage(response)


def compared(client: Client, *names: str, **query: Any) -> Any:
    return client.get(reverse("role_compare"), {"role": [role(name).uid for name in names], **query})


def row_of(catalogue: str, entity: str) -> str:
    """The label of an entity type, of the catalogue or shared."""
    book = rulebook()
    kind = book.type_called(f"{catalogue}:{entity}") or book.type_called(entity)
    assert kind is not None
    return kind.label


def labels_of(catalogue: str) -> dict[str, str]:
    return {r.code: r.label for r in Role.objects.filter(catalogue__code=catalogue)}


def actions_in(catalogue: str, entity: str, cell: Shown) -> dict[str, list[int]]:
    """{action of a cell: the numbers of its notes}."""
    kind = rulebook().type_called(f"{catalogue}:{entity}") or rulebook().type_called(entity)
    assert kind is not None
    by_letter = {letter: action for action, letter in LETTERS.items()}
    codes = {label.lower(): code for code, label in kind.actions.items()}
    found = {by_letter[letter]: cell.letter_notes for letter in cell.letters}
    return found | {codes[words]: notes for words, notes in cell.said.items()}


class TestMatrixOfRunAi:
    """RUN-21: the role x entity table with its C/R/U/D legend; RUN-04 to RUN-13 as its 133 cells."""

    @pytest.fixture
    def page(self, admin: Client) -> MatrixPage:
        return matrix_of(admin, "runai")

    def test_every_cell_of_the_facts(self, page: MatrixPage) -> None:
        labels = {code: r["label"] for code, r in RUNAI["roles"].items()}
        for entity, code in product(RUNAI["matrix"], labels):
            facts = RUNAI["matrix"][entity][code]
            cell = facts if isinstance(facts, dict) else {"actions": facts, "where": {}, "note": ""}
            letters = "" if cell["actions"] == "N/A" else cell["actions"]
            shown = page.cells[row_of("runai", entity), labels[code]]
            assert shown.letters == letters, (entity, code)
            assert shown.heard == (", ".join(RUNAI["actions"][letter] for letter in letters) or "Not visible")
            assert shown.said == {}
            # "All roles" are those of the platform: the console's own are given by its own administrators alone.
            assert shown.some == (letters if cell["where"] or cell.get("note") == "all roles" else "")
            assert shown.only_read == (letters == "R")
            assert [page.notes[number] for number in shown.letter_notes] == (
                [said(cell, labels)] if cell["note"] else []
            )

    def test_it_has_133_cells_and_beside_them_people(self, page: MatrixPage) -> None:
        assert page.columns[1:] == [r["label"] for r in RUNAI["roles"].values()]
        rows = {row_of("runai", entity) for entity in RUNAI["matrix"]}
        assert {row for row, _ in page.cells} == rows | {"People"}  # RUN-01: who manages people stands beside the table
        assert sum(row in rows for row, _ in page.cells) == 133
        assert sum(bool(cell.notes) for (row, _), cell in page.cells.items() if row in rows) == 5

    def test_the_legend(self, page: MatrixPage) -> None:
        assert "C reate, R ead, U pdate, D elete" in page.legend
        assert "read only" in page.legend
        assert "not even visible" in page.legend
        assert "on a condition" in page.legend

    def test_on_a_phone_the_first_role_is_shown_alone(self, page: MatrixPage) -> None:
        assert page.choices == [(str(n), n == 1) for n in range(1, 8)] + [("0", False)]

    def test_switched_off_it_is_shown_all_the_same_with_a_notice(self, admin: Client) -> None:
        response = admin.get(reverse("catalogue_detail", args=["runai"]))
        assert "Run:ai is switched off" in Page(response).text
        before = MatrixPage(response).cells
        switch("runai")
        response = admin.get(reverse("catalogue_detail", args=["runai"]))
        assert "is switched off" not in Page(response).text
        assert MatrixPage(response).cells == before

    def test_a_role_without_effect_says_why(self, admin: Client) -> None:
        """RUN-07, RUN-08."""
        switch("runai")
        page = matrix_of(admin, "runai")
        off = [label for label, below in zip(page.columns, page.below, strict=True) if "No effect now" in below]
        assert off == ["ML Engineer"]
        text = Page(admin.get(reverse("catalogue_detail", args=["runai"]))).text
        assert "ML Engineer needs the module Inference, which is not installed." in text
        Module.objects.filter(code="inference").update(is_installed=True)
        Catalogue.objects.filter(code="runai").update(platform_version="2.9")
        RulebookVersion.renew()
        text = Page(admin.get(reverse("catalogue_detail", args=["runai"]))).text
        assert "Department Administrator needs version 2.10 of the platform, this is 2.9." in text
        assert "needs the module" not in text


def said(cell: dict[str, Any], labels: dict[str, str]) -> str:
    """The note of a cell in the words of the page."""
    [(field, values)] = cell["where"].items() or [("role", list(labels))]
    names = [labels[value] for value in values] if field == "role" else [f"a {values[0]}", *values[1:]]
    *first, last = names
    either = f"{', '.join(first)} or {last}" if first else last
    return f"Only where the {'role' if field == 'role' else 'place'} is {either}"


class TestMatrixOfOvhcloud:
    @pytest.mark.parametrize("code", OVH["roles"])
    def test_every_cell_of_the_facts(self, admin: Client, code: str) -> None:
        """OVH-01 to OVH-10, as the page shows them."""
        page, bundles = matrix_of(admin, "ovhcloud"), {n: b for s in OVH["services"].values() for n, b in s.items()}
        permissions = OVH["roles"][code]["permissions"]
        wanted: dict[str, set[str]] = {}
        for bundle in bundles.values() if permissions == "all" else [bundles[name] for name in permissions]:
            for rule in (bundle, bundle["and"]) if "and" in bundle else (bundle,):
                for entity in rule["to"]:
                    wanted.setdefault(row_of("ovhcloud", entity), set()).update(rule["can"])
        label = OVH["roles"][code]["label"]
        for entity in {e for bundle in bundles.values() for e in bundle["to"]} | {"cli"}:
            row = row_of("ovhcloud", entity)
            shown = page.cells[row, label]
            assert actions_in("ovhcloud", entity, shown).keys() == wanted.get(row, set()), row
            assert shown.notes == []
        assert {row for row, _ in page.cells} >= wanted.keys()


class TestMatrixOfH2o:
    @pytest.mark.parametrize("code", H2O["roles"])
    def test_every_cell_of_the_facts(self, admin: Client, code: str) -> None:
        """H2O-03 to H2O-27: actions, and for each whether it is allowed on a condition, and on which."""
        page, facts = matrix_of(admin, "h2o"), H2O["roles"][code]
        rules = [*facts["rules"], *(r for name in facts.get("includes", ()) for r in H2O["roles"][name]["rules"])]
        words = {"owner": "they own it", "parent_owner": "they own what it belongs to", "listed": "lists a role"}
        label, entities = (
            labels_of("h2o")[code],
            {e for f in H2O["roles"].values() for r in f["rules"] for e in r["to"]},
        )
        for entity in entities:
            shown = actions_in("h2o", entity, page.cells[row_of("h2o", entity), label])
            assert shown.keys() == {action for r in rules if entity in r["to"] for action in r["can"]}, entity
            for action, numbers in shown.items():
                asked = [r.get("where", {}) for r in rules if entity in r["to"] and action in r["can"]]
                notes = " ".join(page.notes[number] for number in numbers)
                assert notes.startswith("Only where") == all(asked), (entity, action)
                for condition, value in ((c, v) for where in asked if all(asked) for c, v in where.items()):
                    assert words.get(condition, f"its visibility is {value[0] if value is not True else ''}") in notes

    def test_what_an_included_role_allows_counts(self, admin: Client) -> None:
        page = matrix_of(admin, "h2o")
        assert page.cells["Engines", "Engine Admin"].said.keys() > page.cells["Engines", "Engine User"].said.keys()
        cell = page.cells["Engine profiles", "Engine Admin"]
        assert (cell.letters, cell.letter_notes, cell.said.keys()) == ("CRUD", [], {"use"})


def test_more_roles_than_fit_have_a_choice_of_columns(admin: Client) -> None:
    """Up to 12 role columns; more get a chooser."""
    own = Catalogue.objects.get(code="custom")
    made = [Role.objects.create(catalogue=own, code=f"own-{n:02}", label=f"Own {n:02}", position=n) for n in range(14)]
    for one in made:
        one.rules.create(action="read", entity_type_id=rulebook().type_id("project"))
    RulebookVersion.renew()
    assert matrix_of(admin, "custom").columns[1:] == [f"Own {n:02}" for n in range(12)]
    form = Page(admin.get(reverse("catalogue_detail", args=["custom"]))).form("role")
    assert form.fields["role"] == [one.uid for one in made[:12]]
    assert form.unticked["role"] == [one.uid for one in made[12:]]
    shown = matrix_of(admin, "custom", role=[made[13].uid, made[2].uid, role("roster:administrator").uid])
    assert shown.columns[1:] == ["Own 02", "Own 13"]
    assert "role" not in Page(admin.get(reverse("catalogue_detail", args=["ovhcloud"]))).form().names


def test_a_catalogue_without_roles_and_roles_without_rules(admin: Client) -> None:
    path = reverse("catalogue_detail", args=["custom"])
    assert "Own roles has no roles yet" in Page(admin.get(path)).text
    label = Role.objects.create(
        catalogue=Catalogue.objects.get(code="custom"), code="data-science", label="Data Science"
    )
    RulebookVersion.renew()
    assert "The roles of Own roles are names alone" in Page(admin.get(path)).text
    assert "No rules: a name that things and their tags can list." in Page(admin.get(detail_of(label))).text


def detail_of(one: Role | str) -> str:
    return reverse("role_detail", args=[(role(one) if isinstance(one, str) else one).uid])


class TestRole:
    def sentences(self, client: Client, name: str) -> list[str]:
        told = client.get(detail_of(name)).context["told"]
        return [sentence.text for _, areas, _ in told for found in areas.values() for sentence in found]

    def test_its_rules_as_sentences(self, admin: Client) -> None:
        assert self.sentences(admin, "ovhcloud:ai_training_operator") == [
            "Can launch, open, stop and delete notebooks, jobs and apps",
            "Can sign in (command line)",
        ]
        assert self.sentences(admin, "runai:department_admin")[2:4] == [
            "Can see, give, change and take away role assignments where the role is Researcher or ML Engineer",
            (
                "Can open assignments to places, give in places, change in places and take away in places"
                " where the place is a project"
            ),
        ]
        assert self.sentences(admin, "h2o:full_access")[:3] == [
            "Can upload apps",
            "Can view and launch apps, and see the owner's e-mail where its visibility is ALL_USERS, or they own it",
            "Can set visibility (apps) where they own it",
        ]

    @pytest.mark.parametrize("code", ["roster", "ovhcloud", "runai", "h2o"])
    def test_every_rule_is_told(self, admin: Client, code: str) -> None:
        """Each action of each kind of thing stands in a sentence of its role."""
        book = rulebook()
        for one in Role.objects.filter(catalogue__code=code):
            told = " ".join(self.sentences(admin, one.full_name)).lower()
            for (action, kind), lines in book.lines.items():
                if any(line.role_id == one.pk for line in lines):
                    assert book.entity_types[kind].actions[action].lower() in told, (one, action)

    def test_what_the_vendor_calls_them(self, admin: Client) -> None:
        text = Page(admin.get(detail_of("ovhcloud:backup_operator"))).text
        assert "Nova: compute_snapshot_manage" in text
        assert "Glance: image_read, image_import" in text

    def test_what_comes_with_it(self, admin: Client) -> None:
        response = admin.get(detail_of("h2o:engine_admin"))
        assert "From Engine User , which comes with it" in Page(response).text
        assert [str(one) for one in response.context["included"]] == ["Engine User"]
        assert [str(one) for one in admin.get(detail_of("h2o:engine_user")).context["included_in"]] == ["Engine Admin"]
        assert "Can sign in (engine console)" in self.sentences(admin, "h2o:engine_admin")

    def test_where_it_is_given_and_what_it_needs(self, admin: Client) -> None:
        text = Page(admin.get(detail_of("runai:researcher"))).text
        assert "it has no effect until it is given in one of these too" in text  # RUN-05
        assert "Given in Projects" in text
        assert "For People, groups and services" in text
        text = Page(admin.get(detail_of("runai:ml_engineer"))).text
        assert "Needs module Inference, not installed" in text
        assert "No effect now" in text
        text = Page(admin.get(detail_of("runai:department_admin"))).text
        assert "Since version 2.10; this is 2.13" in text

    def test_everybody_holds_a_default_role(self, admin: Client) -> None:
        """H2O-02."""
        assert "Everybody has it" not in Page(admin.get(detail_of("h2o:visitor"))).text
        switch("h2o")
        assert "Everybody has it, unless they hold Full Access" in Page(admin.get(detail_of("h2o:visitor"))).text

    def test_who_may_give_it(self, admin: Client) -> None:
        """RUN-10, RUN-11."""
        switch("runai")

        def givers(name: str) -> list[str]:
            return [one.full_name for one in admin.get(detail_of(name)).context["givers"]]

        roster = ["roster:administrator", "roster:project_administrator"]
        assert givers("runai:researcher") == [*roster, "runai:administrator", "runai:department_admin"]
        assert givers("runai:editor") == [*roster, "runai:administrator"]

    def test_how_often_it_was_given_as_far_as_one_may_see(self, org: SimpleNamespace, admin: Client) -> None:
        name = "ovhcloud:ai_training_read"
        past = timezone.now() - timedelta(days=1)
        give_role(actor=COMMAND, role=role(name), subject=org.outsider, scope=org.alpha)
        RoleAssignment.objects.filter(user=org.outsider).update(expires_at=past)
        response = admin.get(detail_of(name))
        assert response.context["count"] == "2"
        assert f"{reverse('assignment_index')}?role={role(name).uid}" in Page(response).links
        assert signed_in(org.keeper).get(detail_of(name)).context["count"] == "1"


class TestIndex:
    def test_every_catalogue_with_its_roles(self, admin: Client) -> None:
        response = admin.get(reverse("role_index"))
        sections = response.context["sections"]
        assert [s["catalogue"].code for s in sections] == ["roster", "ovhcloud", "runai", "h2o", "custom"]
        for section in sections:
            roles = Role.objects.filter(catalogue=section["catalogue"]).order_by("position", "code")
            assert [row["role"] for row in section["rows"]] == list(roles)
        text = Page(response).text
        assert "Run:ai Switched off" in text
        assert "version 2.13 · module Inference not installed" in text
        assert "fullAccessRoleName Full Access · adminRoleName Admin" in text
        assert "No roles yet." in text
        assert {detail_of("runai:viewer"), reverse("catalogue_detail", args=["h2o"])} <= set(Page(response).links)

    def test_search(self, admin: Client) -> None:
        def found(text: str) -> list[str]:
            sections = admin.get(reverse("role_index"), {"q": text}).context["sections"]
            return [row["role"].full_name for section in sections for row in section["rows"]]

        assert found("ENGINE U") == ["h2o:engine_user", "h2o:engine_admin"]  # its purpose names the other
        assert found("ai_training_reader") == ["ovhcloud:ai_training_read"]  # an alias
        assert len(found("run:ai")) == 7
        page = Page(admin.get(reverse("role_index"), {"q": "<zzz>"}))
        assert "No roles match" in page.text
        assert "<zzz>" in page.text

    def test_htmx_gets_the_results_alone(self, admin: Client) -> None:
        response = admin.get(reverse("role_index"), {"q": "editor"}, headers={"HX-Request": "true"})
        assert "<html" not in response.content.decode()
        assert "Editor" in Page(response).text

    def test_what_one_may_not_change_is_not_offered(self, org: SimpleNamespace, admin: Client) -> None:
        for client, offered in ((admin, True), (signed_in(org.keeper), False)):
            page = Page(client.get(reverse("role_index")))
            assert (reverse("role_create") in page.links) is offered
            assert (reverse("catalogue_update", args=["h2o"]) in page.links) is offered

    def test_who_sees_no_role_sees_no_menu_entry(self, org: SimpleNamespace) -> None:
        outsider = signed_in(org.outsider)
        assert outsider.get(reverse("role_index")).status_code == 403
        assert outsider.get(detail_of("runai:viewer")).status_code == 404
        assert outsider.get(reverse("catalogue_detail", args=["runai"])).status_code == 404
        assert reverse("role_index") not in Page(outsider.get(reverse("project_index"))).links
        assert reverse("role_index") in Page(signed_in(org.viewer).get(reverse("project_index"))).links


class TestCompare:
    def test_roles_of_several_catalogues(self, admin: Client) -> None:
        page = MatrixPage(compared(admin, "h2o:engine_user", "runai:viewer", "ovhcloud:image_operator"))
        assert page.columns[1:] == ["Image Operator", "Viewer", "Engine User"]
        assert "OVHcloud AI Solutions" in page.below[1]
        assert page.areas["H2O AI Cloud: Engines"] == ["Engine console", "Engines"]
        assert page.cells["Jobs", "Viewer"].letters == "R"
        assert page.cells["Images", "Image Operator"].letters == "CRUD"

    def test_differences(self, admin: Client) -> None:
        names = ("ovhcloud:ai_training_operator", "ovhcloud:ai_training_read")
        assert MatrixPage(compared(admin, *names)).differing == []  # all of them do: nothing needs a mark
        names = ("runai:editor", "runai:viewer")
        whole, differing = MatrixPage(compared(admin, *names)), MatrixPage(compared(admin, *names, only="differences"))
        alike = {row for row, _ in whole.cells} - {row for row, _ in differing.cells}
        assert {"Jobs", "Nodes"} <= alike
        assert all(whole.cells[row, "Editor"] == whole.cells[row, "Viewer"] for row in alike)
        assert {row for row, _ in differing.cells} == set(whole.differing)
        assert differing.differing == []
        names = ("runai:viewer", "runai:viewer")
        assert "No differences" in Page(compared(admin, *names, only="differences")).text

    def test_nothing_chosen_and_too_many(self, admin: Client) -> None:
        page = Page(admin.get(reverse("role_compare")))
        assert "Nothing is side by side yet" in page.text
        assert len(page.form("role", "user", "place").unticked["role"]) == Role.objects.count()
        every = [one.full_name for one in Role.objects.select_related("catalogue")]
        response = compared(admin, *every, user="keeper")
        assert len(MatrixPage(response).columns) == 13
        assert MatrixPage(response).columns[-1] == "Keeper Person"
        assert f"{len(every) - 11} more were chosen and are not shown." in Page(response).text

    def test_each_column_can_be_taken_away(self, admin: Client) -> None:
        response = compared(admin, "runai:editor", "runai:viewer", user="keeper", place="alpha", only="differences")
        chips = [(chip["label"], chip["value"]) for chip in response.context["chips"]]
        assert chips == [
            ("Role", "Editor"), ("Role", "Viewer"), ("User", "Keeper Person"), ("Place", "Alpha"), ("Only", "differences")
        ]  # fmt: skip
        form = Page(response).form("role", "user", "place", "only")
        assert form.fields["user"] == ["keeper", ""]
        assert form.fields["place"] == ["alpha"]
        assert len(form.fields["role"]) == 2


class TestAsThisUser:
    def shown(self, client: Client, **query: str) -> tuple[Any, MatrixPage]:
        response = client.get(reverse("role_compare"), query)
        assert response.status_code == 200
        return response, MatrixPage(response)

    def test_the_column_is_what_may_says(self, org: SimpleNamespace, admin: Client) -> None:
        """Roles given above and through nothing else; every action of every kind of thing, in a place."""
        for code in ("runai", "h2o"):
            switch(code)
        for name, scope in (
            ("runai:researcher", org.alpha),
            ("runai:viewer", org.root),
            ("h2o:engine_admin", org.department),
            ("ovhcloud:compute_operator", org.beta),  # elsewhere
        ):
            give_role(actor=COMMAND, role=role(name), subject=org.viewer, scope=scope)
        response, _ = self.shown(admin, user="viewer", place="alpha")
        matrix, viewer = response.context["matrix"], User.objects.get(pk=org.viewer.pk)
        shown = {
            (row.kind.full_name, action)
            for rows in matrix.areas.values() for row in rows
            for action, asked in row.cells[0].asked.items() if not asked
        }  # fmt: skip
        book = rulebook()
        assert shown == {
            (kind.full_name, action)
            for kind in book.entity_types.values()
            for action in kind.actions
            if access.may(viewer, action, At(kind.full_name, org.alpha))
        }
        assert ("runai:job", "create") in shown
        assert ("ovhcloud:instance", "create") not in shown
        everywhere, _ = self.shown(admin, user="viewer")
        rows = [row for rows in everywhere.context["matrix"].areas.values() for row in rows]
        assert {"Instances"} <= {row.kind.label for row in rows}

    def test_expired_pending_and_switched_off_roles_do_not_count(self, org: SimpleNamespace, admin: Client) -> None:
        ended = give_role(actor=COMMAND, role=role("ovhcloud:image_operator"), subject=org.viewer, scope=org.alpha)
        RoleAssignment.objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        RoleAssignment.objects.create(role=role("runai:viewer"), user=org.viewer, scope=org.root, granted_by="x")
        _, page = self.shown(admin, user="viewer", place="alpha")
        assert not {"Images", "Jobs"} & {row for row, _ in page.cells}

    def test_disabled_and_outside_their_clusters(self, org: SimpleNamespace, admin: Client) -> None:
        """RUN-14, RUN-16."""
        User.objects.filter(pk=org.keeper.pk).update(all_clusters=False)
        response, page = self.shown(admin, user="keeper", place="alpha")
        assert "Keeper Person : Nothing: Alpha lies outside their clusters" in Page(response).text
        assert page.cells == {}
        User.objects.filter(pk=org.keeper.pk).update(all_clusters=True, is_active=False)
        response = compared(admin, "roster:project_viewer", user="keeper", place="alpha")
        assert "Nothing: the user is disabled" in MatrixPage(response).below[2]

    def test_whom_one_may_ask_about(self, org: SimpleNamespace) -> None:
        """Oneself; others where decisions are explained to one, as far as one sees them at all."""
        keeper, viewer = signed_in(org.keeper), signed_in(org.viewer)
        own = self.shown(viewer, user="viewer")[1]
        assert own.columns[1:] == ["Viewer Person"]
        assert "Roster: Projects" in own.areas
        assert self.shown(viewer, user="keeper", place="alpha")[1].columns == []
        assert self.shown(keeper, user="viewer", place="alpha")[1].columns[1:] == ["Viewer Person"]
        assert self.shown(keeper, user="alpha-user", place="alpha")[1].columns[1:] == ["Pipeline of Alpha"]
        refused, page = self.shown(keeper, user="viewer")
        assert page.columns == []
        assert "You may not see what others can do everywhere. Name a place of yours." in Page(refused).text
        told = []
        for name in ("outsider", "beta-user", "nobody-at-all"):
            response, page = self.shown(keeper, user=name, place="alpha")
            assert page.columns == []
            told.append(Page(response).text)
            assert Page(response).form("user").fields["user"] == [name]
        assert len(set(told)) == 1
        response, page = self.shown(keeper, user="viewer", place="beta")
        assert page.columns == []
        assert "Nothing that you may see is called that." in Page(response).text


def test_the_number_of_queries_does_not_depend_on_how_many(org: SimpleNamespace, admin: Client) -> None:
    def counts() -> dict[str, int]:
        pages = {
            "index": (reverse("role_index"), {}),
            "matrix": (reverse("catalogue_detail", args=["custom"]), {}),
            "detail": (detail_of("ovhcloud:administrator"), {}),
            "compare": (reverse("role_compare"), {"role": [r.uid for r in Role.objects.all()[:12]]}),
        }
        return {name: len(queries_of(admin, *page)) for name, page in pages.items()}

    own, people = Catalogue.objects.get(code="custom"), [person(f"p{n}") for n in range(3)]

    def grow(beginning: int, end: int) -> None:
        for n in range(beginning, end):
            one = Role.objects.create(catalogue=own, code=f"own-{n}", label=f"Own {n}", position=n)
            one.rules.create(action="read", entity_type_id=rulebook().type_id("project"))
            for somebody in people:
                RoleAssignment.objects.create(role=one, user=somebody, scope=org.root, granted_by="x")
        RulebookVersion.renew()

    grow(0, 2)
    few = counts()
    grow(2, 12)
    assert counts() == few
