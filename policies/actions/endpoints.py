"""Where services are reached: endpoints of a service, and the regions in which they stand.

Whoever may change a service may change its endpoints; regions belong to all services.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Model

from accounts.models import Endpoint, Region, User
from policies.actions.saving import save
from policies.actions.services import lock_service
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict
from policies.protected import At

REGIONS = At("service")  # what rights on regions are asked about

code_validator = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Use letters, digits and . _ - and begin with a letter or digit."
)
T = TypeVar("T", bound=Model)
PLACES = re.compile(r"[%$]\((?:project_id|tenant_id)\)s")  # what a URL template can hold


def create_region(*, actor: Actor, code: str, description: str = "") -> Region:
    """Add a region. Raises Denied, ValidationError by field."""
    region = Region(code=code.strip(), description=description.strip())
    with recording(actor) as trail:
        actor.require("create", REGIONS)
        _check(region)
        save(region)
        trail.add("region.create", region, after=region_told(region))
    return region


def update_region(*, actor: Actor, region: Region, description: str) -> Region:
    """Describe a region; its code is its id and stays. Raises Denied, Conflict, ValidationError by field."""
    with recording(actor) as trail:
        region = _lock(region)
        actor.require("update", REGIONS)
        before = region_told(region)
        region.description = description.strip()
        if before != region_told(region):
            _check(region)
            save(region)
            trail.add("region.update", region, before=before, after=region_told(region))
    return region


def delete_region(*, actor: Actor, region: Region) -> None:
    """Remove a region in which no endpoint stands. Raises Denied, Conflict, ValidationError while one does."""
    with recording(actor) as trail:
        region = _lock(region)
        actor.require("delete", REGIONS)
        if region.endpoints.exists():
            raise ValidationError(f"Services have endpoints in {region}. Remove those first.")
        trail.add("region.delete", region, before=region_told(region))
        region.delete()


def create_endpoint(
    *, actor: Actor, service: User, region: Region, url: str, interface: str = "public", is_enabled: bool = True
) -> Endpoint:
    """Say where a service is reached in a region: one endpoint for each interface.

    Raises Denied, Conflict, ValidationError by field.
    """
    endpoint = Endpoint(service=service, region=region, interface=interface, url=url.strip(), is_enabled=is_enabled)
    with recording(actor) as trail:
        endpoint.service = lock_service(service)
        actor.require("update", endpoint.service)
        _check(endpoint)
        save(endpoint)
        trail.add("service.create_endpoint", endpoint.service, after=endpoint_told(endpoint))
    return endpoint


def update_endpoint(*, actor: Actor, endpoint: Endpoint, **fields: Any) -> Endpoint:
    """Change region, interface, url or is_enabled. Raises Denied, Conflict, ValidationError by field."""
    with recording(actor) as trail:
        service = lock_service(endpoint.service)
        endpoint = _lock(endpoint)
        endpoint.service = service
        actor.require("update", service)
        before = endpoint_told(endpoint)
        if unknown := fields.keys() - {"region", "interface", "url", "is_enabled"}:
            raise ValidationError(dict.fromkeys(unknown, "This cannot be changed."))
        for name, value in fields.items():
            setattr(endpoint, name, value.strip() if isinstance(value, str) else value)
        after = endpoint_told(endpoint)
        if before != after:
            _check(endpoint)
            save(endpoint)
            trail.add("service.update_endpoint", service, before=before, after=after)
    return endpoint


def delete_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Take an endpoint out of the catalogue. Raises Denied, Conflict where somebody did already."""
    with recording(actor) as trail:
        service = lock_service(endpoint.service)
        actor.require("update", service)
        endpoint = _lock(endpoint)
        trail.add("service.delete_endpoint", service, before=endpoint_told(endpoint))
        endpoint.delete()


def region_told(region: Region) -> dict[str, Any]:
    return {"description": region.description}


def endpoint_told(endpoint: Endpoint) -> dict[str, Any]:
    """What the audit trail says of an endpoint."""
    return {
        "url": endpoint.url,
        "region": endpoint.region.code,
        "interface": endpoint.interface,
        "enabled": endpoint.is_enabled,
    }


def check_url(url: str) -> None:
    """An http or https address in which the project's id may stand. Raises ValidationError."""
    plain = PLACES.sub("0", url)
    if "%(" in plain or "$(" in plain:
        raise ValidationError("Only %(project_id)s can stand in it.")
    try:
        parts = urlsplit(plain)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not plain.isascii() or not plain.isprintable() or set(plain) & set(" \"'<>\\^`{|}"):
        raise ValidationError("Begin with http:// or https://, then the host, such as https://storage.example.com/v1.")
    if parts.username or parts.password:
        raise ValidationError("Everybody who has a token sees this: leave name and password out.")


def _check(thing: Region | Endpoint) -> None:
    """Raises ValidationError by field."""
    if isinstance(thing, Region):
        if not thing.pk:
            _field("code", lambda: code_validator(thing.code))
        thing.full_clean()
        return
    _field("url", lambda: check_url(thing.url))
    thing.full_clean(exclude=["service", "region"])  # objects, not ids: they exist


def _field(name: str, check: Any) -> None:
    try:
        check()
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from error


def _lock(thing: T) -> T:
    """The row, locked until the transaction ends. Raises Conflict where somebody removed it meanwhile."""
    found = type(thing)._default_manager.select_for_update(of=("self",)).filter(pk=thing.pk).first()
    if found is None:
        raise Conflict(f"{thing} was removed.")
    return found
