"""When a credential and its user were used last. No more exact than a quarter of an hour: no write on every request."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User

TOUCHED_AFTER = timedelta(minutes=15)


def touch(credential: Any, user_id: int) -> None:
    """Note that a credential (with `last_used_at`) and a user are in use now. Of requests at the same moment one writes."""
    if credential.last_used_at is not None and timezone.now() - credential.last_used_at <= TOUCHED_AFTER:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - TOUCHED_AFTER)
    if type(credential)._default_manager.filter(stale, pk=credential.pk).update(last_used_at=Now()):
        User.objects.filter(stale, pk=user_id).update(last_used_at=Now())
