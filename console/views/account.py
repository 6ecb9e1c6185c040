"""One's own account: signing in and out, password, sessions, theme."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from allauth.usersessions.views import ListUserSessionsView
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import User
from console.forms.account import ChangePasswordForm, EndSessionsForm, SignInForm, ThemeForm
from console.protection import PageRequest, signed_in
from console.signing_in import remember_browser
from console.views.credentials import of_account
from policies.actions.sign_in import choose_theme
from policies.holdings import LIVE
from policies.models import RoleAssignment


class LimitedView:
    """Answers 429 where a form says that there were too many tries."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if form.retry_after:
            response.status_code = 429
            response["Retry-After"] = str(form.retry_after)
        return response


class SignInView(LimitedView, LoginView):
    form_class = SignInForm

    def form_valid(self, form: SignInForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        if self.request.user.is_authenticated:
            remember_browser(response, self.request.user.username)
        return response


class SignOutView(LogoutView):
    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post(*args, **kwargs)
        # Not "cookies": that would take those of all services under the same domain. Ours is deleted by its name.
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


class ChangePasswordView(LimitedView, PasswordChangeView):
    form_class = ChangePasswordForm

    def dispatch(self, request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_usable_password():
            return redirect("account_detail")
        self.success_url = reverse("home" if request.user.password_is_temporary else "account_detail")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "actor": self.request.actor}


class SessionsView(ListUserSessionsView):
    form_class = EndSessionsForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for session in context["sessions"]:
            session.browser = browser_name(session.user_agent)
        crumbs = [("Your account", reverse("account_detail")), ("Your sessions", "")]
        return {**context, "crumbs": crumbs}


# In this order: most browsers also name others, to be served like them.
BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {name: name for name in ("Android", "iPhone", "iPad", "Windows")} | {"Mac OS X": "macOS", "Linux": "Linux"}


def browser_name(user_agent: str) -> str:
    """`Firefox on Linux`, as far as a browser says so; else how it calls itself."""
    browser = next((name for sign, name in BROWSERS.items() if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS.items() if sign in user_agent), "")
    return " on ".join(filter(None, [browser, system])) or user_agent[:40]


@signed_in
def account_detail(request: PageRequest) -> HttpResponse:
    """One's roles and theme; POST changes the theme and goes back to `next`."""
    if request.method == "POST":
        form = ThemeForm(request.POST)
        if form.is_valid():
            choose_theme(user=request.user, theme=form.cleaned_data["theme"])
        back = request.POST.get("next", "")
        return redirect(back if get_adapter().is_safe_url(back) else "account_detail")
    context = {
        "crumbs": [("Your account", "")], "roles": own_roles(request.user),
        "credentials": of_account(request.user),
    }  # fmt: skip
    return render(request, "console/account/detail.html", context)


def own_roles(user: User) -> list[dict[str, Any]]:
    """What a person holds, directly and through groups: role, scope, source, expires_at."""
    groups = user.groups.values("pk")
    held = RoleAssignment.objects.filter(LIVE).filter(Q(user=user) | Q(group__in=groups))
    return [
        {
            "role": assignment.role,
            "scope": assignment.scope.name,
            "source": f"group {assignment.group.name}" if assignment.group else "given to you",
            "expires_at": assignment.expires_at,
        }
        for assignment in held.select_related("role", "scope", "group").order_by("scope__name", "role__label")
    ]
