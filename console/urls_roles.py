"""Roles and their catalogues."""

from django.urls import path

from console.views import roles

urlpatterns = [
    path("roles/", roles.role_index, name="role_index"),
    path("roles/compare/", roles.role_compare, name="role_compare"),
    path("roles/catalogues/<slug:catalogue>/", roles.catalogue_detail, name="catalogue_detail"),
    path("roles/<slug:role>/", roles.role_detail, name="role_detail"),  # last: an id could be any word
]
