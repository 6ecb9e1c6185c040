"""Identity v3: services, endpoints and regions as clients list and keep them, and the catalogue of one's token."""

from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Endpoint, Region, User
from policies.actions.services import update_service
from policies.models import AuditEvent
from tests.console.identity import Caller
from tests.console.services import a_service, an_endpoint
from tests.factories import COMMAND, a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(org: SimpleNamespace) -> Caller:
    return Caller(org.administrator)


@pytest.fixture
def plain(org: SimpleNamespace) -> Caller:
    return Caller(org.alpha_user, org.alpha)


def test_a_service_with_an_endpoint_in_a_new_region(org: SimpleNamespace, admin: Caller) -> None:
    """As `openstack service create` and `openstack endpoint create` send it."""
    given = {"type": "object-store", "name": "swift", "description": "Object storage", "enabled": True}
    service = admin.ask("POST", "/services", {"service": given}, 201)["service"]
    own = f"http://127.0.0.1:8000/identity/v3/services/{service['id']}"
    assert service == {**given, "id": service["id"], "links": {"self": own}}
    url = "http://swift:8080/v1/AUTH_%(tenant_id)s"
    body = {"service_id": service["id"], "interface": "public", "url": url, "region": "RegionOne", "enabled": True}
    endpoint = admin.ask("POST", "/endpoints", {"endpoint": body}, 201)["endpoint"]
    assert (endpoint["url"], endpoint["region"], endpoint["region_id"]) == (url, "RegionOne", "RegionOne")
    assert admin.get("/regions/RegionOne")["region"]["parent_region_id"] is None
    assert [r["type"] for r in admin.get("/services")["services"] if r["type"] != "identity"] == ["object-store"]
    assert len(admin.get("/endpoints")["endpoints"]) == 4  # Roster's own three
    assert [e["id"] for e in admin.get(f"/endpoints?service_id={service['id']}")["endpoints"]] == [endpoint["id"]]
    assert admin.get("/services?type=object-store")["services"] == [service]
    assert admin.get("/services?name=nobody")["services"] == []
    catalog = Caller(org.alpha_user, org.alpha).get("/auth/catalog")["catalog"]
    assert [entry["type"] for entry in catalog] == ["identity", "object-store"]
    assert catalog[1]["endpoints"][0]["url"] == f"http://swift:8080/v1/AUTH_{org.alpha.uid}"
    done = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))[-3:]
    assert done == ["service.create", "region.create", "service.create_endpoint"]


def test_names_are_looked_up_as_ids_first(admin: Caller) -> None:
    an_endpoint(update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store"))
    for path in ("/services/storage", "/endpoints/x", "/regions/nowhere", "/services/a%00b", "/regions/a%00b"):
        assert admin.get(path, 404)["error"]["code"] == 404


def test_what_exists_is_not_made_again(admin: Caller) -> None:
    for status in (201, 409):
        admin.ask("POST", "/services", {"service": {"type": "dns"}}, status)
        admin.ask("POST", "/regions", {"region": {"id": "GRA", "description": "Gravelines"}}, status)
    admin.ask("PUT", "/regions/GRA", {"region": {}}, 409)
    admin.ask("PUT", "/regions/SBG", {"region": {}}, 201)
    service = admin.get("/services?name=dns")["services"][0]["id"]
    endpoint = {"service_id": service, "interface": "public", "url": "http://dns", "region_id": "GRA"}
    admin.ask("POST", "/endpoints", {"endpoint": endpoint}, 201)
    admin.ask("POST", "/endpoints", {"endpoint": endpoint}, 400)


def test_changed_and_removed(admin: Caller) -> None:
    endpoint = an_endpoint(update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store"))
    service = f"/services/{endpoint.service.uid}"
    admin.ask("PATCH", service, {"service": {"description": "Files"}})
    said = admin.ask("PATCH", service, {"service": {"enabled": False}})["service"]
    assert (said["description"], said["enabled"], said["type"]) == ("Files", False, "object-store")
    assert admin.ask("PATCH", service, {"service": {"enabled": True}})["service"]["enabled"] is True
    path = f"/endpoints/{endpoint.uid}"
    said = admin.ask("PATCH", path, {"endpoint": {"url": "https://new.example.com", "enabled": False}})["endpoint"]
    assert (said["url"], said["enabled"], said["interface"]) == ("https://new.example.com", False, "public")
    admin.ask("PATCH", "/regions/GRA", {"region": {"description": "Gravelines"}})
    assert admin.get("/regions")["regions"][0]["description"] == "Gravelines"
    admin.ask("DELETE", "/regions/GRA", status=400)
    admin.ask("DELETE", path, status=204)
    admin.ask("DELETE", "/regions/GRA", status=204)
    admin.ask("DELETE", service, status=204)
    assert not Endpoint.objects.exists()
    assert not User.objects.filter(username="storage").exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/services", {"service": {"name": "x"}}),
        ("/services", {"service": {"type": "x", "enabled": "FALSE"}}),
        ("/services", {"service": {"type": "x", "is_superuser": True}}),
        ("/services", {"service": {"type": "identity"}}),
        ("/services", {"service": ["x"]}),
        ("/services", {"type": "x"}),
        ("/regions", {"region": {"id": "a/b"}}),
        ("/regions", {"region": {"id": "GRA", "parent_region_id": "FR"}}),
    ],
)  # fmt: skip
def test_what_is_wrongly_put_changes_nothing(admin: Caller, path: str, body: Any) -> None:
    admin.ask("POST", path, body, 400)
    assert not User.objects.services().exists()
    assert not Region.objects.exists()


def test_roster_itself_stays_as_it_is(admin: Caller) -> None:
    own = next(s for s in admin.get("/services")["services"] if s["type"] == "identity")
    assert admin.get(f"/services/{own['id']}")["service"] == own
    endpoint = admin.get(f"/endpoints?service_id={own['id']}")["endpoints"][0]
    assert admin.get(f"/endpoints/{endpoint['id']}")["endpoint"] == endpoint
    for path in (f"/services/{own['id']}", f"/endpoints/{endpoint['id']}"):
        admin.ask("DELETE", path, status=403)
        admin.ask("PATCH", path, {"service": {"enabled": False}}, 403)
    body = {"service_id": own["id"], "interface": "public", "url": "http://evil", "region": "GRA"}
    admin.ask("POST", "/endpoints", {"endpoint": body}, 403)


def test_others_see_their_catalogue_and_the_regions_alone(plain: Caller) -> None:
    service = update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store")
    endpoint = an_endpoint(service)
    for path in ("/services", "/endpoints"):
        plain.get(path, 403)
    for path in (f"/services/{service.uid}", f"/endpoints/{endpoint.uid}"):
        plain.get(path, 404)
        plain.ask("DELETE", path, status=404)
    assert [r["id"] for r in plain.get("/regions")["regions"]] == ["GRA"]
    assert plain.get("/auth/catalog")["catalog"][1]["type"] == "object-store"
    for method, path, body in (
        ("POST", "/services", {"service": {"type": "x"}}),
        ("POST", "/regions", {"region": {"id": "X"}}),
        ("PUT", "/regions/X", {"region": {}}),
        ("PATCH", "/regions/GRA", {"region": {"description": "mine"}}),
        ("DELETE", "/regions/GRA", None),
    ):
        plain.ask(method, path, body, 403)
    assert AuditEvent.objects.filter(outcome="refused").count() == 5


def test_only_the_roles_of_an_administrator_open_it(org: SimpleNamespace) -> None:
    """A token's project changes nothing about the rights in the console."""
    Caller(a_person("boss", "roster:administrator"), org.alpha).get("/services")
