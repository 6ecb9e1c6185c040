"""What the commands that ask who may do what have in common."""

from typing import Any

from accounts.models import Scope, User
from console.management.base import RosterCommand
from policies.actor import Actor
from policies.protected import At, scope_of
from policies.rulebook import rulebook


class QuestionCommand(RosterCommand):
    """A question that cannot be asked (an unknown user, type, action or id) ends with the exit status of a misuse."""

    unknown_name_status = 2

    def may_explain(self, actor: Actor, thing: Any, user: User | None = None) -> bool:
        """Whether the actor is told why. Raises Denied where they may not even ask; everybody may about themselves."""
        if user is not None and user == actor.user:
            return True
        about = At("decision", scope_of(thing) or rulebook().root)
        actor.require("ask", about)
        return actor.may("explain", about)

    def require_explain(self, actor: Actor, scope: Scope | None, user: User) -> None:
        """Raises Denied where the actor may not be told what the user holds in a place."""
        if user != actor.user:
            actor.require("explain", At("decision", scope or rulebook().root))
