"""Files with which programs sign in as a project user: what OpenStack's clients, rclone and containers read.

The password stands in them only where it is given: on the one-time page. Nothing that people write freely (names,
descriptions) gets into a file; what does is quoted by the rules of the file's own format all the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import yaml

from accounts.models import User
from console.identity.catalog import catalog_of, identity_url

DOMAIN = "Default"
# What a shell may have from elsewhere, and clients would take for this user's.
OTHERS = (
    "OS_TOKEN OS_AUTH_TYPE OS_CLOUD OS_TENANT_ID OS_TENANT_NAME OS_DOMAIN_ID OS_DOMAIN_NAME OS_USER_ID OS_SYSTEM_SCOPE "
    "OS_APPLICATION_CREDENTIAL_ID OS_APPLICATION_CREDENTIAL_SECRET OS_APPLICATION_CREDENTIAL_NAME"
)
S3_TYPE, SWIFT_TYPE = "s3", "object-store"


@dataclass(frozen=True)
class SignIn:
    """Everything that a program needs to sign in; password and region may be empty."""

    auth_url: str
    username: str
    project_id: str
    project_name: str
    region: str = ""
    password: str = ""
    s3_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables of OpenStack's clients."""
        found = {
            "OS_AUTH_URL": self.auth_url,
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": self.username,
            "OS_USER_DOMAIN_NAME": DOMAIN,
            "OS_PROJECT_ID": self.project_id,
            "OS_PROJECT_NAME": self.project_name,
            "OS_PROJECT_DOMAIN_NAME": DOMAIN,
            "OS_REGION_NAME": self.region,
            "OS_PASSWORD": self.password,
        }
        return {name: value for name, value in found.items() if value}


def sign_in_of(user: User, *, region: str = "", password: str = "") -> SignIn:
    """How a project user signs in. `region`: the code of one; empty for whichever comes first."""
    assert user.project is not None
    return SignIn(
        auth_url=identity_url(),
        username=user.username,
        project_id=user.project.uid,
        project_name=user.project.slug,
        region=region,
        password=password,
        s3_url=_s3_url(user, region),
    )


def openrc(to: SignIn) -> str:
    """For `. openrc.sh` in a shell; asks for the password where it is not in the file."""
    lines = [f"# Signs in as {to.username}. Use it in a shell:  . openrc.sh", f"unset {OTHERS} OS_REGION_NAME"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in to.environment.items()]
    return "\n".join(lines) + "\n" + ("" if to.password else ASK)


ASK = """\
printf 'Password of %s: ' "$OS_USERNAME" >&2
if [ -t 0 ]; then stty -echo; fi
IFS= read -r OS_PASSWORD
if [ -t 0 ]; then stty echo; printf '\\n' >&2; fi
export OS_PASSWORD
"""


def clouds(to: SignIn) -> str:
    """For `openstack --os-cloud PROJECT`; without a password, OS_PASSWORD is asked for or taken from the environment."""
    auth = {
        "auth_url": to.auth_url,
        "username": to.username,
        "user_domain_name": DOMAIN,
        "project_id": to.project_id,
        **({"password": to.password} if to.password else {}),
    }
    region = {"region_name": to.region} if to.region else {}
    cloud = {"auth_type": "password", "auth": auth, **region, "identity_api_version": "3"}
    return yaml.safe_dump({"clouds": {to.project_name: cloud}}, sort_keys=False)


def rclone(to: SignIn) -> str:
    """Two remotes: the project's object storage as Swift, and as S3, whose keys are made by `openstack ec2`."""
    swift = {
        "type": "swift",
        "auth_version": "3",
        "auth": to.auth_url,
        "user": to.username,
        "domain": DOMAIN,
        "tenant": to.project_name,
        "tenant_id": to.project_id,
        "tenant_domain": DOMAIN,
        "region": to.region,
        "key": to.password,
    }
    lines = _remote(to.project_name, swift)
    if not to.password:
        lines.append(f"# rclone config update {to.project_name} key PASSWORD")
    if to.s3_url:
        s3 = {"type": "s3", "provider": "Other", "env_auth": "true", "endpoint": to.s3_url, "region": to.region}
        lines += ["", "# Keys: openstack ec2 credentials create; then set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."]
        lines += _remote(f"{to.project_name}-s3", s3)
    return "\n".join(lines) + "\n"


def _remote(name: str, settings: dict[str, str]) -> list[str]:
    return [f"[{name}]", *(f"{key} = {value}" for key, value in settings.items() if value)]


def dotenv(to: SignIn) -> str:
    """For containers and programs that read their environment from a file."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in to.environment.items())


@dataclass(frozen=True)
class CredentialFile:
    name: str
    purpose: str
    text: Callable[[SignIn], str]


FILES = {
    file.name: file
    for file in (
        CredentialFile("openrc.sh", "For a shell: OpenStack’s own commands and swift", openrc),
        CredentialFile("clouds.yaml", "For OpenStack’s commands, SDK, Terraform and Ansible", clouds),
        CredentialFile("rclone.conf", "For rclone: object storage by Swift and by S3", rclone),
        CredentialFile(".env", "For containers and other programs that read their environment from a file", dotenv),
    )
}


def _s3_url(user: User, region: str) -> str:
    """Where S3 is spoken: the endpoint of a service of that type, else the server of the object storage; else empty."""
    found = {
        entry["type"]: endpoint["url"]
        for entry in reversed(catalog_of(user.project))
        for endpoint in reversed(entry["endpoints"])
        if endpoint["interface"] == "public" and region in ("", endpoint["region"])
    }
    if SWIFT_TYPE in found and S3_TYPE not in found:
        server = urlsplit(found[SWIFT_TYPE])
        return f"{server.scheme}://{server.netloc}"
    return found.get(S3_TYPE, "")
