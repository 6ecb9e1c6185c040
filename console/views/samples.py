"""The sample organization: load it from the first-run page, remove it again."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Endpoint, Project, Scope, ServiceToken, User
from console.protection import PageRequest, requires
from policies.actions.sample import delete_sample, load_sample
from policies.models import AppToken, ProjectShareWithGroup, ProjectShareWithUser, RoleAssignment
from policies.sample.contents import real_additions, sample_counts


@require_POST
@requires("load", "sample")
def sample_load(request: PageRequest) -> HttpResponse:
    try:
        load_sample(actor=request.actor)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("home")
    messages.success(request, "The sample is loaded, and the catalogues of its roles are switched on")
    return redirect("project_index")


@requires("delete", "sample")
def sample_delete(request: PageRequest) -> HttpResponse:
    """What would go, or what stands against it; on POST it goes."""
    counts, blockers = sample_counts(), real_additions()
    if request.method == "POST" and not blockers:
        try:
            delete_sample(actor=request.actor)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, "The sample is removed; the catalogues stay as they are")
        return redirect("project_index")
    context = {
        "crumbs": [("Projects", reverse("project_index")), ("Remove the sample", "")],
        "counts": [{"count": count, "text": text} for text, count in counts.items() if count],
        "blockers": [{"label": label, "url": url_of(row)} for row, label in blockers],
    }
    return render(
        request, "console/samples/confirm_delete.html", context, status=409 if request.method == "POST" else 200
    )


def url_of(row: Model) -> str:
    """The page where the real thing can be moved or taken away, for those kinds that have one."""
    match row:
        case User(project=Project() as project):
            return reverse("project_user_detail", args=[project.uid, row.uid])
        case Scope(kind="project", uid=uid):
            return reverse("project_detail", args=[uid])
        case RoleAssignment(scope=Scope(kind="project", uid=uid)):
            return reverse("member_index", args=[uid])
        case AppToken(project=Project(uid=uid)):
            return reverse("app_token_index", args=[uid])
        case ServiceToken(service=User(uid=uid)) | Endpoint(service=User(uid=uid)):
            return reverse("service_detail", args=[uid])
        case ProjectShareWithUser() | ProjectShareWithGroup():
            return reverse("share_index", args=[row.content_object.uid])
    return ""
