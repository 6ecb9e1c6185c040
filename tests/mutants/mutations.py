"""What `make mutants` takes out of the decisions, or turns round: one text, that stands once in its file, for another."""

from typing import NamedTuple


class Mutation(NamedTuple):
    name: str
    old: str
    new: str


ACCESS = (
    Mutation(
        "a disabled user may",
        "if not user.is_active:\n        return False\n    subject = subject_for(user)\n    if outside",
        "subject = subject_for(user)\n    if outside",
    ),
    Mutation(
        "may: no boundary",
        "    if outside(subject, thing):\n        return False\n    return _allow(",
        "    return _allow(",
    ),
    Mutation("may: no shares", " or action in shared_actions(user, thing)\n\n\ndef may_at_all", "\n\n\ndef may_at_all"),
    Mutation(
        "may: shares of any object", "_share_rows(user, tables, content_object=thing)", "_share_rows(user, tables)"
    ),
    Mutation("may at all: everything asked", "return any(may(user, action, At(", "return all(may(user, action, At("),
    Mutation("a condition holds always", " or not c.holds(subject, thing, seen)]", "]"),
    Mutation(
        "a condition holds for some object",
        "if seen is None or isinstance(thing, At) or not c",
        "if seen and not At and not c",
    ),
    Mutation("expired roles count", "if holding.expired:", "if False:"),
    Mutation("roles without effect count", "if holding.switched_off:", "if False:"),
    Mutation("pending roles count", "if holding.pending:", "if False:"),
    Mutation("roles count anywhere", "if above is not None and holding.scope_id not in above:", "if False:"),
    Mutation(
        "a page needs the organization",
        "return None if isinstance(thing, At) and thing.scope is None else ancestor_ids(book, thing)",
        "return ancestor_ids(book, thing)",
    ),
    Mutation("the boundary turned round", "cluster not in subject.cluster_ids", "cluster in subject.cluster_ids"),
    Mutation("no boundary for one object", "return cluster is not None and subject", "return False and subject"),
    Mutation(
        "a role reaches its own scope only", "scope.ancestor_ids if scope else (book", "[scope.pk] if scope else (book"
    ),
    Mutation("page: a disabled user may", "if not user.is_active or not rows:", "if not rows:"),
    Mutation("page: no boundary", "if outside(subject, thing):\n            found", "if False:\n            found"),
    Mutation(
        "page: whatever is missing",
        "for action, about in lines.items() if _allow(subject, about, thing)}",
        "for action, about in lines.items()}",
    ),
    Mutation("may: roles count anywhere", "and (above is None or not above.isdisjoint(scopes)) and", "and"),
    Mutation("may: whatever the conditions", " and not _unmet(subject, line, thing):", ":"),
    Mutation(
        "page: no shares",
        "subject, shared = subject_for(user), _shared(user, rows)",
        "subject, shared = subject_for(user), _shared(user, [])",
    ),
    Mutation(
        "shares: with everybody",
        "with_user._default_manager.filter(user=user, **which)",
        "with_user._default_manager.filter(**which)",
    ),
    Mutation(
        "shares: with no group",
        "with_group._default_manager.filter(group__in=groups, **which)",
        "with_group._default_manager.none()",
    ),
    Mutation(
        "shares: with every group",
        "with_group._default_manager.filter(group__in=groups, **which)",
        "with_group._default_manager.filter(**which)",
    ),
    Mutation("list: a disabled user sees", "if not user.is_active or not wanted:", "if not wanted:"),
    Mutation("list: cut to no place", "rows = rows.filter(_inside(protected, within))", "rows = rows.all()"),
    Mutation("list: whatever lies in the place", "if not reach.scopes & above:", "if not reach.scopes:"),
    Mutation(
        "list: of every type", "return Q(entity_type__in=kinds) if protected.model is Resource else Q()", "return Q()"
    ),
    Mutation(
        "list: of every kind of user",
        "rows: QuerySet[Any] = protected.model._default_manager.filter(protected.where)\n",
        "rows: QuerySet[Any] = protected.model._default_manager.all()\n",
    ),
    Mutation("list: no boundary", "if subject.cluster_ids is None or not protected.scope:", "if True:"),
    Mutation("list: only what lies in a cluster", '(Q(**{f"{path}__isnull": True}) | Q(', "(Q("),
    Mutation("list: every cluster", '"{path}__in": subject.cluster_ids', '"{path}__isnull": False'),
    Mutation("list: few that are everywhere", "[*branches, everywhere], []", "branches, []"),
    Mutation("list: no shares", ", *_shared_rows(user, wanted, protected)", ""),
    Mutation(
        "list: a share of a thing is for every action",
        "Q(permission__codename=a, content_object__entity_type__in=k)",
        "Q(content_object__entity_type__in=k)",
    ),
    Mutation("list: a share is for every action", "else Q(permission__codename__in=by_action)", "else Q()"),
    Mutation("list: seen by the first action only", "for action in kind.seen_by]", "for action in kind.seen_by[:1]]"),
    Mutation("menu: a disabled user sees", "if not user.is_active:\n        return Scope.objects.none()\n", "pass\n"),
    Mutation(
        "menu: every place",
        "if subject.book.root_id not in held:\n        rows = rows.filter(pk__in=scopes",
        "if False:\n        rows = rows.filter(pk__in=scopes",
    ),
    Mutation(
        "projects: every place",
        "if subject.book.root_id not in held:\n        rows = rows.filter(pk__in=_held",
        "if False:\n        rows = rows.filter(pk__in=_held",
    ),
    Mutation("menu: no boundary", 'return _bounded(rows, subject, PROTECTED["project"])', "return rows"),
    Mutation(
        "projects: a disabled user sees",
        "if not user.is_active:\n        return rows.none()\n    subject = subject_for(user)\n    held",
        "subject = subject_for(user)\n    held",
    ),
    Mutation("projects: no shares", ', *(rows.values("content_object") for rows in shared)]', "]"),
    Mutation("projects: a share of any action", ', permission__codename="read") if tables', ") if tables"),
    Mutation(
        "projects: no boundary",
        "return _bounded(rows, subject, protected)\n\n\n@cache\ndef _held_or",
        "return rows\n\n\n@cache\ndef _held_or",
    ),
    Mutation("places: whatever the conditions", "if on_some or not line.conditions\n", "\n"),
    Mutation("places: conditions are never met", "if on_some or not line.conditions\n", "if not line.conditions\n"),
    Mutation("some: a disabled user may", "return user.is_active and any(line", "return any(line"),
    Mutation(
        "some: whoever holds any role",
        "any(line.role_id in subject_for(user).role_ids for line in lines)",
        "any(lines)",
    ),
    Mutation(
        "why: a bad question about a disabled user", "    rules_about(book_for(user), action, thing)\n    if", "    if"
    ),
    Mutation(
        "assignments: not as places",
        'for name in ("role_assignment", "org_assignment")]',
        'for name in ("role_assignment",)]',
    ),
    Mutation("list: one of two branches", "united([*branches, ", "united([*branches[:1], "),
    Mutation("who: conditions on some object", "usable = not line.conditions", "usable = True"),
    Mutation(
        "who: whatever the object is",
        "usable = all(c.holds(None, thing, seen) for c in line.conditions if c.of_the_object_alone)",
        "usable = True",
    ),
    Mutation("who: no conditions", "if conditions and seen:", "if False:"),
    Mutation(
        "who: with conditions, anywhere",
        "pk__in=union(holders(held, above, when))",
        "pk__in=union(holders(held, None, when))",
    ),
    Mutation("who: anywhere", "holders_by_assignment(held, above, when)", "holders_by_assignment(held, None, when)"),
    Mutation("who: nobody by default", "by_default += holders_by_default(held, above)", ""),
    Mutation("who: the first of many", "if len(some) <= FEW:", "if True:"),
    Mutation(
        "who: a page needs the organization",
        "above = _above(book, thing)",
        "above = ancestor_ids(book, thing)",
    ),
    Mutation("who: no shares", "branches += _shared_with(action, thing, seen)", ""),
    Mutation(
        "who: disabled users too", "_one_of(branches, by_default), is_active=True", "_one_of(branches, by_default)"
    ),
    Mutation("who: no boundary", "    if cluster is not None:\n        bound", "    if False:\n        bound"),
    Mutation("who: only the bounded", "Q(all_clusters=True) | Q(pk__in=bound)", "Q(pk__in=bound)"),
    Mutation("who: only the unbounded", "Q(all_clusters=True) | Q(pk__in=bound)", "Q(all_clusters=True)"),
    Mutation(
        "who: shares of any action",
        '{"permission__codename": action, "content_object": thing.pk}',
        '{"content_object": thing.pk}',
    ),
    Mutation(
        "who: shares of any object",
        '{"permission__codename": action, "content_object": thing.pk}',
        '{"permission__codename": action}',
    ),
    Mutation(
        "who: not through groups",
        'memberships().filter(group__in=groups).values("user"),\n    ]',
        'memberships().none().values("user"),\n    ]',
    ),
    Mutation(
        "why: a disabled user may",
        'if not user.is_active:\n        return Decision(False, ("The user is disabled.",), refused="disabled")\n',
        "pass\n",
    ),
    Mutation("why: no boundary", "beyond = outside(subject, thing)", "beyond = False"),
    Mutation("why: no shares", "shared = action in shared_actions(user, thing)", "shared = False"),
    Mutation(
        "why: whatever is missing",
        "shared or any(not c.missing for c in candidates)",
        "shared or any(True for c in candidates)",
    ),
)

