"""The audit trail, to read."""

from console.admin.base import ReadOnlyAdmin


class AuditEventAdmin(ReadOnlyAdmin):
    entity_types = ("event_history",)
    sees = "read"
    list_display = ("sequence", "at", "actor", "action", "object_name", "scope_name", "outcome", "address")
    list_filter = ("outcome", "at")
    lookups = ("object_uid", "actor_uid", "action")
    search_fields = ("actor", "action", "object_name", "scope_name")
    hidden = ("scope_id",)
