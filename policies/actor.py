"""Who does something: a user or a service behind a request, or somebody at a terminal."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from policies import access
from policies.errors import Denied
from policies.holdings import forget
from policies.rulebook import forget_rulebook


@dataclass(frozen=True)
class Actor:
    """Without a user: a command on this machine, with full rights; what must always hold binds it as well."""

    name: str
    user: User | None = None
    address: str = ""
    request_id: str = ""

    @classmethod
    def of_request(cls, request: HttpRequest) -> Actor:
        user: Any = request.user
        return cls(str(user.label), user, getattr(request, "client_address", ""), getattr(request, "request_id", ""))

    @classmethod
    def of_service(cls, request: HttpRequest, service: User) -> Actor:
        """A service behind a request of the API, where nobody is signed in."""
        address, request_id = getattr(request, "client_address", ""), getattr(request, "request_id", "")
        return cls(f"service:{service.username}", service, address, request_id)

    @classmethod
    def of_command(cls) -> Actor:
        return cls(f"command:{_system_user()}")

    @property
    def uid(self) -> str:
        return self.user.uid if self.user else ""

    def may(self, action: str, thing: Any) -> bool:
        return self.user is None or access.may(self.user, action, thing)

    def require(self, action: str, thing: Any) -> None:
        """Raises Denied when the actor may not."""
        if not self.may(action, thing):
            raise Denied(action, thing, lambda: access.explain(self.user, action, thing).reasons if self.user else ())

    def forget(self) -> None:
        """Decide from what the database says now, not from what the request read at its start."""
        forget_rulebook()
        if self.user:
            try:
                self.user.refresh_from_db(fields=["is_active", "all_clusters"])
            except User.DoesNotExist:  # deleted since the request began
                self.user.is_active = False
            forget(self.user)


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
