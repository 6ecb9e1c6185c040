"""The start page: it leads to where one works, or says how to begin."""

from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.models import Project
from console.denials import told
from console.forms.projects import ProjectForm
from console.navigation import first_page, visible_projects
from console.protection import PageRequest, signed_in
from policies import access
from policies.models import Catalogue
from policies.protected import At


@signed_in
def home(request: PageRequest) -> HttpResponse:
    """The project where one was last, else the first one; without any: first run, or who can help."""
    projects = visible_projects(request.user).select_related("parent")
    last = projects.filter(uid=request.session.get("project", "")).first()
    project = last or projects.order_by("name", "pk").first()
    if project:
        return redirect(first_page(request, project))
    if not Project.objects.exists():
        return first_run(request)
    if access.may(request.user, "create", At("project")):
        return redirect("project_index")
    return render(request, "console/home/no_project.html", {"denied": told("read", At("project"))})


def first_run(request: PageRequest) -> HttpResponse:
    return render(request, "console/home/first_run.html", {
        "form": ProjectForm(user=request.user),
        "catalogues": list(Catalogue.objects.filter(is_enabled=True).values_list("label", flat=True)),
        "may_create": access.may(request.user, "create", At("project")),
        "may_load_sample": access.may(request.user, "load", At("sample")),
    })  # fmt: skip
