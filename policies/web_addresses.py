"""Where things are reached by a browser: the address that is registered of a thing, and whose address a request is for.

A request belongs to the thing with the longest address that stands at its beginning, by whole path segments. What could be
read in two ways (dots, doubled and encoded slashes) belongs to nothing: the server behind the proxy might read it otherwise.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from policies.models import Resource

PORTS = {"http": 80, "https": 443}
PATH = re.compile(r"(?:/[A-Za-z0-9_~@:+-][A-Za-z0-9._~@:+-]*)*/?")  # of a registered address: nothing is encoded in it
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
DEEPEST = 12  # segments of a registered path
WHAT_FITS = (
    "Begin with https:// or http://, then the host and a plain path, such as https://tools.example.com/notebook-1."
)

# Named in the words of the constraint, so that its index is used: few things have an address.
ADDRESSED = Resource.objects.filter(~Q(url=""))

DOTS = re.compile(r"\.{1,2}(;.*)?")  # segments that lead elsewhere, for servers that know parameters too
STILL_ENCODED = re.compile(r"%(2e|2f|5c|00)", re.IGNORECASE)


def normal(url: str) -> str:
    """An address as it is kept: scheme and host in small letters, no default port, no slash at the end. Empty stays empty.

    Raises ValidationError.
    """
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        server = _server(parts.scheme, parts.netloc)
    except ValueError:
        server = ""
    if not server or parts.query or parts.fragment or "?" in url or "#" in url or not PATH.fullmatch(parts.path):
        raise ValidationError({"url": WHAT_FITS})
    if parts.path.count("/") > DEEPEST:
        raise ValidationError({"url": f"Use at most {DEEPEST} parts behind the host."})
    return f"{server}{parts.path.rstrip('/')}"


def resource_at(scheme: str, host: str, path: str) -> Resource | None:
    """The thing whose address a request is for; one query. `path`: as the client wrote it, with its query or without."""
    asked = prefixes(scheme, host, path)
    rows = ADDRESSED.filter(url__in=asked).select_related("entity_type__catalogue", "scope", "owner", "parent")
    return max(rows, key=lambda resource: len(resource.url), default=None)


def prefixes(scheme: str, host: str, path: str) -> list[str]:
    """Every address that stands at the beginning of a request's; none where it could be read in two ways."""
    try:
        server = _server(scheme, host)
    except ValueError:
        server = ""
    raw = path.partition("?")[0]
    try:
        plain = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return []
    if not server or not plain.startswith("/") or STILL_ENCODED.search(plain) or STILL_ENCODED.search(raw):
        return []
    if not plain.isprintable() or "\\" in plain or "#" in raw or "//" in plain:
        return []
    segments = plain[1:].split("/")
    if any(DOTS.fullmatch(segment) for segment in segments):
        return []
    found = [server]
    for segment in segments[:DEEPEST]:
        found.append(f"{found[-1]}/{segment}")
    return found


def around(url: str) -> QuerySet[Resource]:
    """The things whose addresses stand at the beginning of this one, or begin with it."""
    parts = urlsplit(url)
    above = prefixes(parts.scheme, parts.netloc, parts.path or "/")
    return ADDRESSED.filter(Q(url__in=above) | Q(url__startswith=f"{url}/")).select_related("scope")


def _server(scheme: str, host: str) -> str:
    """`https://host:8443`; empty where it is none. Raises ValueError for a port that is no number."""
    if scheme.lower() not in PORTS or "@" in host:
        return ""
    parts = urlsplit(f"//{host.lower()}")
    name = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc.removesuffix(":")
    if not HOST.fullmatch(name):
        return ""
    port = "" if parts.port in (None, PORTS[scheme.lower()]) else f":{parts.port}"
    return f"{scheme.lower()}://{name}{port}"
