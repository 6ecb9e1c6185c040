"""Nobody makes a role wider than what they may do themselves (security 21).

Whoever may change roles could else write into one that they hold what they may not do. So what is added to a role has to
be allowed to the actor already: at the organization, on every object of the type, without conditions. Who may
`administer` the `installation` is not bound: they may give themselves every role anyway.
"""

from collections.abc import Iterable

from policies.actor import Actor
from policies.models import Role
from policies.protected import At
from policies.rulebook import rulebook


def is_bound(actor: Actor) -> bool:
    """Whether the actor may add to roles only what they may do themselves."""
    return not actor.may("administer", At("installation", rulebook().root))


def require_own(actor: Actor, rules: Iterable[tuple[str, str]] = (), included: Iterable[Role] = ()) -> None:
    """Raises Denied for the first action that the actor may not do: (action, full name of an entity type) pairs,
    and what the included roles allow."""
    if not is_bound(actor):
        return
    book = rulebook()
    roles = {held for role in included for held in book.held_with[role.pk]}
    asked = dict.fromkeys(rules)
    for (action, kind), lines in book.lines.items():
        if any(line.role_id in roles for line in lines):
            asked[action, book.entity_types[kind].full_name] = None
    for action, name in asked:
        actor.require(action, At(name, book.root))
