"""The product's settings for tests: a data folder for this process alone, and nothing that waits for a disk."""

import atexit
import os
import shutil
import tempfile

# Never the folder of a real installation, whatever the environment says; each test process has its own audit head.
os.environ["ROSTER_DATA"] = tempfile.mkdtemp(prefix="roster-tests-")
os.environ["ROSTER_ENV"] = "development"
os.environ.setdefault("ROSTER_LOG_LEVEL", "WARNING")
atexit.register(shutil.rmtree, os.environ["ROSTER_DATA"], ignore_errors=True)

from accounts.hashers import RosterArgon2PasswordHasher  # noqa: E402
from console.settings import *  # noqa: E402, F403
from console.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE, ROSTER_DATA, STATIC_ROOT, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
SECRET_KEY = "a key for tests only, that signs nothing anybody keeps"

# The same hasher, at its least: a run makes thousands of passwords that nobody will ever guess at.
RosterArgon2PasswordHasher.time_cost, RosterArgon2PasswordHasher.memory_cost = 1, 8

# Nothing is collected for tests: manifest storage would raise, and whitenoise warn of the missing folder.
STATIC_ROOT.mkdir()
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

if "init_command" in DATABASES["default"].get("OPTIONS", {}):
    # A file, not memory: threads and processes then meet the locks that they meet in production.
    DATABASES["default"]["TEST"] = {"NAME": ROSTER_DATA / "test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"

    # A query per row raises in any request of any test; it would be the same one on the other database.
    INSTALLED_APPS.append("zeal")
    MIDDLEWARE.insert(0, "zeal.middleware.zeal_middleware")
# allauth looks at a person's sessions one by one, at each sign-in and to list them, and twice where two requests make one.
ZEAL_ALLOWLIST = [{"model": model, "field": "get()"} for model in ("sessions.Session", "usersessions.UserSession")]
