"""What the clients find: a project `demo` with its user alice, object storage in a region, the service `swift`."""

from dataclasses import dataclass, field

from tests.servers import Server

# Run beside the server, on its data.
MAKE = """
import json
from datetime import timedelta
from django.utils import timezone
from accounts.models import Scope, User
from policies.actions.assignments import give_role
from policies.actions.endpoints import create_endpoint, create_region
from policies.actions.scopes import create_scope
from policies.actions.services import create_token, register_service, update_service
from policies.actions.users import add_project_user, generate_password
from policies.actor import Actor
from policies.models import Role

me = Actor("tests")
demo, other = (create_scope(actor=me, kind="project", name=name) for name in ("demo", "other"))
operator = Role.objects.get(code="objectstore_operator")
alice, alice_password = add_project_user(
    actor=me, project=demo, description="Uploads", username="alice", roles=[operator])
admin = User.objects.get(username="admin")
admin_password = generate_password(actor=me, user=admin)
User.objects.filter(pk=admin.pk).update(password_is_temporary=False)
swift = register_service(actor=me, username="swift", description="Object storage")
update_service(actor=me, service=swift, service_type="object-store")
give_role(actor=me, role=Role.objects.get(code="token_validator"), subject=swift, scope=Scope.objects.root())
_, swift_token = create_token(
    actor=me, service=swift, name="tests", expires_at=timezone.now() + timedelta(days=30))
region = create_region(actor=me, code="RegionOne")
for interface in ("public", "internal"):
    create_endpoint(actor=me, service=swift, region=region, interface=interface,
                    url="{storage}/v1/AUTH_%(project_id)s")
print(json.dumps(dict(project=demo.uid, user=alice.uid, passwords=dict(
    admin=admin_password, alice=alice_password, swift=swift_token))))
"""


@dataclass
class Demo:
    """The installation and its secrets."""

    server: Server
    storage: str  # where the project's storage is reached
    project: str
    user: str
    passwords: dict[str, str] = field(repr=False)

    @property
    def auth_url(self) -> str:
        """Without a version: clients find out."""
        return f"{self.server.url}/identity"

    def variables(self, who: str, project: str | None = "demo") -> dict[str, str]:
        """What openrc.sh sets, for programs that sign in as somebody."""
        found = {
            "OS_AUTH_URL": self.auth_url,
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": who,
            "OS_PASSWORD": self.passwords[who],
            "OS_USER_DOMAIN_ID": "default",
            "OS_REGION_NAME": "RegionOne",
        }
        return found | ({"OS_PROJECT_NAME": project, "OS_PROJECT_DOMAIN_ID": "default"} if project else {})
