"""How often somebody tried: counters that the database itself adds up, so that parallel tries cannot slip through."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, models
from django.utils import timezone

# Asked at every sign-in, so they are not written anew by Django, which takes longer than the database. The first one it
# cannot write: in one statement, a row is made or counts on; one of a window that is over begins anew.
COUNT = """
    INSERT INTO {table} (key, tries, window_ends_at) VALUES {rows}
    ON CONFLICT (key) DO UPDATE SET
        tries = CASE WHEN {table}.window_ends_at <= %s THEN 1 ELSE {table}.tries + 1 END,
        window_ends_at =
            CASE WHEN {table}.window_ends_at <= %s THEN excluded.window_ends_at ELSE {table}.window_ends_at END
    RETURNING key, tries
"""
TRIES = "SELECT key, tries FROM {table} WHERE key IN ({keys}) AND window_ends_at > %s"
FORGIVE = "UPDATE {table} SET tries = CASE WHEN key = %s THEN 0 ELSE tries - 1 END WHERE key IN ({keys}) AND tries > 0"


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
        """Count one more try and return how many the window has seen, this one included."""
        return cls.count_all([key], window)[key]

    @classmethod
    def count_all(cls, keys: Sequence[str], window: timedelta) -> dict[str, int]:
        """The same for several keys at once.

        Each row is locked by the statement that counts, so of fifty tries at once each gets another number.
        """
        now = timezone.now()
        at, ends = (connection.ops.adapt_datetimefield_value(time) for time in (now, now + window))
        with connection.cursor() as cursor:
            rows = ", ".join(["(%s, 1, %s)"] * len(keys))
            given = [value for key in keys for value in (key, ends)]
            cursor.execute(COUNT.format(table=cls._meta.db_table, rows=rows), [*given, at, at])
            return dict(cursor.fetchall())

    @classmethod
    def tries_of(cls, keys: Sequence[str]) -> dict[str, int]:
        """How many tries the current windows of these keys have seen; a key without one is left out."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(TRIES.format(table=cls._meta.db_table, keys=_places(keys)), [*keys, now])
            return dict(cursor.fetchall())

    @classmethod
    def forgive(cls, first: str, *others: str) -> None:
        """Forget all tries of the first key, and the latest of each other."""
        keys = [first, *others]
        with connection.cursor() as cursor:
            cursor.execute(FORGIVE.format(table=cls._meta.db_table, keys=_places(keys)), [first, *keys])


def _places(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))
