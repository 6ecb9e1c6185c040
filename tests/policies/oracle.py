"""An independent oracle: decides over plain dictionaries, in the words of the specification, with nothing of the product.

    world = {"root": scope, "parents": {scope: parent}, "kinds": {scope: kind}, "catalogues": …, "roles": …, "rules": …,
             "settings": …, "users": …, "groups": …, "assignments": …, "shares": …, "things": …}
Names stand for everything. A thing's scope None is anywhere; a thing with `some` is some object of its type, of which
nothing but type and scope is known.
"""

from collections.abc import Iterable
from typing import Any

World = dict[str, Any]
Held = set[tuple[str, str]]


def allowed(world: World, user: str, action: str, thing: str) -> bool:
    who, what = world["users"][user], world["things"][thing]
    if not who["active"] or beyond(world, who, what):
        return False
    return by_role(world, user, action, what) or shared(world, user, action, thing)


def by_role(world: World, user: str, action: str, what: dict[str, Any]) -> bool:
    rules = [rule for rule in world["rules"] if (rule["action"], rule["type"]) == (action, what["type"])]
    held = holdings(world, user) if rules else set()
    names = {role for role, _ in held}
    return any(
        rule["role"] == role
        and (what["scope"] is None or scope in above(world, what["scope"]))
        and meets(world, rule["where"], user, what, names)
        for role, scope in held
        for rule in rules
    )


def shared(world: World, user: str, action: str, thing: str) -> bool:
    return any(
        (share["thing"], share["action"]) == (thing, action) and among(world, user, share["with"])
        for share in world["shares"]
    )


def among(world: World, user: str, holder: str) -> bool:
    """The holder is the user, or a group that they are in."""
    return user == holder or user in world["groups"].get(holder, ())


def holdings(world: World, user: str) -> Held:
    """(role, scope) pairs in effect; worked out once per user of a world."""
    found: dict[str, Held] = world.setdefault("holdings", {})
    if user not in found:
        found[user] = work_out(world, user)
    return found[user]


def work_out(world: World, user: str) -> Held:
    given = {
        (a["role"], a["scope"])
        for a in world["assignments"]
        if among(world, user, a["to"])
        and in_effect(world, a["role"])
        and a["role"] not in set_aside(world)
        and not a["expired"]
        and not (world["roles"][a["role"]]["needs_scope"] and world["kinds"][a["scope"]] == "organization")
    }
    if world["users"][user]["kind"] == "person":
        defaults = [(c["default"], c["unless"]) for c in world["catalogues"].values() if c["enabled"] and c["default"]]
        defaults += [(s["role"], None) for s in settings(world) if for_everybody(s)]
        defaults = [(role, unless) for role, unless in defaults if in_effect(world, role)]
        given |= {(role, world["root"]) for role, unless in defaults if unless is None}
        having = {role for role, _ in with_included(world, given)}
        given |= {(role, world["root"]) for role, unless in defaults if unless and unless not in having}
    return with_included(world, given)


def with_included(world: World, given: Held) -> Held:
    return {(included, scope) for role, scope in given for included in brings(world, role)}


def brings(world: World, role: str) -> set[str]:
    """The role itself and what comes with it: what is without effect brings nothing, whoever includes it."""
    found, todo = {role}, [role]
    while todo:
        holder = todo.pop()
        hung_on = {s["role"] for s in settings(world) if s["named"] == holder}
        for included in hung_on | set(world["roles"][holder]["includes"]) - set_aside(world):
            if included not in found and in_effect(world, included):
                found.add(included)
                todo.append(included)
    return found


def in_effect(world: World, role: str) -> bool:
    of = world["roles"][role]
    catalogue = world["catalogues"][of["catalogue"]]
    return (
        catalogue["enabled"]
        and not of["retired"]
        and (catalogue["module"] or not of["needs_module"])
        and not (catalogue["version"] and of["since"] and numbers(catalogue["version"]) < numbers(of["since"]))
    )


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def settings(world: World) -> Iterable[dict[str, Any]]:
    return [s for s in world["settings"] if world["catalogues"][s["catalogue"]]["enabled"]]


def for_everybody(setting: dict[str, Any]) -> bool:
    return setting["named"] is None and setting["everybody_if_unset"]


def set_aside(world: World) -> set[str]:
    """Roles that a setting gives by another role's name, or to nobody: nothing else gives them."""
    return {s["role"] for s in settings(world) if s["named"] != s["role"] and not for_everybody(s)}


def above(world: World, scope: str) -> set[str]:
    found = set()
    step: str | None = scope
    while step is not None:
        found.add(step)
        step = world["parents"][step]
    return found


def beyond(world: World, who: dict[str, Any], what: dict[str, Any]) -> bool:
    if who["clusters"] is None or what["scope"] is None:
        return False
    clusters = {scope for scope in above(world, what["scope"]) if world["kinds"][scope] == "cluster"}
    return bool(clusters) and not clusters & who["clusters"]


def meets(world: World, where: dict[str, Any], user: str, what: dict[str, Any], roles: set[str]) -> bool:
    if what.get("some"):
        return not where or what["some"] == "that meets the conditions"
    for key, wanted in where.items():
        if key == "owner":
            ok = what.get("owner") == user
        elif key == "parent_owner":
            ok = bool(what.get("parent")) and world["things"][what["parent"]].get("owner") == user
        elif key == "listed":
            ok = bool(roles & set(what.get("listed", ())))
        else:
            ok = what.get(key) in wanted
        if not ok:
            return False
    return True
