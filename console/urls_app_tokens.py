"""App tokens of a project, and what programs of its users show."""

from django.urls import path

from console.views import app_tokens as views
from console.views.credentials import project_user_credential_delete

tokens = "projects/<slug:project>/tokens"
token = f"{tokens}/<slug:app_token>"

urlpatterns = [
    path(f"{tokens}/", views.app_token_index, name="app_token_index"),
    path(f"{tokens}/new/", views.app_token_create, name="app_token_create"),
    path(f"{tokens}/preview/", views.app_token_preview, name="app_token_preview"),
    path(f"{token}/renew/", views.app_token_renew, name="app_token_renew"),
    path(f"{token}/delete/", views.app_token_delete, name="app_token_delete"),
    path(
        "projects/<slug:project>/users/<slug:user>/credentials/<slug:credential>/delete/",
        project_user_credential_delete,
        name="project_user_credential_delete",
    ),
]
