"""Identity v3: what OpenStack clients and services ask for at /identity/."""
