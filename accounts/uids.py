"""Public ids: what stands in URLs and answers instead of row numbers."""

import secrets


def new_uid() -> str:
    """32 random hexadecimal characters (128 bits)."""
    return secrets.token_hex(16)
