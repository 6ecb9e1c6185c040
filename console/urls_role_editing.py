from django.urls import path

from console.views import catalogues, role_editing

urlpatterns = [
    path("roles/new/", role_editing.role_create, name="role_create"),
    path("roles/<slug:role>/edit/", role_editing.role_update, name="role_update"),
    path("roles/<slug:role>/delete/", role_editing.role_delete, name="role_delete"),
    path("roles/catalogues/<slug:catalogue>/settings/", catalogues.catalogue_update, name="catalogue_update"),
]
