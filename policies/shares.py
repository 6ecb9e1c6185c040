"""How guardian finds an object's content type."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model


def get_content_type(obj: Model | type[Model]) -> ContentType:
    """The proxy's own content type (a project's, not a scope's): shares of a project are stored with it."""
    return ContentType.objects.get_for_model(obj, for_concrete_model=False)
