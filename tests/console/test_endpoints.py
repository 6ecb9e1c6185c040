"""Endpoints and regions: kept on the Services page, and the catalogue of a token that is made of them."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Endpoint, Region, User
from console.identity.catalog import catalog_of
from policies.actions.endpoints import (
    create_endpoint,
    create_region,
    delete_endpoint,
    delete_region,
    update_endpoint,
    update_region,
)
from policies.actions.services import disable_service, update_service
from policies.actor import Actor
from policies.errors import Conflict, Denied
from policies.history import tell
from policies.models import AuditEvent
from tests.console.pages import Page
from tests.console.services import a_service, an_endpoint
from tests.factories import COMMAND, signed_in

pytestmark = pytest.mark.django_db
URL = "https://storage.example.com/v1/AUTH_%(project_id)s"


@pytest.fixture
def admin(org: SimpleNamespace) -> Client:
    return signed_in(org.administrator)


@pytest.fixture
def storage(org: SimpleNamespace) -> User:
    service = a_service("storage")
    return update_service(actor=COMMAND, service=service, service_type="object-store", description="Object storage")


def told() -> list[str]:
    return [f"{t.what} {t.target}" for t in tell(AuditEvent.objects.order_by("sequence"))]


# ---- Actions


def test_nobody_but_who_may_change_services_changes_endpoints(org: SimpleNamespace, storage: User) -> None:
    endpoint = an_endpoint(storage)
    for name in ("keeper", "viewer", "outsider"):
        actor = Actor(name, getattr(org, name))
        for attempt in (
            lambda actor=actor: create_region(actor=actor, code="SBG"),
            lambda actor=actor: update_region(actor=actor, region=endpoint.region, description="x"),
            lambda actor=actor: delete_region(actor=actor, region=endpoint.region),
            lambda actor=actor: create_endpoint(actor=actor, service=storage, region=endpoint.region, url=URL),
            lambda actor=actor: update_endpoint(actor=actor, endpoint=endpoint, url=URL),
            lambda actor=actor: delete_endpoint(actor=actor, endpoint=endpoint),
        ):
            with pytest.raises(Denied):
                attempt()
    assert Endpoint.objects.get() == endpoint
    assert Region.objects.count() == 1


def test_every_change_is_audited(storage: User) -> None:
    before = AuditEvent.objects.count()
    region = create_region(actor=COMMAND, code="GRA")
    update_region(actor=COMMAND, region=region, description="Gravelines")
    endpoint = create_endpoint(actor=COMMAND, service=storage, region=region, url=URL)
    update_endpoint(actor=COMMAND, endpoint=endpoint, url="https://other.example.com", is_enabled=False)
    update_endpoint(actor=COMMAND, endpoint=endpoint, is_enabled=False)  # as it is already
    delete_endpoint(actor=COMMAND, endpoint=endpoint)
    delete_region(actor=COMMAND, region=region)
    assert told()[before:] == [
        "added the region GRA", "changed the region GRA", "added an endpoint of storage", "changed an endpoint of storage",
        "removed an endpoint of storage", "removed the region GRA",
    ]  # fmt: skip
    change = AuditEvent.objects.get(action="service.update_endpoint")
    assert (change.before["url"], change.after["enabled"]) == (URL, False)


def test_what_is_gone_is_not_changed(storage: User) -> None:
    endpoint = an_endpoint(storage)
    delete_endpoint(actor=COMMAND, endpoint=Endpoint.objects.get())
    with pytest.raises(Conflict):
        update_endpoint(actor=COMMAND, endpoint=endpoint, url=URL)
    with pytest.raises(Conflict):
        delete_endpoint(actor=COMMAND, endpoint=endpoint)


@pytest.mark.parametrize(
    "url",
    [
        "", "storage.example.com", "ftp://storage.example.com", "https://", "https://h/%(user_id)s", "https://h/$(x)s",
        "javascript:alert(1)", "https://h/a b", "https://h:x/", "https://h:99999/", "https://me:secret@h/", "https://h/\nx",
        'https://h/"', "https://h/é", "https://[::1/",
    ],
)  # fmt: skip
def test_an_address_that_no_client_can_use_is_refused(storage: User, url: str) -> None:
    region = create_region(actor=COMMAND, code="GRA")
    with pytest.raises(ValidationError) as refused:
        create_endpoint(actor=COMMAND, service=storage, region=region, url=url)
    assert list(refused.value.message_dict) == ["url"]


@pytest.mark.parametrize("code", ["", "a b", "../x", "-x", "é", "x" * 61, "a/b", "new?"])
def test_a_region_has_a_code_that_fits_into_an_address(org: SimpleNamespace, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        create_region(actor=COMMAND, code=code)
    assert list(refused.value.message_dict) == ["code"]


def test_one_endpoint_for_each_interface_of_a_region(storage: User) -> None:
    endpoint = an_endpoint(storage)
    an_endpoint(storage, interface="internal")
    an_endpoint(storage, region="SBG")
    with pytest.raises(ValidationError):
        create_endpoint(actor=COMMAND, service=storage, region=endpoint.region, url=URL)
    with pytest.raises(ValidationError):
        create_region(actor=COMMAND, code="GRA")


@pytest.mark.parametrize("wrong", ["Object Store", "identity", "object_store", "-x", "x" * 61])
def test_a_type_is_one_that_catalogues_know(storage: User, wrong: str) -> None:
    with pytest.raises(ValidationError):
        update_service(actor=COMMAND, service=storage, service_type=wrong)


# ---- The catalogue


def test_the_catalogue_names_every_endpoint_in_use_with_the_projects_id(org: SimpleNamespace, storage: User) -> None:
    endpoint = an_endpoint(storage, url=URL)
    an_endpoint(storage, interface="internal", url="http://10.0.0.7/$(tenant_id)s")
    an_endpoint(storage, interface="admin", is_enabled=False)
    an_endpoint(a_service("without-type"))
    disable_service(actor=COMMAND, service=an_endpoint(typed("compute")).service)
    identity, found = catalog_of(org.alpha)
    assert (found["id"], found["type"], found["name"]) == (storage.uid, "object-store", "storage")
    internal, public = found["endpoints"]
    assert public == {
        "id": endpoint.uid, "interface": "public", "region_id": "GRA", "region": "GRA",
        "url": f"https://storage.example.com/v1/AUTH_{org.alpha.uid}",
    }  # fmt: skip
    assert internal["url"] == f"http://10.0.0.7/{org.alpha.uid}"
    assert identity["type"] == "identity"
    assert {e["url"] for e in identity["endpoints"]} == {"http://127.0.0.1:8000/identity/v3"}


def typed(name: str) -> User:
    return update_service(actor=COMMAND, service=a_service(name), service_type=name)


def test_without_a_project_it_names_what_needs_none(storage: User) -> None:
    an_endpoint(storage, url=URL)
    an_endpoint(storage, interface="internal")
    found = catalog_of(None)
    assert [[e["interface"] for e in entry["endpoints"]] for entry in found[1:]] == [["internal"]]


def test_roster_itself_is_in_every_region(storage: User) -> None:
    assert [e["region"] for e in catalog_of(None)[0]["endpoints"]] == [None, None, None]
    an_endpoint(storage, region="GRA")
    an_endpoint(storage, region="SBG")
    endpoints = catalog_of(None)[0]["endpoints"]
    places = {(e["region"], e["interface"]) for e in endpoints}
    assert places == {(region, i) for region in ("GRA", "SBG") for i in ("public", "internal", "admin")}
    assert len({e["id"] for e in endpoints}) == 6
    assert endpoints == catalog_of(None)[0]["endpoints"]


# ---- Pages


def test_from_a_region_to_an_endpoint_in_the_browser(admin: Client, storage: User) -> None:
    add = reverse("service_endpoint_create", args=[storage.uid])
    assert "No region yet" in Page(admin.get(add)).text
    region_page = reverse("region_create")
    assert Page(admin.get(region_page)).form("code").submit(admin, region_page, code="GRA").status_code == 302
    form = Page(admin.get(add)).form("url")
    assert form.submit(admin, add, url="nonsense").status_code == 422
    assert form.submit(admin, add, url=URL).status_code == 302
    page = Page(admin.get(reverse("service_detail", args=[storage.uid])))
    assert URL in page.text
    assert "GRA" in page.text
    endpoint = Endpoint.objects.get()
    assert Page(admin.get(region_page)).form("code").submit(admin, region_page, code="BHS").status_code == 302
    form = Page(admin.get(add)).form("url")
    assert form.fields["region"] == [""]  # of several none is taken for granted
    assert form.submit(admin, add, url=URL).status_code == 422
    edit = reverse("service_endpoint_update", args=[storage.uid, endpoint.uid])
    form = Page(admin.get(edit)).form("url")
    assert form.fields["url"] == [URL]
    form.submit(admin, edit, is_enabled=None)
    assert "Not in use" in Page(admin.get(reverse("service_detail", args=[storage.uid]))).text
    remove = reverse("service_endpoint_delete", args=[storage.uid, endpoint.uid])
    Page(admin.get(remove)).forms[-1].submit(admin, remove)
    assert not Endpoint.objects.exists()


def test_an_endpoint_is_reached_through_its_own_service_alone(admin: Client, storage: User) -> None:
    endpoint, other = an_endpoint(storage), a_service("other")
    for name in ("service_endpoint_update", "service_endpoint_delete"):
        for uid, expected in ((endpoint.uid, 404), ("0" * 32, 404)):
            assert admin.get(reverse(name, args=[other.uid, uid])).status_code == expected


def test_a_region_goes_only_when_it_is_empty(admin: Client, storage: User) -> None:
    endpoint = an_endpoint(storage)
    remove = reverse("region_delete", args=["GRA"])
    page = Page(admin.get(remove))
    assert "1 endpoint stands in it" in page.text
    assert admin.post(remove).status_code == 409
    delete_endpoint(actor=COMMAND, endpoint=endpoint)
    assert admin.post(remove).status_code == 302
    assert not Region.objects.exists()
    assert "No region yet" in Page(admin.get(reverse("region_index"))).text


def test_endpoints_without_a_type_are_told_to_be_of_no_use(admin: Client) -> None:
    endpoint = an_endpoint(a_service("untyped"))
    page = admin.get(reverse("service_detail", args=[endpoint.service.uid]))
    assert "No type, no catalogue" in Page(page).text
