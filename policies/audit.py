"""The audit trail: written in the transaction of the change, chained with a key.

    with recording(actor) as trail:            # one transaction; nested calls join the outer one
        ... change something ...
        trail.add("project_user.create", user, after={...})

The rows of a transaction are written as its last statements: only then is the chain's head locked, so that writers wait
for each other as briefly as possible. Each row's mac is an HMAC-SHA256 over the row and the mac before it, with a key
that lies in ROSTER_DATA, outside the database. After the commit the head is appended to a file beside the key: a table
alone cannot show that its tail was cut off, that an old backup was put in its place, or that it was computed anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

HEADS_KEPT = 10_000  # lines in the file of heads before every other one is dropped


@dataclass
class Trail:
    """The events of one transaction, in order."""

    actor: Actor
    events: list[AuditEvent] = field(default_factory=list)

    def add(
        self,
        action: str,
        thing: Any = None,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        scope: Scope | None = None,
        outcome: str = "done",
    ) -> None:
        """Note an event. `thing` is what it happened to; its scope is found, unless one is given."""
        scope = scope or (_scope(thing) if thing is not None else None)
        self.events.append(
            AuditEvent(
                action=action,
                outcome=outcome,
                at=timezone.now(),
                actor_uid=self.actor.uid,
                actor=self.actor.name[:160],
                address=self.actor.address,
                request_id=self.actor.request_id,
                object_type=_type(thing),
                object_uid=getattr(thing, "uid", ""),
                object_name=str(thing or "")[:160],
                scope_id=scope.pk if scope else None,
                scope_name=scope.name if scope else "",
                before=before or {},
                after=after or {},
            )
        )

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
    """One transaction with its audit events. A refused write (Denied) is rolled back and recorded as refused.

    Inside another one it joins it. What fails in there is undone alone, events included: the outer one may go on.
    """
    outer = _trail.get()
    if outer is not None:
        with _joining(outer):
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
        record_refusal(actor, denied)
        raise


@contextmanager
def _joining(outer: Trail) -> Iterator[None]:
    noted = len(outer.events)
    try:
        with transaction.atomic():
            yield
    except Exception as error:
        del outer.events[noted:]
        if isinstance(error, Denied):
            outer.add(f"{_type(error.thing)}.{error.action}", error.thing, outcome="refused")
        raise


def record(actor: Actor, action: str, thing: Any = None, **what: Any) -> None:
    """Note a single event that changes nothing else: a sign-in, a refused write, an export."""
    with recording(actor) as trail:
        trail.add(action, thing, **what)


def record_refusal(actor: Actor, denied: Denied) -> None:
    """Note a refused write; once, however many ask for it on its way out."""
    if not denied.is_recorded:
        denied.is_recorded = True
        record(actor, f"{_type(denied.thing)}.{denied.action}", denied.thing, outcome="refused")


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
        return str(thing._meta.model_name) if isinstance(thing, Model) else ""


def _scope(thing: Any) -> Scope | None:
    try:
        return scope_of(thing)
    except TypeError:
        return None


def mac_of(event: AuditEvent, mac_before: str, key: bytes) -> str:
    """HMAC-SHA256 of everything in the row and of the mac before it, as 64 hexadecimal characters."""
    told = [
        mac_before,
        event.sequence,
        event.at.isoformat(),
        event.action,
        event.outcome,
        event.actor_uid,
        event.actor,
        event.object_type,
        event.object_uid,
        event.object_name,
        event.scope_id,
        event.scope_name,
        event.before,
        event.after,
        event.address,
        event.request_id,
    ]
    return hmac.new(key, json.dumps(told, sort_keys=True, ensure_ascii=False).encode(), hashlib.sha256).hexdigest()


def key_file() -> Path:
    return Path(settings.ROSTER_DATA) / "audit.key"


def heads_file() -> Path:
    return Path(settings.ROSTER_DATA) / "audit.head"


def audit_key() -> bytes:
    """The chain's key: made at first use, readable by its owner alone."""
    path = key_file()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"audit.key.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(draft, path)  # of several workers at once exactly one wins
        draft.unlink()
        return path.read_bytes()


def _append_head(sequence: int, mac: str) -> None:
    """Workers come out of order, one at a time: the key's file is the lock, because the other one may be replaced."""
    with key_file().open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(heads_file(), "a", encoding="ascii", opener=_private) as file:
            file.write(f"{sequence} {mac}\n")
            full = file.tell() > HEADS_KEPT * 80
        if full:
            _thin_out()


def _thin_out() -> None:
    """Keep every other head, the newest among them: old ones still show that rows before them were computed anew."""
    draft = heads_file().with_suffix(".draft")
    lines = heads_file().read_text(encoding="ascii").splitlines(keepends=True)
    with open(draft, "w", encoding="ascii", opener=_private) as file:
        file.writelines(lines[::-2][::-1])
    draft.replace(heads_file())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def kept_heads() -> dict[int, set[str]]:
    """{sequence: macs} of the heads that the file knows. More than one mac: there were two rows of that number."""
    heads: dict[int, set[str]] = defaultdict(set)
    if heads_file().exists():
        text = heads_file().read_text(encoding="ascii", errors="replace")
        for number, mac in re.findall(r"^(\d+) ([0-9a-f]{64})$", text, re.MULTILINE):
            heads[int(number)].add(mac)
    return heads


def verify() -> tuple[int, list[str]]:
    """Walk the whole chain, while others may write. Returns (rows seen, what is wrong):

    an edit, a delete, a reorder, a chain computed anew, a tail that was cut or taken back with a backup.
    """
    kept, first_head = kept_heads(), _head()
    if not key_file().exists():
        return 0, [f"{key_file().name} is missing: nothing can be verified."] if AuditEvent.objects.exists() else []
    key, rows, sequence, mac, problems = audit_key(), 0, 0, "", []
    head_seen, computed_anew = first_head == (0, ""), 0
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
        rows += 1
        if event.sequence != sequence + 1:
            problems.append(f"Rows {sequence + 1} to {event.sequence - 1} are missing.")
        elif event.mac != mac_of(event, mac, key):
            problems.append(f"Row {event.sequence} was changed, or the rows before it were.")
        sequence, mac = event.sequence, event.mac
        head_seen = head_seen or (sequence, mac) == first_head
        if kept.get(sequence, {mac}) != {mac}:
            computed_anew = computed_anew or sequence
    if computed_anew:
        problems.append(f"Row {computed_anew} is not the one that was written: the chain was computed anew.")
    if not head_seen or sequence > _head()[0]:
        problems.append("The head of the chain does not match its last row.")
    if max(kept, default=0) > sequence:
        problems.append(f"Rows {sequence + 1} to {max(kept)} are missing at the end.")
    if rows and not kept:
        problems.append(f"{heads_file().name} is missing: whether the end was cut off cannot be told.")
    return rows, problems


def _head() -> tuple[int, str]:
    return AuditHead.objects.values_list("sequence", "mac").filter(pk=1).first() or (0, "")
