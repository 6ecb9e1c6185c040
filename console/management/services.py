"""What the commands about services have in common, and what keeps others away from them."""

from django.core.management import CommandError

from accounts.models import ServiceProfile, ServiceToken, User
from console.management.output import Row
from console.times import iso
from policies.actions.services import shown_prefix
from policies.naming import NotFound

TOKEN_COLUMNS = ["id", "name", "begins_with", "created", "last_used", "expires"]


def service_row(service: User) -> Row:
    profile = ServiceProfile.objects.filter(service=service).first()
    return {
        "id": service.uid,
        "username": service.username,
        "description": service.description,
        "status": service.status,
        "trusted_attributes": profile.trusted_attributes if profile else [],
        "created": iso(service.created_at),
        "last_used": iso(service.last_used_at),
    }


def token_row(token: ServiceToken) -> Row:
    return {
        "id": token.uid,
        "name": token.name,
        "begins_with": shown_prefix(token),
        "created": iso(token.created_at),
        "last_used": iso(token.last_used_at),
        "expires": iso(token.expires_at),
    }


def find_token(service: User, name: str) -> ServiceToken:
    """A token of a service, by id, by how it begins, or by a name that only one of them has. Raises NotFound."""
    tokens = list(service.service_tokens.select_related("service"))
    found = [token for token in tokens if name in (token.uid, shown_prefix(token))]
    found = found or [token for token in tokens if token.name == name]
    if len(found) != 1:
        near = [shown_prefix(token) for token in found or tokens]
        raise NotFound("token", name, near, ambiguous=bool(found))
    return found[0]


def refuse_service(user: User, instead: str) -> None:
    """Raises CommandError for a service, which another command is for."""
    if user.is_service:
        raise CommandError(f"{user} is a service: {instead} does that.")
