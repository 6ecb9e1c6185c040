"""Views of the tests' own, to see what every answer gets around it."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path


def signed_in(request: HttpRequest) -> HttpResponse:
    return HttpResponse("only for who is signed in")


@login_not_required
def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a detail that nobody may see")


@login_not_required
def account_login(request: HttpRequest) -> HttpResponse:
    return HttpResponse("sign in")


def asked_by_a_program(request: HttpRequest) -> HttpResponse:
    found = [name for name in ("session", "user", "htmx") if hasattr(request, name)]
    return HttpResponse(f"found: {found}")


urlpatterns = [
    path("api/", asked_by_a_program),
    path("api/fails/", fails),
    path("signed-in/", signed_in),
    path("fails/", fails),
    path("sign-in/", account_login, name="account_login"),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path == "/broken-error-page/":
        raise RuntimeError("the page for 404 fails")
    return HttpResponse("not here", status=404)
