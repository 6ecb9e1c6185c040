"""Endpoints of services and the regions in which they stand: what the catalogue of a token is made of."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import Endpoint, Region, User
from console.forms.endpoints import EndpointForm, RegionForm
from console.lists import render_list, sorted_page
from console.protection import PageRequest, requires
from console.views.project_users import add_errors
from console.views.services import crumbs
from policies.actions import endpoints as actions

REGION_SORTS = {"code": ("code",), "-code": ("-code",)}


@requires("update", "service")
def service_endpoint_create(request: PageRequest, service: User) -> HttpResponse:
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.create_endpoint(actor=request.actor, service=service, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, "Endpoint added")
            return redirect("service_detail", service.uid)
    return endpoint_page(request, service, form, "Add endpoint")


@requires("update", "service")
def service_endpoint_update(request: PageRequest, service: User, endpoint: str) -> HttpResponse:
    found = endpoint_of(service, endpoint)
    form = EndpointForm(request.POST if request.method == "POST" else None, endpoint=found)
    if form.is_valid():
        try:
            actions.update_endpoint(actor=request.actor, endpoint=found, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, "Endpoint saved")
            return redirect("service_detail", service.uid)
    return endpoint_page(request, service, form, "Edit endpoint", found)


def endpoint_page(
    request: PageRequest, service: User, form: EndpointForm, title: str, endpoint: Endpoint | None = None
) -> HttpResponse:
    context = {
        "service": service, "crumbs": crumbs(title, service), "form": form, "title": title, "endpoint": endpoint,
        "has_region": Region.objects.exists(),
    }  # fmt: skip
    return render(request, "console/endpoints/form.html", context, status=422 if form.is_bound else 200)


@requires("update", "service")
def service_endpoint_delete(request: PageRequest, service: User, endpoint: str) -> HttpResponse:
    found = endpoint_of(service, endpoint)
    if request.method == "POST":
        actions.delete_endpoint(actor=request.actor, endpoint=found)
        messages.success(request, "Endpoint removed")
        return redirect("service_detail", service.uid)
    context = {"service": service, "crumbs": crumbs("Remove an endpoint", service), "endpoint": found}
    return render(request, "console/endpoints/confirm_delete.html", context)


def endpoint_of(service: User, uid: str) -> Endpoint:
    """An endpoint of the service. Raises Http404."""
    found = service.endpoints.select_related("region").filter(uid=uid).first() if uid.isalnum() else None
    if found is None:
        raise Http404
    return found


@requires("read", "service")
def region_index(request: PageRequest) -> HttpResponse:
    rows = Region.objects.annotate(endpoint_count=Count("endpoints"))
    page, sort = sorted_page(request, rows, REGION_SORTS, "code")
    may = {name: request.actor.may(name, actions.REGIONS) for name in ("create", "update", "delete")}
    context = {"crumbs": way("Regions"), "page": page, "sort": sort, "may": may}
    return render_list(request, "regions", context)


@requires("create", "service")
def region_create(request: PageRequest) -> HttpResponse:
    form = RegionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            region = actions.create_region(actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"Region {region} added")
            return redirect("region_index")
    return region_page(request, form)


@requires("update", "service")
def region_update(request: PageRequest, region: str) -> HttpResponse:
    found = region_called(region)
    form = RegionForm(request.POST if request.method == "POST" else None, region=found)
    if form.is_valid():
        try:
            actions.update_region(actor=request.actor, region=found, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"Region {found} saved")
            return redirect("region_index")
    return region_page(request, form, found)


def region_page(request: PageRequest, form: RegionForm, region: Region | None = None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "region": region}
    context["crumbs"] = way("Edit region" if region else "Add region", below=True)
    return render(request, "console/regions/form.html", context, status=422 if form.is_bound else 200)


@requires("delete", "service")
def region_delete(request: PageRequest, region: str) -> HttpResponse:
    found, refused = region_called(region), ""
    if request.method == "POST":
        try:
            actions.delete_region(actor=request.actor, region=found)
        except ValidationError as error:
            refused = " ".join(error.messages)
        else:
            messages.success(request, f"Region {found} removed")
            return redirect("region_index")
    count = found.endpoints.count()
    context = {"region": found, "crumbs": way("Remove region", below=True), "count": count, "refused": refused}
    return render(request, "console/regions/confirm_delete.html", context, status=409 if refused else 200)


def region_called(code: str) -> Region:
    """Raises Http404."""
    found = Region.objects.filter(code=code).first() if code.isprintable() else None
    if found is None:
        raise Http404
    return found


def way(page: str, below: bool = False) -> list[tuple[str, str]]:
    """Services / Regions / page."""
    between = [("Regions", reverse("region_index"))] if below else []
    return [("Services", reverse("service_index")), *between, (page, "")]
