from django.urls import include, path

from console.views import bulk, project_users

project = "projects/<str:project>"
user = f"{project}/users/<str:user>"

urlpatterns = [
    path("", include("console.urls_account")),
    path(f"{project}/users/", project_users.project_user_index, name="project_user_index"),
    path(f"{project}/users/export/", project_users.project_user_export, name="project_user_export"),
    path(f"{project}/users/new/", project_users.project_user_create, name="project_user_create"),
    path(f"{project}/users/preview/", project_users.project_user_preview, name="project_user_preview"),
    path(f"{project}/users/bulk/", bulk.bulk_create, name="bulk_create"),
    path(f"{project}/users/bulk/<str:job>/", bulk.bulk_detail, name="bulk_detail"),
    path(f"{user}/", project_users.project_user_detail, name="project_user_detail"),
    path(f"{user}/edit/", project_users.project_user_update, name="project_user_update"),
    path(f"{user}/roles/", project_users.project_user_roles, name="project_user_roles"),
    path(f"{user}/password/", project_users.project_user_password, name="project_user_password"),
    path(f"{user}/secret/", project_users.project_user_secret_download, name="project_user_secret_download"),
    path(f"{user}/disable/", project_users.project_user_disable, name="project_user_disable"),
    path(f"{user}/enable/", project_users.project_user_enable, name="project_user_enable"),
    path(f"{user}/delete/", project_users.project_user_delete, name="project_user_delete"),
]
