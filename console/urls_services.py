"""Services: the pages about them, and what they ask."""

from django.urls import path

from console.api import authzen
from console.api.forward import forward
from console.views import endpoints, services

service = "services/<slug:service>"
region = "services/regions/<str:region>"
endpoint = f"{service}/endpoints"

urlpatterns = [
    path(".well-known/authzen-configuration", authzen.configuration, name="authzen_configuration"),
    path("access/v1/evaluation", authzen.evaluation, name="authzen_evaluation"),
    path("access/v1/evaluations", authzen.evaluations, name="authzen_evaluations"),
    path("access/v1/search/subject", authzen.search_subject, name="authzen_search_subject"),
    path("access/v1/search/resource", authzen.search_resource, name="authzen_search_resource"),
    path("access/v1/search/action", authzen.search_action, name="authzen_search_action"),
    path("auth/forward", forward, name="forward_auth"),
    path("services/", services.service_index, name="service_index"),
    path("services/new/", services.service_create, name="service_create"),
    path("services/regions/", endpoints.region_index, name="region_index"),
    path("services/regions/new/", endpoints.region_create, name="region_create"),
    path(f"{region}/edit/", endpoints.region_update, name="region_update"),
    path(f"{region}/delete/", endpoints.region_delete, name="region_delete"),
    path(f"{service}/", services.service_detail, name="service_detail"),
    path(f"{service}/edit/", services.service_update, name="service_update"),
    path(f"{service}/disable/", services.service_disable, name="service_disable"),
    path(f"{service}/enable/", services.service_enable, name="service_enable"),
    path(f"{service}/delete/", services.service_delete, name="service_delete"),
    path(f"{endpoint}/new/", endpoints.service_endpoint_create, name="service_endpoint_create"),
    path(f"{endpoint}/<slug:endpoint>/edit/", endpoints.service_endpoint_update, name="service_endpoint_update"),
    path(f"{endpoint}/<slug:endpoint>/delete/", endpoints.service_endpoint_delete, name="service_endpoint_delete"),
    path(f"{service}/tokens/new/", services.service_token_create, name="service_token_create"),
    path(f"{service}/tokens/<slug:token>/delete/", services.service_token_delete, name="service_token_delete"),
]
