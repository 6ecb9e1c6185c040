"""Forms that may do their work only once."""

import hashlib
import secrets

from django.db import IntegrityError, transaction

from policies.errors import AlreadyDone
from policies.models import UsedNonce


def new_nonce() -> str:
    """For a hidden field of the form."""
    return secrets.token_urlsafe(18)


def use_up(nonce: str) -> None:
    """Mark the nonce as used, in the caller's transaction; an empty one (a command) asks for nothing. Raises AlreadyDone."""
    if not nonce:
        return
    try:
        with transaction.atomic():
            UsedNonce.objects.create(digest=hashlib.sha256(nonce.encode()).hexdigest())
    except IntegrityError:
        raise AlreadyDone("This form was sent before.") from None