BRANCHES = (
    Mutation(
        "no conditions", "reduce(and_, (condition.things(subject, protected) for condition in conditions), Q())", "Q()"
    ),
    Mutation(
        "one condition is enough",
        "reduce(and_, (condition.things(subject, protected) for condition in conditions), Q())",
        "reduce(or_, (c.things(subject, protected) for c in conditions), Q())",
    ),
    Mutation("of few scopes, one type of many", "asked.filter(reduce(or_, alike))", "asked.filter(next(alike))"),
    Mutation("of few scopes, every type", "Q(entity_type__in=kinds, scope__above", "Q(scope__above"),
    Mutation("of few scopes, not below", "scope__above__ancestor__among=scopes", "scope__among=scopes"),
    Mutation("of many scopes, whatever the conditions", "        if conditions:\n", "        if False:\n"),
    Mutation(
        "of many scopes, every type, with conditions", "asked.filter(here, entity_type__in=kinds)", "asked.filter(here)"
    ),
    Mutation("of many scopes, every type", "entity_type__among=kinds, scope__among=", "scope__among="),
    Mutation("of many scopes, every type below", "entity_type__among=kinds, scope__in=", "scope__in="),
    Mutation("of many scopes, not below, with conditions", "if more_below else Q())", "if False else Q())"),
    Mutation("of many scopes, not below", "        if more_below:\n", "        if False:\n"),
    Mutation("of many scopes, only what has more below", "yield _resources_in.subquery(kinds, ends)", "pass"),
    Mutation("what has more below is not known", "~Q(kind=Scope.Kind.PROJECT), pk__among", "pk__in=[0], pk__among"),
    Mutation(
        "nothing lies below",
        'ancestor__among=scopes).values("descendant")',
        'ancestor__among=scopes).values("ancestor")',
    ),
    Mutation("the first of many", "for branch in branches:\n", "for branch in [*branches][:1]:\n"),
)

