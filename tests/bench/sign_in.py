"""Every failed sign-in takes as long as any other: unknown, disabled, project user and wrong password.

To reach: medians within 5 % over 200 tries each (security.md 6).
"""

from django.test import Client
from django.urls import reverse

from accounts.models import Throttle
from policies.actions.users import disable_user
from tests.bench.setting import SCALE, p50, p95, times, vendor
from tests.factories import COMMAND, a_person, a_project, a_project_user


def main() -> None:
    person, disabled = a_person("known"), a_person("disabled")
    disable_user(actor=COMMAND, user=disabled)
    machine = a_project_user(a_project("any"))
    cases = {
        "wrong password": person.username,
        "unknown": "nobody-of-this-name",
        "disabled": disabled.username,
        "project user": machine.username,
    }
    client, url = Client(), reverse("account_login")

    def fail(username: str) -> None:
        Throttle.objects.all().delete()  # what is measured is the check, not the limiter
        assert client.post(url, {"login": username, "password": "a wrong password"}).status_code == 200

    print(f"\n{vendor()}: failed sign-ins   p50 / p95 ms")
    for name, username in cases.items():
        seconds = times(lambda username=username: fail(username), runs=int(200 * SCALE) or 5)  # type: ignore[misc]
        print(f"{name:20} {p50(seconds):8.1f} / {p95(seconds):6.1f}")
