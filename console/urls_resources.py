"""Resources: their pages, and what services send about them."""

from django.urls import path

from console.api import resources as api
from console.views import resources as views

resource = "resources/<slug:resource>"

urlpatterns = [
    path("resources/", views.resource_index, name="resource_index"),
    path("resources/export/", views.resource_export, name="resource_export"),
    path(f"{resource}/", views.resource_detail, name="resource_detail"),
    path(f"{resource}/edit/", views.resource_update, name="resource_update"),
    path(f"{resource}/retire/", views.resource_delete, name="resource_delete"),
    path(f"{resource}/share/", views.resource_share_create, name="resource_share_create"),
    path(f"{resource}/share/search/", views.resource_share_search, name="resource_share_search"),
    path(
        f"{resource}/share/<slug:holder>/<slug:action>/delete/",
        views.resource_share_delete,
        name="resource_share_delete",
    ),
    path("api/v1/resources/", api.api_resource_index, name="api_resource_index"),
    path("api/v1/resources/<str:resource>/", api.api_resource_detail, name="api_resource_detail"),
]
