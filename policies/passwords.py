"""Generated passwords and usernames."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def generate_password() -> str:
    """24 random letters and digits: 142 bits, and no character that a shell or a configuration file would read."""
    return "".join(secrets.choice(ALPHABET) for _ in range(24))


def generate_username() -> str:
    """`user-` and 12 random lower-case letters and digits (OVH-11)."""
    return "user-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
