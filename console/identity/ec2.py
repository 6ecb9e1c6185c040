"""S3 keys of a user (EC2 credentials), and what services ask about requests that were signed with them."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from accounts.models import Project, User
from console.api.bearer import json_body
from console.identity.application_credentials import owner_of
from console.identity.auth import SUBJECT, token_told
from console.identity.errors import IdentityError, not_found, unauthorized
from console.identity.protocol import Answer, IdentityRequest, identity, json_response, link, listing
from console.identity.reading import possible
from policies import access, tokens
from policies.actions.credentials import create_ec2_credential, delete_ec2_credential
from policies.ec2 import secret_of, signed_request, signed_text
from policies.errors import Denied
from policies.last_used import touch
from policies.models import EC2Credential
from policies.protected import At
from policies.tokens import effective_roles

LONGEST = 64 * 1024  # characters of a text that was signed
STANDARD = str.maketrans("-_", "+/")  # services send it in the alphabet for URLs


@identity("GET", "POST", restricted=("GET",))
def ec2_credential_index(request: IdentityRequest, user: str) -> Answer:
    owner = owner_of(request, user)
    if request.method == "POST":
        return _create(request, owner)
    rows = owner.ec2_credentials.select_related("user", "project")
    return listing(request, "credentials", rows, lambda found: [_told(request, each) for each in found], key="access")


@identity("GET", "DELETE", restricted=("GET",))
def ec2_credential_detail(request: IdentityRequest, user: str, access_key: str) -> Answer:
    owner = owner_of(request, user)
    rows = owner.ec2_credentials.select_related("user", "project")
    found = rows.filter(access=access_key).first() if possible(access_key) else None
    if found is None:
        raise not_found("credential", access_key)
    if request.method == "DELETE":
        delete_ec2_credential(actor=request.actor, credential=found, token=request.token)
        return None
    return {"credential": _told(request, found)}


@identity("GET", restricted=("GET",))
def credential_index(request: IdentityRequest) -> Answer:
    """The same keys, as the general list of credentials shows them. Nothing is made, changed or re-owned here."""
    rows = request.user.ec2_credentials.select_related("user", "project")
    return listing(
        request, "credentials", rows, lambda found: [_as_blob(request, each) for each in found], key="access"
    )


@identity("GET", restricted=("GET",))
def credential_detail(request: IdentityRequest, credential: str) -> Answer:
    for found in request.user.ec2_credentials.select_related("user", "project"):
        if _blob_id(found) == credential:
            return {"credential": _as_blob(request, found)}
    raise not_found("credential", credential)


def _create(request: IdentityRequest, owner: User) -> Answer:
    if owner != request.user:
        raise IdentityError(403, "S3 keys are made by their own users.")
    given = json_body(request)
    if unknown := given.keys() - {"tenant_id", "user_id", "trust_id"}:
        raise IdentityError(400, f"{min(unknown)[:100]}: this cannot be set here.")
    if given.get("user_id") not in (None, owner.uid) or given.get("trust_id") is not None:
        raise IdentityError(400, "user_id, trust_id: these cannot be set here.")
    credential, _ = create_ec2_credential(
        actor=request.actor, token=request.token, project=_project(request, given.get("tenant_id"))
    )
    return 201, {"credential": _told(request, credential)}


def _project(request: IdentityRequest, uid: Any) -> Project:
    """A project where the user holds a role; the token's where none is named. Raises what is answered 400 or 404."""
    if uid is None and request.token.project:
        return request.token.project
    if not isinstance(uid, str):
        raise IdentityError(400, "tenant_id: expected the id of a project.")
    found = Project.objects.filter(uid=uid).first() if possible(uid) else None
    if found is None or not effective_roles(request.user, found):
        raise not_found("project", uid)
    return found


def _shown_secret(request: IdentityRequest, credential: EC2Credential) -> str | None:
    """Who signed in themselves sees it again; with an application credential, or by keys, it would open more than they do."""
    by_themselves = credential.user == request.user and not request.token.is_bound
    return secret_of(credential.access) if by_themselves else None


def _told(request: IdentityRequest, credential: EC2Credential) -> dict[str, Any]:
    return {
        "access": credential.access,
        "secret": _shown_secret(request, credential),
        "user_id": credential.user.uid,
        "tenant_id": credential.project.uid,
        "trust_id": None,
        "links": {"self": link(f"/users/{credential.user.uid}/credentials/OS-EC2/{credential.access}")},
    }


def _blob_id(credential: EC2Credential) -> str:
    return hashlib.sha256(credential.access.encode()).hexdigest()


def _as_blob(request: IdentityRequest, credential: EC2Credential) -> dict[str, Any]:
    blob = {"access": credential.access, "secret": _shown_secret(request, credential), "trust_id": None}
    return {
        "id": _blob_id(credential),
        "type": "ec2",
        "blob": json.dumps(blob),
        "user_id": credential.user.uid,
        "project_id": credential.project.uid,
        "links": {"self": link(f"/credentials/{_blob_id(credential)}")},
    }


@identity("POST")
def s3_tokens(request: IdentityRequest) -> Answer:
    """Who signed a request to an S3 service, in which project, with which roles. What is answered is no token to go on with."""
    given = _signed(request)
    text, signature = given.get("token"), given.get("signature")
    if not (isinstance(text, str) and isinstance(signature, str) and len(text) <= LONGEST):
        raise IdentityError(400, "credentials: expected access, token and signature.")
    try:
        signed = b64decode(text.translate(STANDARD), validate=True)
    except ValueError:
        raise unauthorized() from None
    keys = _signer(request, given, lambda key: signed_text(key, signed, signature))
    return {"token": token_told(tokens.read(_token_by(keys)))}


@identity("POST")
def ec2_tokens(request: IdentityRequest) -> HttpResponse:
    """A token for whoever signed a request to an EC2 service."""
    given = _signed(request)
    text = _token_by(_signer(request, given, lambda key: signed_request(key, given)))
    response = json_response({"token": token_told(tokens.read(text))})
    response[SUBJECT] = text
    return response


def _signed(request: IdentityRequest) -> dict[str, Any]:
    """What was signed, by the names that services give it. For those only who may validate tokens. Raises Denied."""
    if not access.may_some(request.user, "validate", "identity_token"):
        raise Denied("validate", At("identity_token"))
    whole = json_body(request)
    given = whole.get("credentials", whole.get("ec2Credentials"))
    if not isinstance(given, dict) or not isinstance(given.get("access"), str):
        raise IdentityError(400, "credentials: expected an object with access.")
    return given


def _signer(request: IdentityRequest, given: dict[str, Any], is_signed: Callable[[str], bool]) -> EC2Credential:
    """The keys that something was signed with. Whatever is wrong, the answer is the same 401."""
    rows = EC2Credential.objects.select_related("user", "project").filter(user__is_active=True)
    keys = rows.filter(access=given["access"]).first() if possible(given["access"]) else None
    if keys is None or not request.actor.may("validate", At("identity_token", keys.project)):
        raise unauthorized()
    if not is_signed(keys.access):
        raise unauthorized()
    touch(keys, keys.user_id)
    return keys


def _token_by(keys: EC2Credential) -> str:
    return tokens.issue(keys.user, keys.project, ("ec2credential",), credential=keys)