HOLDINGS = (
    Mutation(
        "expiry turned round", "ExpressionWrapper(Q(expires_at__lte=Now())", "ExpressionWrapper(Q(expires_at__gt=Now())"
    ),
    Mutation(
        "nothing expires",
        "yield Holding(role, scope, assignment, group, expired, ",
        "yield Holding(role, scope, assignment, group, False, ",
    ),
    Mutation("nothing expires for who holds much", "in rows if not expired)", "in rows)"),
    Mutation("nothing is missing but time", "if may_lack_more or (", "if ("),
    Mutation("nothing is pending", "expired, needs_scope and scope == root, off)", "expired, False, off)"),
    Mutation("pending anywhere", "needs_scope and scope == root", "needs_scope"),
    Mutation("pending turned round", "needs_scope and scope == root", "needs_scope and scope != root"),
    Mutation("every role has effect", "scope == root, off)", "scope == root, False)"),
    Mutation(
        "list: expired roles count",
        "not (self.expired or self.pending or self.switched_off)",
        "not (self.pending or self.switched_off)",
    ),
    Mutation(
        "list: pending roles count",
        "not (self.expired or self.pending or self.switched_off)",
        "not (self.expired or self.switched_off)",
    ),
    Mutation(
        "list: roles without effect count",
        "not (self.expired or self.pending or self.switched_off)",
        "not (self.expired or self.pending)",
    ),
    Mutation(
        "no roles through groups",
        "union([rows.filter(user=user).values_list(*columns), rows.filter(group__in=groups).values_list(*columns)])",
        "rows.filter(user=user).values_list(*columns)",
    ),
    Mutation(
        "roles of every group",
        'groups = memberships().filter(user=user).values("group")',
        'groups = memberships().exclude(user=user).values("group")',
    ),
    Mutation(
        "only roles through groups",
        "union([rows.filter(user=user).values_list(*columns), rows.filter(group__in=groups).values_list(*columns)])",
        "rows.filter(group__in=groups).values_list(*columns)",
    ),
    Mutation("default roles for credentials and services", "if user.is_person:", "if True:"),
    Mutation("default roles for nobody", "if user.is_person:", "if False:"),
    Mutation("default role whatever they hold", "            if unless not in effective:", "            if True:"),
    Mutation(
        "default role not beside an expired one", " if any(holding.in_effect for holding in self._itself(role)))", ")"
    ),
    Mutation(
        "default role beside an included one",
        "*(self.book.held_with[role] for role in effective)",
        "*({role} for role in effective)",
    ),
    Mutation("default role not at the organization", "append((role, book.root_id, ", "append((role, 0, "),
    Mutation("roles include nothing", "for giver in self.book.comes_with.get(role_id, ())", "for giver in (role_id,)"),
    Mutation("what an expired role includes counts", "included_in=giver)", "included_in=giver, expired=False)"),
    Mutation("what a pending role includes counts", "included_in=giver)", "included_in=giver, pending=False)"),
    Mutation(
        "what a role without effect includes counts", "included_in=giver)", "included_in=giver, switched_off=False)"
    ),
    Mutation("a bound user is in every cluster", "if self.user.all_clusters:", "if True:"),
    Mutation("who: expiry turned round", "Q(expires_at__gt=Now())", "Q(expires_at__lte=Now())"),
    Mutation("who: nothing expires", "LIVE = LASTING | Q(expires_at__gt=Now())", "LIVE = Q()"),
    Mutation("who: only what never ends", "LIVE = LASTING | Q(expires_at__gt=Now())", "LIVE = LASTING"),
    Mutation("who: roles include nothing", "if held & set(role_ids)}", "if role in role_ids}"),
    Mutation(
        "who: roles without effect count",
        "if held & set(role_ids)} - book.switched_off.keys()",
        "if held & set(role_ids)}",
    ),
    Mutation("who: roles count anywhere", "rows if scope_ids is None else rows.filter(scope__in=scope_ids)", "rows"),
    Mutation("who: no default roles", "for default, unless in book.defaults:", "for default, unless in ():"),
    Mutation("who: default role whatever they hold", " & ~Q(pk__in=rows)", ""),
    Mutation("who: default roles for credentials and services", "Q(kind=User.Kind.PERSON) & ~Q", "~Q"),
    Mutation(
        "who: default role beside an included one",
        "for role, held in book.held_with.items() if unless in held}",
        "for role in book.held_with if unless == role}",
    ),
    Mutation(
        "who: default role not beside one without effect",
        "if unless in held} - book.switched_off.keys()",
        "if unless in held}",
    ),
    Mutation("who: pending roles count", ".exclude(scope=book.root_id, role__in=pending)", ""),
    Mutation("who: pending anywhere", ".exclude(scope=book.root_id, role__in=pending)", ".exclude(role__in=pending)"),
    Mutation(
        "who: no roles through groups",
        'return [rows.filter(user__isnull=False).values("user"), ',
        'return [rows.filter(user__isnull=False).values("user")] or [',
    ),
    Mutation("an unbound user is in no cluster", "if self.user.all_clusters:", "if False:"),
    Mutation(
        "a bound user is in everybody's clusters",
        "User.clusters.through.objects.filter(user=self.user.pk)",
        "User.clusters.through.objects.all()",
    ),
)

