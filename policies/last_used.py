"""When a credential and its user were used last. No more exact than a quarter of an hour: no write on every request."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User

TOUCHED_AFTER = timedelta(minutes=15)


def is_stale(last_used_at: datetime | None) -> bool:
    return last_used_at is None or timezone.now() - last_used_at > TOUCHED_AFTER


def touch(credential: Any, user_id: int) -> None:
    """Note that a credential and its user are in use now; the user alone where no credential was shown (touch(user, user.pk)).

    Of requests at the same moment one writes.
    """
    if not is_stale(credential.last_used_at):
        return
    stale, model = Q(last_used_at=None) | Q(last_used_at__lt=Now() - TOUCHED_AFTER), credential._meta.model
    written = model._default_manager.filter(stale, pk=credential.pk).update(last_used_at=Now())
    if written and model is not User:
        User.objects.filter(stale, pk=user_id).update(last_used_at=Now())
