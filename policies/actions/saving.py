"""Saving what others may be saving at the same moment."""

from django.db import IntegrityError, transaction
from django.db.models import Model


def save(thing: Model) -> None:
    """Store a checked object. Of two that take the same name at once, the later one hears what it would have heard then.

    Raises ValidationError by field.
    """
    try:
        with transaction.atomic():
            thing.save()
    except IntegrityError:
        thing.full_clean()  # sees the other one now
        raise
