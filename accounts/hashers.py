from django.contrib.auth.hashers import Argon2PasswordHasher


class RosterArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at OWASP's minimum (19 MiB, two passes, one lane): about 20 ms, where Django's default takes 220 ms and 100 MiB."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
