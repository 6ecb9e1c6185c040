"""What all pages of the Django admin share.

The access layer decides who sees and does what, the actions write and audit. Django opens a transaction around its
change and delete views; these pages leave it out: the action opens its own, so that passwords are hashed before it
begins and the record of a refused write outlives the write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Scope
from console.denials import denied_page
from policies import access
from policies.actor import Actor
from policies.audit import record, recording
from policies.errors import AlreadyDone, Conflict, Denied
from policies.holdings import subject_for
from policies.protected import PROTECTED, At, entity_type_of
from policies.rulebook import UnknownQuestion

STALE = (
    "Somebody changed this while the form was open. Nothing was overwritten: open it again to see what is there now."
)


def may(user: Any, action: str, thing: Any) -> bool:
    """access.may, with No for what no catalogue speaks of: pages are looked at before the first catalogue is loaded."""
    try:
        return bool(action) and access.may(user, action, thing)
    except UnknownQuestion:
        return False


def everywhere(user: Any, kind: str) -> At:
    """Some object of a type, asked at the root: for what concerns every place. Costs no query, menus ask often."""
    root = subject_for(user).book.root_id
    return At(kind, Scope(pk=root, kind=Scope.Kind.ORGANIZATION, path=f"{root}/"))


class ActionForm(forms.ModelForm):
    """A form whose last step of validation is the action itself.

    What the action refuses then stands beside its field, and nothing that was typed is lost.
    """

    actor: ClassVar[Actor]
    write: ClassVar[Callable[[Actor, Any], Model]]
    guarded: ClassVar[tuple[str, ...]] = ()  # fields whose value at the time the form was shown comes back with it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.guarded:
            if name in self.fields and self.instance.pk:
                self.fields[name].show_hidden_initial = True

    def changes(self, *names: str) -> dict[str, Any]:
        """{name: new value} of those fields that the person changed (of all fields, without names)."""
        return {name: self.cleaned_data[name] for name in self.changed_data if not names or name in names}

    def seen(self) -> dict[str, Any]:
        """{name: value the form was shown with} of the guarded fields that the person changed."""
        names = [
            name for name in self.changed_data if name in self.guarded and self.add_initial_prefix(name) in self.data
        ]
        return {name: self.fields[name].to_python(self.data[self.add_initial_prefix(name)]) for name in names}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not self.has_changed():
            return
        try:
            self.instance = self.write(self.actor, self)
        except ValidationError as error:
            self._say(error)
        except Conflict:
            self.add_error(None, STALE)

    def _say(self, error: ValidationError) -> None:
        """What was refused: beside its field, or above all of them where the form does not have that field."""
        told: dict[str, Any] = getattr(error, "error_dict", None) or {"": error.error_list}
        for name, errors in told.items():
            self.add_error(name if name in self.fields else None, errors)


class RosterAdmin(admin.ModelAdmin):
    """One model. A subclass names its entity types, the actions that show and change an object, and how to write one.

    An entity type that is no model's (a page of the installation) is decided as such, for all rows alike.
    """

    entity_types: tuple[str, ...] = ("installation",)
    sees, adds, changes, deletes = "administer", "", "", ""
    form = ActionForm
    no_secret = False  # whoever has a field for such a row may choose among all of them
    lookups: tuple[str, ...] = ()  # further columns that a link may filter by, beside those in list_filter
    list_per_page = 50
    show_full_result_count = False
    view_on_site = False
    change_form_template = "admin/form_with_tools.html"
    change_list_template = "admin/list_with_tools.html"

    def write(self, actor: Actor, form: Any) -> Model:
        """Create or change through an action, from a valid form. Returns the object."""
        raise NotImplementedError

    def erase(self, actor: Actor, obj: Any) -> None:
        """Delete through an action."""
        raise NotImplementedError

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        """(label, URL) of further buttons above an object, or above the list."""
        return ()

    # ---- Who may

    def may(self, request: HttpRequest, action: str, obj: Any = None) -> bool:
        """Whether the person may do the action: with the object, or without one with any object at all."""
        if not self._is_protected():
            things: list[Any] = [everywhere(request.user, kind) for kind in self.entity_types]
        elif obj is None:
            things = [At(kind) for kind in self.entity_types]
        else:
            things = [obj]
        return any(may(request.user, action, thing) for thing in things)

    def _is_protected(self) -> bool:
        """Whether the entity types are those of the model's own rows."""
        protected = PROTECTED.get(self.entity_types[0])
        return protected is not None and protected.model._meta.concrete_model is self.opts.concrete_model

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True  # each model decides for itself

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.sees, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.adds)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.changes, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.deletes, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if not self._is_protected():
            return rows if self.may(request, self.sees) else rows.none()
        try:
            visible = [access.permitted(request.user, self.sees, kind) for kind in self.entity_types]
        except UnknownQuestion:
            return rows.none()
        if all(some.model is self.model for some in visible):
            rows = reduce(or_, visible).order_by(*(self.get_ordering(request) or self.opts.ordering))
        else:  # proxies of one model do not unite
            rows = rows.filter(reduce(or_, (Q(pk__in=some.order_by().values("pk")) for some in visible)))
        return rows.select_related(*self.list_select_related) if self.list_select_related else rows

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """Only what the person may see can be chosen: any other row number is no valid choice, existing or not."""
        remote = db_field.remote_field.model
        if not self.admin_site.is_registered(remote) or self.admin_site.get_model_admin(remote).no_secret:
            return super().get_field_queryset(db, db_field, request)
        return self.admin_site.get_model_admin(remote).get_queryset(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filters of the list, and no other column: `?password__startswith=` would read a hash letter by letter."""
        columns = [
            item if isinstance(item, str) else item[0] for item in self.list_filter if isinstance(item, str | tuple)
        ]
        allowed = {*self.lookups, *columns, *(f"{column}{end}" for column in columns for end in FILTERS)}
        return lookup in allowed

    # ---- Reading

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["tools"] = list(self.tools(request, context["original"])) if context["original"] else []
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit trail, instead of the admin's own log, which is not kept."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        about = {"object_uid": obj.uid} if getattr(obj, "uid", "") else {"q": str(obj)}
        return HttpResponseRedirect(f"{reverse('admin:policies_auditevent_changelist')}?{urlencode(about)}")

    # ---- Writing

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"actor": Actor.of_request(request), "write": self.write})

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """The form's action saved it."""

    save_related = save_model

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self.erase(Actor.of_request(request), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """All of them or none, one event each."""
        actor = Actor.of_request(request)
        with recording(actor):
            for obj in queryset:
                self.erase(actor, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The objects alone: what goes with them, and whether that may be, is the action's matter."""
        rows = list(objs)
        refused = {str(self.opts.verbose_name) for obj in rows if not self.has_delete_permission(request, obj)}
        return [str(obj) for obj in rows], {str(self.opts.verbose_name_plural): len(rows)}, refused, []

    def log_addition(self, *args: Any) -> None:
        """The audit trail has it; the admin's own log is not kept."""

    log_change = log_deletions = log_addition

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        action = self.changes or "update" if object_id else self.adds or "create"
        return self.answer(request, self._changeform_view, object_id, form_url, extra_context, action=action)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        return self.answer(request, self._delete_view, object_id, extra_context, action=self.deletes or "delete")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {**(extra_context or {}), "tools": list(self.tools(request))}
        action = self.deletes or "delete" if request.POST.get("action") == "delete_selected" else self.sees
        return self.answer(request, super().changelist_view, context, action=action)

    def answer(self, request: HttpRequest, view: Callable[..., Any], *args: Any, action: str) -> Any:
        """The view's answer, with words for what an action refuses. `action`: what a POST of the view is about."""
        try:
            return view(request, *args)
        except Denied as denied:  # recorded by the action
            return denied_page(request, denied)
        except PermissionDenied:
            if request.method == "POST":
                self._record_refused(request, args[0] if args and isinstance(args[0], str) else None, action)
            raise
        except AlreadyDone:
            return render(request, "admin/already_done.html", self.admin_site.each_context(request), status=409)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except Conflict:
            messages.error(request, STALE)
        return HttpResponseRedirect(request.get_full_path())

    def _record_refused(self, request: HttpRequest, object_id: str | None, action: str) -> None:
        obj = self.get_object(request, unquote(object_id)) if object_id else None
        kind = self.opts.model_name
        if self._is_protected():
            kind = entity_type_of(obj) if obj is not None else self.entity_types[0]
        record(Actor.of_request(request), f"{kind}.{action}", obj, outcome="refused")


FILTERS = ("__exact", "__id__exact", "__isnull", "__gte", "__lt")  # what Django's filters append to a column


class ReadOnlyAdmin(RosterAdmin):
    """Rows that only Roster itself writes."""

    hidden: tuple[str, ...] = ()  # columns that are nobody's business

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return list(self.list_display) if self.list_display != ("__str__",) else self._columns()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self._columns(), *(field.name for field in self.opts.local_many_to_many)]

    def _columns(self) -> list[str]:
        return [field.name for field in self.opts.fields if field.name not in ("id", *self.hidden)]
