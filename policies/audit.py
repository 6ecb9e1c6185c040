"""The audit trail: written in the transaction of the change, chained with a key.

    with recording(actor) as trail:            # one transaction; nested calls join the outer one
        ... change something ...
        trail.add("project_user.create", user, after={...})

The rows of a transaction are written as its last statements: only then is the chain's head locked, so that writers wait
for each other as briefly as possible. Each row's mac is an HMAC-SHA256 over the row and the mac before it, with a key that
lies in ROSTER_DATA, outside the database. After the commit the head is appended to a file beside the key: a table alone
cannot show that its tail was cut off, or that an old backup was put in its place.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import Scope
from policies.actor import Actor
from policies.errors import Denied
from policies.models import AuditEvent, AuditHead
from policies.protected import entity_type_of, scope_of

HEADS_KEPT = 10_000  # lines in the file of heads before it is cut to its last one


@dataclass
class Trail:
    """The events of one transaction, in order."""

    actor: Actor
    events: list[AuditEvent] = field(default_factory=list)

    def add(
        self, action: str, thing: Any = None, *, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None,
        scope: Scope | None = None, outcome: str = "done",
    ) -> None:
        """Note an event. `thing` is what it happened to; its scope is found, unless one is given."""
        scope = scope or (_scope(thing) if thing is not None else None)
        self.events.append(AuditEvent(
            action=action, outcome=outcome, at=timezone.now(),
            actor_uid=self.actor.uid, actor=self.actor.name[:160], address=self.actor.address, request_id=self.actor.request_id,
            object_type=_type(thing), object_uid=getattr(thing, "uid", ""), object_name=str(thing or "")[:160],
            scope_id=scope.pk if scope else None, scope_name=scope.name if scope else "",
            before=before or {}, after=after or {},
        ))

    def write(self) -> None:
        """Chain the events to the head and store them. The last statements of the transaction."""
        if not self.events:
            return
        head = _locked_head()
        key = audit_key()
        for event in self.events:
            head.sequence += 1
            event.sequence = head.sequence
            event.mac = head.mac = mac_of(event, head.mac, key)
        AuditEvent.objects.bulk_create(self.events)
        head.save()
        sequence, mac = head.sequence, head.mac
        transaction.on_commit(lambda: _append_head(sequence, mac))


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextmanager
def recording(actor: Actor) -> Iterator[Trail]:
    """One transaction with its audit events. Inside another one it joins it: all or nothing.

    A refused write (Denied) is rolled back and recorded as refused.
    """
    outer = _trail.get()
    if outer is not None:
        yield outer
        return
    try:
        with transaction.atomic():
            trail = Trail(actor)
            token = _trail.set(trail)
            try:
                actor.forget()
                yield trail
            finally:
                _trail.reset(token)
            trail.write()
    except Denied as denied:
        record(actor, f"{_type(denied.thing)}.{denied.action}", denied.thing, outcome="refused")
        raise


def record(actor: Actor, action: str, thing: Any = None, **what: Any) -> None:
    """Note a single event that changes nothing else: a sign-in, a refused write, an export."""
    with recording(actor) as trail:
        trail.add(action, thing, **what)


def _locked_head() -> AuditHead:
    rows = AuditHead.objects.select_for_update()
    head = rows.filter(pk=1).first()
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(pk=1)], ignore_conflicts=True)
        head = rows.get(pk=1)
    return head


def _type(thing: Any) -> str:
    try:
        return entity_type_of(thing) if thing is not None else ""
    except TypeError:
        return thing._meta.model_name if isinstance(thing, Model) else ""


def _scope(thing: Any) -> Scope | None:
    try:
        return scope_of(thing)
    except TypeError:
        return None


def mac_of(event: AuditEvent, mac_before: str, key: bytes) -> str:
    """HMAC-SHA256 of everything in the row and of the mac before it, as 64 hexadecimal characters."""
    told = [
        mac_before, event.sequence, event.at.isoformat(), event.action, event.outcome, event.actor_uid, event.actor,
        event.object_type, event.object_uid, event.object_name, event.scope_id, event.scope_name, event.before,
        event.after, event.address, event.request_id,
    ]
    return hmac.new(key, json.dumps(told, sort_keys=True, ensure_ascii=False).encode(), hashlib.sha256).hexdigest()


def audit_key() -> bytes:
    """The chain's key: ROSTER_DATA/audit.key, made at first use, readable by its owner alone."""
    path = Path(settings.ROSTER_DATA) / "audit.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"audit.key.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        try:
            os.link(draft, path)  # of several workers at once exactly one wins
        except FileExistsError:
            pass
        draft.unlink()
        return path.read_bytes()


def heads_file() -> Path:
    return Path(settings.ROSTER_DATA) / "audit.head"


def _append_head(sequence: int, mac: str) -> None:
    with heads_file().open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{sequence} {mac}\n")
        file.flush()
        if file.tell() > HEADS_KEPT * 80:
            newest = last_head()
            file.truncate(0)
            file.write(f"{newest[0]} {newest[1]}\n")


def last_head() -> tuple[int, str]:
    """The furthest (sequence, mac) that the file of heads knows; (0, "") without one. Workers may append out of order."""
    try:
        lines = heads_file().read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return 0, ""
    heads = [(int(number), mac) for number, _, mac in (line.partition(" ") for line in lines) if number.isdigit()]
    return max(heads, default=(0, ""))


def verify() -> tuple[int, list[str]]:
    """Walk the whole chain. Returns (rows seen, what is wrong): an edit, a delete, a reorder, a recomputed chain, a cut tail."""
    key, mac, expected, problems = audit_key(), "", 0, []
    kept_sequence, kept_mac = last_head()
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
        expected += 1
        if event.sequence != expected:
            problems.append(f"Rows {expected} to {event.sequence - 1} are missing.")
            expected = event.sequence
        elif event.mac != mac_of(event, mac, key):
            problems.append(f"Row {event.sequence} was changed, or the rows before it were.")
        if event.sequence == kept_sequence and event.mac != kept_mac:
            problems.append(f"Row {event.sequence} is not the one that was written: the chain was computed anew.")
        mac = event.mac
    head = AuditHead.objects.filter(pk=1).first()
    if (head.sequence, head.mac) != (expected, mac) if head else expected:
        problems.append("The head of the chain does not match its last row.")
    if kept_sequence > expected:
        problems.append(f"Rows {expected + 1} to {kept_sequence} are missing at the end.")
    return expected, problems
