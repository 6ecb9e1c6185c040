"""S3 keys: what their secret is, and whether something was signed with it. The secret is computed, and stored nowhere.

    signed_text(access, text, signature)      S3: the service sends the text that was signed (signature versions 2 and 4)
    signed_request(access, request)           EC2: the service describes the request, and the text is put together here

A signature is checked in a time that does not depend on it. While ROSTER_SECRET_KEY is replaced, keys made under the old
one go on working as long as it stands among the fallbacks.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "policies.ec2"
V4 = "AWS4-HMAC-SHA256"
SIGNED_AHEAD = timedelta(days=7)  # links that are signed for later live no longer; a service counts their own end
CLOCKS_DIFFER = timedelta(minutes=15)


def secret_of(access: str) -> str:
    """The secret key: 128 bits, as 32 hexadecimal characters."""
    return next(_secrets(access))


def _secrets(access: str) -> Iterator[str]:
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac(SALT, access, secret=key, algorithm="sha256").hexdigest()[:32]


def signed_text(access: str, text: bytes, signature: str) -> bool:
    """Whether the signature of a text was made with the keys. Of version 4, the time in the text counts as well."""
    if text.startswith(b"AWS4"):
        scope = _scope(text)
        return scope is not None and any(_same(_v4(secret, text, scope), signature) for secret in _secrets(access))
    return any(_same(_v2_of_s3(secret, text), signature) for secret in _secrets(access))


def signed_request(access: str, request: Mapping[str, Any]) -> bool:
    """Whether a request was signed with the keys, in the last minutes: {host, verb, path, params, headers, body_hash,
    signature}, as services send it that speak the protocol of EC2. Signature versions 2 and 4; whatever is missing or of
    another kind makes no signature."""
    try:
        found = _Described(request)
        if not found.is_fresh:
            return False
        if found.version == "2":
            return any(_same(found.v2(secret), found.signature) for secret in _secrets(access))
        text = found.text()
        scope = _scope(text)
        return scope is not None and any(_same(_v4(s, text, scope), found.signature) for s in _secrets(access))
    except (KeyError, ValueError, TypeError, AttributeError):
        return False


def _same(right: str, shown: str) -> bool:
    return hmac.compare_digest(right.encode(), shown.encode(errors="replace"))


def _v2_of_s3(secret: str, text: bytes) -> str:
    return b64encode(hmac.new(secret.encode(), text, hashlib.sha1).digest()).decode()


def _scope(text: bytes) -> list[str] | None:
    """[date, region, service, "aws4_request"] of a text that version 4 signs; None where it is none, or of another time."""
    lines = text.decode(errors="replace").split("\n")
    if len(lines) != 4 or lines[0] != V4:
        return None
    scope = lines[2].split("/")
    try:
        at = datetime.strptime(lines[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    if len(scope) != 4 or scope[0] != lines[1][:8] or scope[3] != "aws4_request":
        return None
    return scope if -CLOCKS_DIFFER <= datetime.now(UTC) - at <= SIGNED_AHEAD + CLOCKS_DIFFER else None


def _v4(secret: str, text: bytes, scope: list[str]) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text, hashlib.sha256).hexdigest()


class _Described:
    """A request of EC2 as a service tells it. Raises what signed_request() takes for no signature."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.verb, self.host, self.path = (str(request[name]) for name in ("verb", "host", "path"))
        self.params = {str(name): str(value) for name, value in request.get("params", {}).items()}
        self.headers = {str(name).lower(): str(value).strip() for name, value in request.get("headers", {}).items()}
        self.body_hash, self.signature = str(request.get("body_hash") or ""), str(request["signature"])
        self.version = self.params.get("SignatureVersion", "4")
        if self.version not in ("2", "4"):
            raise ValueError(self.version)
        self.given = dict(
            part.strip().partition("=")[::2]
            for part in self.headers.get("authorization", "").removeprefix(V4).split(",")
        )

    @property
    def is_fresh(self) -> bool:
        at = datetime.fromisoformat(self.params["Timestamp"]) if self.version == "2" else self.time
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return abs(datetime.now(UTC) - at) <= CLOCKS_DIFFER

    @property
    def time(self) -> datetime:
        return datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def stamp(self) -> str:
        return self.params.get("X-Amz-Date") or self.headers["x-amz-date"]

    def v2(self, secret: str) -> str:
        query = "&".join(f"{_quoted(n)}={_quoted(v)}" for n, v in sorted(self.params.items()) if n != "Signature")
        text = f"{self.verb}\n{self.host.lower()}\n{self.path}\n{query}".encode()
        method = {"HmacSHA256": hashlib.sha256, "HmacSHA1": hashlib.sha1}[self.params["SignatureMethod"]]
        return b64encode(hmac.new(secret.encode(), text, method).digest()).decode()

    def text(self) -> bytes:
        """What version 4 signs."""
        credential = self.params.get("X-Amz-Credential") or self.given["Credential"]
        names = (self.params.get("X-Amz-SignedHeaders") or self.given["SignedHeaders"]).split(";")
        query = {} if self.verb == "POST" else self.params
        lines = [
            self.verb,
            self.path,
            "&".join(f"{_quoted(n)}={_quoted(v)}" for n, v in sorted(query.items()) if n != "X-Amz-Signature"),
            *(f"{name}:{self.headers[name]}" for name in names),
            "",
            ";".join(names),
            self.body_hash,
        ]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return "\n".join((V4, self.stamp, credential.partition("/")[2], digest)).encode()


def _quoted(value: str) -> str:
    return quote(value, safe="-_.~")
