"""An independent oracle: decides over plain dictionaries, in the words of the specification, with nothing of the product.

    world = {"parents": {scope: parent}, "kinds": {scope: kind}, "clusters": …, "users": …, "groups": …, "roles": …, "rules": …,
             "defaults": …, "assignments": …, "shares": …, "things": …}
Names stand for everything; None is nowhere.
"""

from typing import Any

World = dict[str, Any]


def allowed(world: World, user: str, action: str, thing: str) -> bool:
    who, what = world["users"][user], world["things"][thing]
    if not who["active"] or beyond(world, who, what):
        return False
    held = holdings(world, user)
    by_rule = any(
        rule["action"] == action
        and rule["type"] == what["type"]
        and role == rule["role"]
        and scope in above(world, what["scope"])
        and meets(world, rule["where"], user, what, {r for r, _ in held})
        for role, scope in held
        for rule in world["rules"]
    )
    return by_rule or any(
        share["thing"] == thing
        and share["action"] == action
        and (share["with"] == user or user in world["groups"].get(share["with"], ()))
        for share in world["shares"]
    )


def holdings(world: World, user: str) -> set[tuple[str, str]]:
    """(role, scope) pairs in effect."""
    got = set()
    for a in world["assignments"]:
        if a["to"] != user and user not in world["groups"].get(a["to"], ()):
            continue
        role = world["roles"][a["role"]]
        pending = role["needs_scope"] and world["kinds"][a["scope"]] == "organization"
        if role["in_effect"] and not a["expired"] and not pending:
            got.add((a["role"], a["scope"]))
    if world["users"][user]["kind"] == "person":
        having = {included for role, _ in got for included in all_included(world, role) | {role}}
        for default in world["defaults"]:
            if default["unless"] not in having and world["roles"][default["role"]]["in_effect"]:
                got.add((default["role"], world["root"]))
    for role, scope in list(got):
        got |= {(included, scope) for included in all_included(world, role)}
    return got


def all_included(world: World, role: str) -> set[str]:
    found: set[str] = set()
    todo = [role]
    while todo:
        for included in world["roles"][todo.pop()]["includes"]:
            if included not in found:
                found.add(included)
                todo.append(included)
    return found


def above(world: World, scope: str) -> set[str]:
    found = set()
    step: str | None = scope
    while step is not None:
        found.add(step)
        step = world["parents"][step]
    return found


def beyond(world: World, who: dict[str, Any], what: dict[str, Any]) -> bool:
    clusters = {s for s in above(world, what["scope"]) if world["kinds"][s] == "cluster"}
    return who["clusters"] is not None and bool(clusters) and not clusters & who["clusters"]


def meets(world: World, where: dict[str, Any], user: str, what: dict[str, Any], roles: set[str]) -> bool:
    for key, wanted in where.items():
        if key == "owner":
            ok = what.get("owner") == user
        elif key == "parent_owner":
            ok = world["things"][what["parent"]].get("owner") == user if what.get("parent") else False
        elif key == "listed":
            ok = bool(roles & set(what.get("listed", ())))
        else:
            ok = what.get(key) in wanted
        if not ok:
            return False
    return True
