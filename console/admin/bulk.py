"""Changes to many users at once, and what came of each."""

from console.admin.base import ReadOnlyAdmin


class BulkAdmin(ReadOnlyAdmin):
    list_select_related = True
