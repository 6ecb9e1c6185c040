"""Who may do what, and why."""

from django.urls import path

from console.views import access

urlpatterns = [
    path("access/check/", access.access_check, name="access_check"),
    path("access/who/", access.who_can, name="who_can"),
    path("access/who/export/", access.who_can_export, name="who_can_export"),
    path("access/what/", access.what_can, name="what_can"),
    path("access/what/export/", access.what_can_export, name="what_can_export"),
    path("access/how/", access.decision_help, name="decision_help"),
]
