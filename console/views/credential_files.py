"""Files with which programs sign in as a project user."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.models import Project, Region, User
from console.credential_files import FILES, sign_in_of
from console.protection import PageRequest, requires
from console.views.project_users import is_generated_password, users_crumbs


@requires("list", "project_user")
def project_user_files(request: PageRequest, project: Project, user: User) -> HttpResponse:
    context = {
        "project": project, "user": user, "files": FILES.values(), "regions": Region.objects.all(),
        "crumbs": users_crumbs(request, project, user.username, "Files", user),
    }  # fmt: skip
    return render(request, "console/project_users/files.html", context)


@require_POST
@requires("list", "project_user")
def project_user_file_download(request: PageRequest, project: Project, user: User) -> HttpResponse:
    """One file. The password comes from the form of the one-time page, or is not in it; it goes nowhere else."""
    file, password = FILES.get(request.POST.get("file", "")), request.POST.get("password", "")
    region = request.POST.get("region", "")
    if file is None or (password and not is_generated_password(password)):
        return HttpResponse("There is no such file.", status=400, content_type="text/plain")
    codes = list(Region.objects.values_list("code", flat=True))
    known = region if region in codes else (codes[0] if len(codes) == 1 else "")
    text = file.text(sign_in_of(user, region=known, password=password))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{file.name}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
