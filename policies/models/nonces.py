from django.db import models


class UsedNonce(models.Model):
    """The hash of a form's nonce that an action has used up: a second POST of the form changes nothing."""

    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest
