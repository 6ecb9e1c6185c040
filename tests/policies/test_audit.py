"""The audit trail: in the change's transaction, append-only, and every attack on it is found (security 40 to 42)."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction
from django.test import TestCase

from accounts.models import Project, User
from policies import audit, audit_triggers
from policies.actions.scopes import create_scope
from policies.actions.users import add_person, add_project_user, disable_user
from policies.actor import Actor
from policies.audit import audit_key, heads_file, key_file, mac_of, record, recording, verify
from policies.errors import Denied
from policies.models import AuditEvent, AuditHead
from tests import installations
from tests.servers import manage

ACTOR = Actor.of_command()


@pytest.fixture
def trail(db: None) -> Iterator[None]:
    """A chain of ten rows, and no others, in a database whose triggers somebody with its password has dropped."""
    audit_triggers.remove(connection)
    AuditEvent.objects.all().delete()
    AuditHead.objects.all().delete()
    others = heads_file().read_bytes()
    heads_file().unlink()
    write(10)
    assert verify() == (10, [])
    yield
    heads_file().write_bytes(others)


def write(rows: int) -> None:
    for number in range(rows):
        with TestCase.captureOnCommitCallbacks(execute=True):  # the test's own transaction never commits
            record(ACTOR, "test.done", after={"number": number, "text": "Ünï\u202ecode", "list": [1, None, 2.5]})


def recompute() -> None:
    """What somebody with the key can do: chain all rows anew, as they are now."""
    sequence, mac = 0, ""
    for event in AuditEvent.objects.order_by("sequence"):
        sequence, mac = event.sequence, mac_of(event, mac, audit_key())
        AuditEvent.objects.filter(pk=sequence).update(mac=mac)
    AuditHead.objects.update(sequence=sequence, mac=mac)


def cut_tail() -> None:
    AuditEvent.objects.filter(sequence__gt=7).delete()
    AuditHead.objects.update(sequence=7, mac=AuditEvent.objects.get(sequence=7).mac)


def swap() -> None:
    third, fourth = AuditEvent.objects.filter(sequence__in=(3, 4)).order_by("sequence")
    AuditEvent.objects.filter(sequence=3).update(after=fourth.after, mac=fourth.mac)
    AuditEvent.objects.filter(sequence=4).update(after=third.after, mac=third.mac)


def edit_and_recompute() -> None:
    AuditEvent.objects.filter(sequence=5).update(actor="somebody else")
    recompute()


def edit_recompute_and_go_on() -> None:
    edit_and_recompute()
    write(3)


def cut_tail_and_go_on() -> None:
    cut_tail()
    write(5)


def forge_a_row() -> None:
    last = AuditEvent.objects.get(sequence=10)
    last.sequence = 11
    last.mac = mac_of(last, last.mac, audit_key())
    last.save(force_insert=True)


ATTACKS: dict[Callable[[], object], str] = {
    swap: "Row 3 was changed",
    cut_tail: "Rows 8 to 10 are missing at the end.",
    edit_and_recompute: "Row 5 is not the one that was written: the chain was computed anew.",
    edit_recompute_and_go_on: "Row 5 is not the one that was written: the chain was computed anew.",
    cut_tail_and_go_on: "Row 8 is not the one that was written: the chain was computed anew.",
    forge_a_row: "The head of the chain does not match its last row.",
    lambda: AuditEvent.objects.filter(sequence=4).delete(): "Rows 4 to 4 are missing.",
    lambda: AuditEvent.objects.filter(sequence__lt=4).delete(): "Rows 1 to 3 are missing.",
    lambda: AuditEvent.objects.all().delete(): "Rows 1 to 10 are missing at the end.",
    lambda: AuditHead.objects.all().delete(): "The head of the chain does not match its last row.",
    lambda: heads_file().unlink(): "audit.head is missing: whether the end was cut off cannot be told.",
}


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize(("attack", "found"), ATTACKS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_each_attack_is_found(attack: Callable[[], object], found: str) -> None:
    attack()
    assert any(problem.startswith(found) for problem in verify()[1]), verify()


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("field", [field.name for field in AuditEvent._meta.fields if field.name != "sequence"])
def test_an_edit_of_any_column_is_found(field: str) -> None:
    event = AuditEvent.objects.get(sequence=6)
    other = {"at": event.at.replace(year=2001), "scope_id": 7, "before": {"a": 1}, "after": {}}.get(field, "forged")
    AuditEvent.objects.filter(sequence=6).update(**{field: other})
    assert "Row 6 was changed, or the rows before it were." in verify()[1]


@pytest.mark.usefixtures("trail")
def test_without_the_key_nothing_can_be_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(audit, "key_file", lambda: tmp_path / "audit.key")
    assert verify() == (0, ["audit.key is missing: nothing can be verified."])
    assert not (tmp_path / "audit.key").exists()  # else the next row would start a chain that nobody trusts
    (tmp_path / "audit.key").write_bytes(b"another key")
    assert len(verify()[1]) == 10


@pytest.mark.usefixtures("trail")
def test_old_heads_are_thinned_out_and_still_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "HEADS_KEPT", 20)
    write(40)
    kept = sorted(audit.kept_heads())
    assert len(kept) <= 21
    assert kept[0] < 20
    assert kept[-1] == 50
    assert verify() == (50, [])
    edit_recompute_and_go_on()
    assert any("computed anew" in problem for problem in verify()[1])


@pytest.mark.usefixtures("trail")
def test_a_torn_line_in_the_file_of_heads_does_no_harm() -> None:
    with heads_file().open("a") as file:
        file.write("11 abc")
    write(2)
    assert verify() == (12, [])
    heads_file().write_bytes(b"\xff\xfe nonsense\n")
    assert verify()[1] == ["audit.head is missing: whether the end was cut off cannot be told."]


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_changes_and_only_the_owner_reads_the_key() -> None:
    record(ACTOR, "test.done")
    for change in (AuditEvent.objects.all().delete, lambda: AuditEvent.objects.update(action="forged")):
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            change()
    for path in (key_file(), heads_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def project(catalogues: object) -> Project:
    return create_scope(actor=ACTOR, kind="project", name="Alpha")  # type: ignore[return-value]


def test_change_and_event_are_one_transaction(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = AuditEvent.objects.count()
    monkeypatch.setattr(audit, "audit_key", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add_project_user(actor=ACTOR, project=project, description="lost", username="lost")
    assert not User.objects.filter(username="lost").exists()
    assert AuditEvent.objects.count() == before


def test_a_refused_write_changes_nothing_and_is_recorded(project: Project) -> None:
    outsider, _ = add_person(actor=ACTOR, username="outsider")
    with pytest.raises(Denied):
        add_project_user(actor=Actor("outsider", outsider), project=project, description="x", username="refused")
    assert not User.objects.filter(username="refused").exists()
    event = AuditEvent.objects.first()
    assert event
    assert (event.action, event.outcome, event.actor, event.scope_name) == (
        "project_user.create",
        "refused",
        "outsider",
        "Alpha",
    )


def test_what_fails_inside_is_undone_alone(project: Project) -> None:
    """An action that calls others (bulk, the sample) may go on after one of them refused."""
    outsider, _ = add_person(actor=ACTOR, username="outsider")
    kept, _ = add_project_user(actor=ACTOR, project=project, description="kept", username="kept")
    before = AuditEvent.objects.count()

    def half_done(then: Callable[[], object]) -> None:
        with recording(ACTOR):
            add_project_user(actor=ACTOR, project=project, description="gone", username="gone")
            then()

    with recording(ACTOR) as trail:
        disable_user(actor=ACTOR, user=kept)
        with pytest.raises(ValidationError):
            half_done(lambda: add_project_user(actor=ACTOR, project=project, description="taken", username="kept"))
        with pytest.raises(Denied):
            half_done(lambda: Actor("outsider", outsider).require("delete", project))
        trail.add("test.done")
    assert not User.objects.filter(username="gone").exists()
    events = AuditEvent.objects.order_by("sequence").values_list("action", "outcome")[before:]
    assert list(events) == [("project_user.disable", "done"), ("project.delete", "refused"), ("test.done", "done")]


def test_an_actor_deleted_meanwhile_may_nothing(project: Project) -> None:
    user, _ = add_person(actor=ACTOR, username="gone")
    User.objects.filter(pk=user.pk).delete()
    with pytest.raises(Denied) as denied:
        add_project_user(actor=Actor("gone", user), project=project, description="x")
    assert denied.value.reasons == ("The user is disabled.",)


def test_values_cannot_forge_a_line_and_are_kept_as_they_are(project: Project) -> None:
    name = "x\r\n2 root project.delete\x1b[2J\u202e"
    add_project_user(actor=ACTOR, project=project, description=name, username="hostile")
    event = AuditEvent.objects.get(action="project_user.create")
    assert event.after["description"] == name


# ---- The database as a file

VERIFY_AND_GO_ON = """
from django.core.management import call_command
from policies.audit import verify
print(*verify()[1], sep="\\n")
call_command("disable_user", "other")
print(*verify()[1], sep="\\n")
"""


@pytest.fixture
def data(installation: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installation, tmp_path / "data"))


def test_an_edit_in_the_file_is_found(data: Path) -> None:
    with closing(sqlite3.connect(data / "roster.sqlite3")) as database, database:
        database.execute("DROP TRIGGER audit_no_update")  # nothing stops whoever owns the file
        database.execute("UPDATE policies_auditevent SET actor = 'nobody' WHERE sequence = 3")
    result = manage("verify_audit", "--format", "json", check=False, **installations.variables(data))
    assert (result.returncode, result.stderr.count("\n")) == (1, 1), result.stderr
    assert json.loads(result.stdout)["problems"] == ["Row 3 was changed, or the rows before it were."]


def test_an_old_backup_in_its_place_is_found(data: Path, tmp_path: Path) -> None:
    backup, before = shutil.copy(data / "roster.sqlite3", tmp_path / "backup"), rows(data)
    manage("disable_user", "first", **installations.variables(data))
    after = rows(data)
    for path in data.glob("roster.sqlite3*"):
        path.unlink()
    shutil.copy(backup, data / "roster.sqlite3")
    told = manage("shell", "--no-imports", "-c", VERIFY_AND_GO_ON, **installations.variables(data)).stdout.splitlines()
    assert told[0] == f"Rows {before + 1} to {after} are missing at the end."
    assert told[-1] == f"Row {after} is not the one that was written: the chain was computed anew."


def rows(data: Path) -> int:
    with closing(sqlite3.connect(data / "roster.sqlite3")) as database:
        return int(database.execute("SELECT max(sequence) FROM policies_auditevent").fetchone()[0])
