"""How often somebody tried: counters that the database itself adds up, so that parallel tries cannot slip through."""

from datetime import timedelta

from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now


class Throttle(models.Model):
    """Tries for one key (an account, an address) in the current window."""

    key = models.CharField(max_length=120, unique=True)
    tries = models.PositiveIntegerField(default=0)
    window_ends_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key

    @classmethod
    def count(cls, key: str, window: timedelta) -> int:
        """Count one more try and return how many the window has seen, this one included.

        The row is locked by its own UPDATE, so of fifty tries at once each gets another number.
        """
        over = Q(window_ends_at__lte=Now())
        with transaction.atomic():
            Throttle.objects.bulk_create([Throttle(key=key, window_ends_at=Now() + window)], ignore_conflicts=True)
            cls.objects.filter(key=key).update(
                tries=Case(When(over, then=Value(1)), default=F("tries") + 1),
                window_ends_at=Case(When(over, then=Now() + window), default=F("window_ends_at")),
            )
            return cls.objects.values_list("tries", flat=True).filter(key=key).first() or 1

    @classmethod
    def clear(cls, *keys: str) -> None:
        """Forget the tries of these keys (after a success)."""
        cls.objects.filter(key__in=keys).delete()