CONDITIONS = (
    Mutation("owner: everybody", "return self.owner(thing, seen) == subject.user.pk", "return True"),
    Mutation(
        "owner: whoever is not",
        "return self.owner(thing, seen) == subject.user.pk",
        "return self.owner(thing, seen) != subject.user.pk",
    ),
    Mutation(
        "list: owner: everybody", "Q(**{self.path(seen): subject.user.pk}) if self.path(seen)", "Q() if self.path(seen)"
    ),
    Mutation(
        "who: owner: everybody",
        "return Q(pk=self.owner(thing, seen)) if self.owner(thing, seen) else NOTHING",
        "return Q()",
    ),
    Mutation(
        "owner and owner of the parent confused",
        "return seen.parent_owner if self.parent else seen.owner",
        "return seen.owner if self.parent else seen.parent_owner",
    ),
    Mutation(
        "listed: always",
        "return seen.listed and not subject.role_ids.isdisjoint(listed_role_ids(thing))",
        "return seen.listed",
    ),
    Mutation("listed: turned round", "seen.listed and not subject", "seen.listed and subject"),
    Mutation("list: listed: by any role", "listing.filter(role__in=subject.role_ids)", "listing.all()"),
    Mutation(
        "list: listed: by a tag with any role", "tagging.filter(tag__roles__in=subject.role_ids)", "tagging.all()"
    ),
    Mutation("list: listed: not by tags", "tagging.filter(tag__roles__in=subject.role_ids)", "tagging.none()"),
    Mutation("list: listed: only by tags", "listing.filter(role__in=subject.role_ids)", "listing.none()"),
    Mutation(
        "who: listed: everybody", "Q(pk__in=union(holders(listed_role_ids(thing)))) if seen.listed else NOTHING", "Q()"
    ),
    Mutation(
        "listed: not by tags",
        "role.pk for tag in thing.tags.all() for role in tag.roles.all()",
        "role.pk for tag in () for role in tag.roles.all()",
    ),
    Mutation("listed: only by tags", "{role.pk for role in thing.listed_roles.all()} | {", "{"),
    Mutation("listed: asked of what is not saved", "if thing._state.adding:", "if False:"),
    Mutation(
        "field: any value",
        "return self.name in seen.fields and value(thing, seen.fields[self.name]) in self.values",
        "return self.name in seen.fields",
    ),
    Mutation("list: field: any value", 'Q(**{f"{seen.fields[self.name]}__in": self.values}) if', "Q() if"),
    Mutation("no rule asks for the owner", "if rule.owner:", "if False:"),
    Mutation("no rule asks for the parent's owner", "if rule.parent_owner:", "if False:"),
    Mutation("no rule asks for listed roles", "if rule.listed:", "if False:"),
    Mutation("no rule asks for fields", "in sorted(rule.fields.items()):", "in ():"),
    Mutation("roles are compared by name", 'if name == "role" else values', "if False else values"),
)

