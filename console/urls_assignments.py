"""Addresses of role assignments."""

from django.urls import path

from console.views import assignments, giving

assignment = "assignments/<slug:assignment>"

urlpatterns = [
    path("assignments/", assignments.assignment_index, name="assignment_index"),
    path("assignments/export/", assignments.assignment_export, name="assignment_export"),
    path("assignments/new/", giving.assignment_create, name="assignment_create"),
    path(f"{assignment}/edit/", assignments.assignment_update, name="assignment_update"),
    path(f"{assignment}/delete/", assignments.assignment_delete, name="assignment_delete"),
]
