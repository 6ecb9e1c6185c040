"""The doors of other programs, asked as the README shows it: the very lines of the README, against a live Roster."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.world import Demo
from tests.servers import ROOT

ORGANIZATION = "organization:organization"

# A service that asks; a person who may sign in to a command line, and another with the engine's roles.
MAKE = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import Project, Scope
from policies.actions.assignments import give_role
from policies.actions.services import create_token, register_service
from policies.actions.switches import switch_catalogue
from policies.actions.users import add_person
from policies.actor import Actor
from policies.models import Catalogue, Role
me, root, demo = Actor("tests"), Scope.objects.root(), Project.objects.get(slug="demo")
h2o = Catalogue.objects.get(code="h2o")
switch_catalogue(actor=me, catalogue=h2o, enabled=True)
roles = {role.full_name: role for role in Role.objects.select_related("catalogue")}
gateway = register_service(actor=me, username="gateway")
give_role(actor=me, role=roles["roster:decision_client"], subject=gateway, scope=root)
trainer, engineer = (add_person(actor=me, username=name, password="")[0] for name in ("trainer", "engineer"))
give_role(actor=me, role=roles["ovhcloud:ai_training_operator"], subject=trainer, scope=demo)
give_role(actor=me, role=roles["h2o:engine_admin"], subject=engineer, scope=root)
give_role(actor=me, role=roles["h2o:admin"], subject=engineer, scope=root)
_, token = create_token(actor=me, service=gateway, name="tests", expires_at=timezone.now() + timedelta(days=1))
print(token)
"""
# The clients' tests know who else there is.
UNMAKE = """
from accounts.models import User
from policies.actions.services import retire_service
from policies.actions.switches import switch_catalogue
from policies.actions.users import delete_user
from policies.actor import Actor
from policies.models import Catalogue
me = Actor("tests")
for user in User.objects.filter(username__in=("trainer", "engineer")):
    delete_user(actor=me, user=user)
retire_service(actor=me, service=User.objects.get(username="gateway"))
switch_catalogue(actor=me, catalogue=Catalogue.objects.get(code="h2o"), enabled=False)
"""


@pytest.fixture(scope="module")
def may(demo: Demo) -> Iterator[Callable[..., bool]]:
    """The function of the README."""
    section = (ROOT / "README.md").read_text().partition("## Other doors\n")[2].partition("\n## ")[0]
    block = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[0]
    names: dict[str, Any] = {"ROSTER": demo.server.url, "TOKEN": demo.server.shell(MAKE).splitlines()[-1]}
    exec(block, names)  # noqa: S102 - what the README says is what is tested
    yield names["may"]
    demo.server.shell(UNMAKE)


@pytest.mark.parametrize(
    ("action", "kind", "place", "who"),
    [
        ("login", "cli", "project:demo", "trainer"),
        ("use", "admin_cli", ORGANIZATION, "engineer"),
        ("login", "engine_console", ORGANIZATION, "engineer"),
    ],
)
def test_each_door_opens_for_those_whose_role_says_so(
    may: Callable[..., bool], action: str, kind: str, place: str, who: str
) -> None:
    """OVH-08, H2O-25."""
    everybody = ("trainer", "engineer", "alice", "nobody")
    assert {name: may(name, action, kind, place) for name in everybody} == {name: name == who for name in everybody}


def test_the_doors_are_those_that_the_readme_names() -> None:
    section = (ROOT / "README.md").read_text().partition("## Other doors\n")[2].partition("\n## ")[0]
    named = re.findall(r'may\("ana",\s+"(\w+)",\s+"(\w+)",\s+"([\w:-]+)"\)', section)
    assert [pair[:2] for pair in named] == [("login", "cli"), ("use", "admin_cli"), ("login", "engine_console")]