RULEBOOK = (
    Mutation("whatever includes a role that is set aside", ".difference(set_aside)", ""),
    Mutation(
        "what is without effect is included", "without = () if pk in switched_off else switched_off", "without = ()"
    ),
    Mutation("settings hang no role on another", "direct[setting.named_id].add(setting.role_id)", "pass"),
    Mutation("settings set no role aside", "switched_off=set_aside | switched_off,", "switched_off=switched_off,"),
    Mutation("a setting that names its role sets it aside", "if s.named_id != s.role_id and not (", "if not ("),
    Mutation(
        "a setting for everybody sets its role aside", " and not (s.named_id is None and s.everybody_if_unset)\n", "\n"
    ),
    Mutation(
        "a setting not set: nobody",
        "everybody = [s.role_id for s in settings if s.named_id is None and s.everybody_if_unset]",
        "everybody = []",
    ),
    Mutation(
        "a setting not set: everybody", "if s.named_id is None and s.everybody_if_unset]", "if s.named_id is None]"
    ),
    Mutation(
        "a setting is for everybody, set or not",
        "if s.named_id is None and s.everybody_if_unset]",
        "if s.everybody_if_unset]",
    ),
    Mutation(
        "included roles include nothing",
        "            found |= new\n            todo += new\n",
        "            found |= new\n",
    ),
    Mutation("a default role without effect", "for pk in everybody if pk not in switched_off]", "for pk in everybody]"),
    Mutation("a default role beside what everybody holds", " and unless not in held_always:", ":"),
    Mutation(
        "a default role without effect, unless",
        "if unless and role not in switched_off and",
        "if unless and",
    ),
    Mutation("roles of a catalogue that is off", "if not catalogue.is_enabled:", "if False:"),
    Mutation("retired roles", "if role.is_retired:", "if False:"),
    Mutation("roles of a module that is missing", "if role.module and not role.module.is_installed:", "if False:"),
    Mutation("roles of every module are off", "if role.module and not role.module.is_installed:", "if role.module:"),
    Mutation("roles of a later version", "_numbers(catalogue.platform_version) < _numbers(role.since):", "False:"),
    Mutation(
        "versions compare as texts",
        "_numbers(catalogue.platform_version) < _numbers(role.since):",
        "catalogue.platform_version < role.since:",
    ),
    Mutation(
        "rules of another action",
        "found = self.lines.get((action, type_id))",
        "found = next((f for (a, t), f in self.lines.items() if t == type_id), None)",
    ),
    Mutation(
        "types are found by the first of two with their name",
        "if len(found) == 1:\n            return found[0]\n        if found:",
        "if found:\n            return found[0]\n        if found:",
    ),
)

MUTATIONS = {
    "access": ACCESS,
    "branches": BRANCHES,
    "holdings": HOLDINGS,
    "conditions": CONDITIONS,
    "rulebook": RULEBOOK,
}
