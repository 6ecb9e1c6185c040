"""What the commands about services have in common, and what keeps others away from them."""

from django.core.management import CommandError

from accounts.models import ServiceProfile, User
from console.management.output import Row, iso


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


def refuse_service(user: User, instead: str) -> None:
    """Raises CommandError for a service, which another command is for."""
    if user.is_service:
        raise CommandError(f"{user} is a service: {instead} does that.")
