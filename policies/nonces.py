"""Forms that may do their work only once."""

import hashlib
import secrets

from django.db import IntegrityError, transaction

from policies.errors import AlreadyDone
from policies.models import UsedNonce


def new_nonce() -> str:
    """For a hidden field of the form."""
    return secrets.token_urlsafe(18)


def is_used(nonce: str) -> bool:
    """Whether the form with this nonce did its work already."""
    return UsedNonce.objects.filter(digest=_digest(nonce)).exists()


def use_up(nonce: str) -> None:
    """Mark the nonce as used, in the caller's transaction; an empty one (a command) is none. Raises AlreadyDone."""
    if not nonce:
        return
    try:
        with transaction.atomic():
            UsedNonce.objects.create(digest=_digest(nonce))
    except IntegrityError:
        raise AlreadyDone("This form was sent before.") from None


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()
