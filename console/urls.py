from django.urls import include, path

from console.admin.site import site
from console.views import activity, bulk, credential_files, home, members, project_users, projects, samples, shares

project = "projects/<slug:project>"
user = f"{project}/users/<slug:user>"

urlpatterns = [
    path("admin/", site.urls),
    path("", include("console.identity.urls")),
    path("", include("console.urls_account")),
    path("", include("console.urls_role_editing")),
    path("", include("console.urls_assignments")),
    path("", include("console.urls_access")),
    path("", include("console.urls_resources")),
    path("", include("console.urls_services")),
    path("", include("console.urls_roles")),
    path(f"{project}/users/", project_users.project_user_index, name="project_user_index"),
    path(f"{project}/users/export/", project_users.project_user_export, name="project_user_export"),
    path(f"{project}/users/new/", project_users.project_user_create, name="project_user_create"),
    path(f"{project}/users/preview/", project_users.project_user_preview, name="project_user_preview"),
    path(f"{project}/users/bulk/", bulk.bulk_create, name="bulk_create"),
    path(f"{project}/users/bulk/<slug:job>/", bulk.bulk_detail, name="bulk_detail"),
    path(f"{user}/", project_users.project_user_detail, name="project_user_detail"),
    path(f"{user}/edit/", project_users.project_user_update, name="project_user_update"),
    path(f"{user}/roles/", project_users.project_user_roles, name="project_user_roles"),
    path(f"{user}/password/", project_users.project_user_password, name="project_user_password"),
    path(f"{user}/secret/", project_users.project_user_secret_download, name="project_user_secret_download"),
    path(f"{user}/files/", credential_files.project_user_files, name="project_user_files"),
    path(f"{user}/file/", credential_files.project_user_file_download, name="project_user_file_download"),
    path(f"{user}/disable/", project_users.project_user_disable, name="project_user_disable"),
    path(f"{user}/enable/", project_users.project_user_enable, name="project_user_enable"),
    path(f"{user}/delete/", project_users.project_user_delete, name="project_user_delete"),
    path("", home.home, name="home"),
    path("projects/", projects.project_index, name="project_index"),
    path("projects/new/", projects.project_create, name="project_create"),
    path(f"{project}/", projects.project_detail, name="project_detail"),
    path(f"{project}/edit/", projects.project_update, name="project_update"),
    path(f"{project}/delete/", projects.project_delete, name="project_delete"),
    path(f"{project}/members/", members.member_index, name="member_index"),
    path(f"{project}/access/", shares.share_index, name="share_index"),
    path(f"{project}/access/new/", shares.share_create, name="share_create"),
    path(f"{project}/access/search/", shares.share_search, name="share_search"),
    path(f"{project}/access/<slug:holder>/<slug:action>/delete/", shares.share_delete, name="share_delete"),
    path(f"{project}/activity/", activity.project_activity, name="project_activity"),
    path(f"{project}/activity/export/", activity.project_activity_export, name="project_activity_export"),
    path(f"{user}/activity/", activity.project_user_activity, name="project_user_activity"),
    path(f"{user}/activity/export/", activity.project_user_activity_export, name="project_user_activity_export"),
    path("activity/", activity.activity_index, name="activity_index"),
    path("activity/export/", activity.activity_export, name="activity_export"),
    path("sample/load/", samples.sample_load, name="sample_load"),
    path("sample/remove/", samples.sample_delete, name="sample_delete"),
]
