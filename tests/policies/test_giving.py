"""Giving, changing and taking roles: who may, decided on the real assignment before it is saved (RUN-10 to RUN-13)."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Scope
from policies.actions.assignments import give_role, take_role, update_assignment
from policies.actions.giving import give_roles
from policies.actions.scopes import create_scope
from policies.actor import Actor
from policies.errors import Conflict, Denied
from policies.giving import Effect, foresee, offers, places, require_offered
from policies.models import AuditEvent, Catalogue, Module, RoleAssignment, RulebookVersion
from tests.console.conftest import COMMAND, person, role


@pytest.fixture
def runai(p: SimpleNamespace) -> SimpleNamespace:
    return p


def make_platform() -> SimpleNamespace:
    """Departments vision (projects lab and eval) and speech (project dictation) of a Run:ai platform, and its staff."""
    Catalogue.objects.filter(code="runai").update(is_enabled=True)
    Module.objects.filter(catalogue__code="runai").update(is_installed=True)
    RulebookVersion.renew()
    o = SimpleNamespace(root=Scope.objects.root())
    o.vision = create_scope(actor=COMMAND, kind="department", name="Vision")
    o.speech = create_scope(actor=COMMAND, kind="department", name="Speech")
    for name, parent in (("lab", o.vision), ("eval", o.vision), ("dictation", o.speech)):
        setattr(o, name, create_scope(actor=COMMAND, kind="project", name=name.title(), parent=parent))
    for name, code, scope in (
        ("admin", "administrator", o.root),
        ("head", "department_admin", o.vision),
        ("editor", "editor", o.root),
        ("ada", "", None),
        ("bob", "", None),
    ):
        setattr(o, name, person(name, f"{name.title()} Person", f"{name}@example.com"))
        if scope:
            give_role(actor=COMMAND, role=role(f"runai:{code}"), subject=getattr(o, name), scope=scope)
    return o


def acting(user: object) -> Actor:
    return Actor(str(user), user)  # type: ignore[arg-type]


def offered(user: object) -> set[str]:
    return {offer.role.full_name for offer in offers(user) if not offer.blocked}  # type: ignore[arg-type]


def test_run_10_department_administrators_are_offered_two_roles_in_their_projects(runai: SimpleNamespace) -> None:
    assert offered(runai.head) == {"runai:researcher", "runai:ml_engineer"}
    assert set(places(runai.head)) == {runai.lab, runai.eval}
    with pytest.raises(Denied):
        require_offered(runai.head, [runai.ada], [role("runai:editor")], [runai.lab])
    with pytest.raises(Denied):
        require_offered(runai.head, [runai.ada], [role("runai:researcher")], [runai.dictation])
    require_offered(runai.head, [runai.ada], [role("runai:researcher")], [runai.lab])


def test_run_11_administrators_are_offered_all_seven(runai: SimpleNamespace) -> None:
    assert len({name for name in offered(runai.admin) if name.startswith("runai:")}) == 7
    assert set(places(runai.admin)) == {runai.root}  # RUN-12: they put nobody into departments and projects


def test_run_12_editors_put_people_in_places_and_take_them_out(runai: SimpleNamespace) -> None:
    """With the roles that they hold, or have pending; an Editor gives nobody a role."""
    researcher = role("runai:researcher")
    assert set(places(runai.editor)) == {runai.vision, runai.speech, runai.lab, runai.eval, runai.dictation}
    with pytest.raises(Denied):
        give_role(actor=acting(runai.editor), role=researcher, subject=runai.ada, scope=runai.lab)
    pending = give_role(actor=acting(runai.admin), role=researcher, subject=runai.ada, scope=runai.root)
    with pytest.raises(Denied):
        give_role(actor=acting(runai.admin), role=researcher, subject=runai.ada, scope=runai.lab)
    given = give_role(actor=acting(runai.editor), role=researcher, subject=runai.ada, scope=runai.lab)
    update_assignment(actor=acting(runai.editor), assignment=given, expires_at=None, reason="moved")
    take_role(actor=acting(runai.editor), assignment=given)
    with pytest.raises(Denied):
        take_role(actor=acting(runai.editor), assignment=pending)
    assert list(runai.ada.role_assignments.all()) == [pending]


def test_nobody_widens_a_role_that_is_held(runai: SimpleNamespace) -> None:
    """21: that somebody holds the role in a project lets nobody give it above (Keycloak CVE-2026-9795)."""
    viewer = role("roster:project_viewer")
    give_role(actor=COMMAND, role=viewer, subject=runai.ada, scope=runai.lab)
    cluster = create_scope(actor=COMMAND, kind="cluster", name="North")
    for giver in (runai.ada, runai.bob, runai.head, runai.editor):
        for scope in (runai.root, cluster):
            with pytest.raises(Denied):
                give_role(actor=acting(giver), role=viewer, subject=runai.ada, scope=scope)
    keeper = role("roster:project_administrator")
    give_role(actor=COMMAND, role=keeper, subject=runai.bob, scope=runai.lab)
    for scope in (runai.root, cluster, runai.vision, runai.eval):
        with pytest.raises(Denied):
            give_role(actor=acting(runai.bob), role=keeper, subject=runai.bob, scope=scope)


def test_what_giving_would_do(runai: SimpleNamespace) -> None:
    researcher, editor, viewer = role("runai:researcher"), role("runai:editor"), role("roster:project_viewer")
    give_role(actor=COMMAND, role=researcher, subject=runai.bob, scope=runai.lab)
    scopes = [runai.root, runai.lab, runai.dictation]
    found = foresee(acting(runai.head), [runai.ada, runai.bob], [researcher, editor], scopes)
    assert [c.effect for c in found] == [
        Effect.DENIED, Effect.NEW, Effect.DENIED,  # ada, Researcher: organization, Lab, Dictation
        Effect.DENIED, Effect.UNFIT, Effect.UNFIT,  # ada, Editor
        Effect.DENIED, Effect.HELD, Effect.DENIED,  # bob, Researcher
        Effect.DENIED, Effect.UNFIT, Effect.UNFIT,
    ]  # fmt: skip
    found = foresee(acting(runai.admin), [runai.ada], [researcher, role("runai:viewer"), viewer], [runai.root])
    assert [(c.effect, c.why) for c in found] == [
        (Effect.PENDING, "Without effect until it is given in a project."),
        (Effect.NEW, ""),
        (Effect.DENIED, "You may not give Project Viewer in Organization."),
    ]


def test_what_is_foreseen_comes_true(runai: SimpleNamespace) -> None:
    roles = [role(f"runai:{code}") for code in ("researcher", "editor", "ml_engineer", "department_admin")]
    everywhere = [runai.root, runai.vision, runai.lab, runai.dictation]
    give_role(actor=COMMAND, role=roles[0], subject=runai.bob, scope=runai.lab)
    for giver in (runai.head, runai.editor, runai.admin):
        foreseen = foresee(acting(giver), [runai.ada, runai.bob], roles, everywhere)
        for combination in foreseen:
            wanted = combination.assignment
            before = RoleAssignment.objects.count()
            (result,) = give_roles(
                actor=acting(giver), subjects=[wanted.subject], roles=[wanted.role], scopes=[wanted.scope]
            )
            expected = {Effect.NEW: "given", Effect.PENDING: "given", Effect.HELD: "held"}
            assert result.outcome == expected.get(combination.effect, "refused"), (giver, wanted)
            assert RoleAssignment.objects.count() == before + (result.outcome == "given")
            if result.outcome == "given":
                take_role(actor=COMMAND, assignment=result.assignment)


def test_one_refusal_stops_no_other(runai: SimpleNamespace) -> None:
    """Each combination is an action of its own; a refused one is audited as refused."""
    results = give_roles(
        actor=acting(runai.head), subjects=[runai.ada], roles=[role("runai:researcher")],
        scopes=[runai.dictation, runai.lab], reason="pilot",
    )  # fmt: skip
    assert [r.outcome for r in results] == ["refused", "given"]
    told = AuditEvent.objects.filter(action="role_assignment.create").order_by("-sequence")[:2]
    assert [event.outcome for event in told] == ["done", "refused"]
    assert runai.ada.role_assignments.get().reason == "pilot"


def test_an_expired_role_is_given_anew(runai: SimpleNamespace) -> None:
    viewer, past = role("roster:project_viewer"), timezone.now() - timedelta(minutes=1)
    old = give_role(actor=COMMAND, role=viewer, subject=runai.ada, scope=runai.lab, expires_at=past)
    with pytest.raises(Denied):
        give_role(actor=acting(runai.bob), role=viewer, subject=runai.ada, scope=runai.lab)
    assert runai.ada.role_assignments.get() == old
    (result,) = give_roles(actor=COMMAND, subjects=[runai.ada], roles=[viewer], scopes=[runai.lab])
    assert result.outcome == "given"
    assert runai.ada.role_assignments.get().expires_at is None


def test_moments_have_a_time_zone(runai: SimpleNamespace) -> None:
    viewer, naive = role("roster:project_viewer"), datetime(2100, 1, 1)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValidationError, match="time zone"):
        give_role(actor=COMMAND, role=viewer, subject=runai.ada, scope=runai.lab, expires_at=naive)
    given = give_role(actor=COMMAND, role=viewer, subject=runai.ada, scope=runai.lab)
    with pytest.raises(ValidationError, match="time zone"):
        update_assignment(actor=COMMAND, assignment=given, expires_at=naive, reason="")


def test_what_is_gone_is_not_given(runai: SimpleNamespace) -> None:
    viewer = role("roster:project_viewer")
    runai.ada.delete()
    Scope.objects.filter(pk=runai.eval.pk).delete()
    (ada, bob) = (person("ada2"), runai.bob)
    ada.pk = 10**9
    results = give_roles(actor=COMMAND, subjects=[ada, bob], roles=[viewer], scopes=[runai.eval])
    assert [result.outcome for result in results] == ["refused", "refused"]
    with pytest.raises(Conflict):
        give_role(actor=COMMAND, role=viewer, subject=bob, scope=runai.eval)
