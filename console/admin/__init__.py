"""Django's admin: every model, decided by the access layer, written through the actions."""
