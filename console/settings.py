"""Settings, safe by default; the README has the table of the variables that change them.

Development differs from production only in what plain http on one machine needs: cookies without the __Host- prefix,
no redirect to https, and a generated key. DEBUG is off in both.
"""

import os
from importlib.resources import files
from pathlib import Path

from csp.constants import NONE, SELF

from console import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# ---- Where and how it runs
PRODUCTION = environment.choice("ROSTER_ENV", "development", "production") == "production"
DEBUG = environment.choice("ROSTER_DEBUG", "0", "1") == "1"
ROSTER_DATA = environment.folder("ROSTER_DATA", BASE_DIR / "var")

SECRET_KEY = os.environ.get("ROSTER_SECRET_KEY", "")
# A new key signs, the old ones still verify: how to change the key without signing everybody out.
SECRET_KEY_FALLBACKS = environment.words("ROSTER_SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = environment.words("ROSTER_ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
# Links in mail and tokens name this address, never the one in the request's Host header.
ROSTER_BASE_URL = os.environ.get("ROSTER_BASE_URL", "").rstrip("/") or (
    f"https://{ALLOWED_HOSTS[0]}" if PRODUCTION and ALLOWED_HOSTS else "http://127.0.0.1:8000"
)
if PRODUCTION:
    environment.refuse_unsafe_production(
        debug=DEBUG, secret_key=SECRET_KEY, allowed_hosts=ALLOWED_HOSTS, base_url=ROSTER_BASE_URL
    )
elif not SECRET_KEY:
    SECRET_KEY = environment.stored_key(ROSTER_DATA / "secret_key")
CSRF_TRUSTED_ORIGINS = [ROSTER_BASE_URL] if PRODUCTION else []

# Only these peers may say, in X-Forwarded-For and -Proto, for whom they speak; the middleware removes what others send.
ROSTER_TRUSTED_PROXIES = environment.networks("ROSTER_TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ---- Applications
INSTALLED_APPS = [
    "console",
    "policies",
    "accounts",
    "guardian",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "heroicons",
    "csp",
    "django.contrib.humanize",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

# Those before `services` see every answer, so that static files, 404 and 500 carry their headers too; the others, pages.
MIDDLEWARE = [
    "console.middleware.RequestContextMiddleware",
    "console.middleware.security_headers",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "console.middleware.rules_asked_once",
    "console.middleware.services",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "console.middleware.session_limits",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "console.signing_in.TemporaryPasswordMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.navigation.frame",
            ]
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
FORM_RENDERER = "console.forms.rendering.Renderer"

# ---- Storage
DATABASES = {
    "default": environment.database(os.environ.get("DATABASE_URL") or f"sqlite:///{ROSTER_DATA / 'roster.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue instead of failing: WAL lets readers pass, IMMEDIATE takes the write lock before the first read (a
    # transaction that reads first and then wants to write cannot wait), the timeout is the length of the queue.
    # synchronous=FULL: with NORMAL a power cut loses commits that were acknowledged, and the audit head file, written
    # beside the database, would then rightly say that the trail has been cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"
            "PRAGMA cache_size=-32000; PRAGMA mmap_size=134217728; PRAGMA temp_store=MEMORY"
        ),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Limits on sign-in count here, so all workers must share it.
CACHE_URL = os.environ.get("CACHE_URL") or "db://roster_cache"
CACHES = {"default": environment.cache(CACHE_URL)}

# ---- Who one is
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["console.signing_in.SignInBackend", "policies.backends.RoleBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.RosterArgon2PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Length and a list of known passwords, no rules of composition: those make passwords worse.
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username", "description", "email"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "console.signing_in.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # sign-up is closed; allauth checks that this agrees with the above
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True  # a session ends by the limits below, not by a tick box
# Roster's own limiter answers before the password is hashed.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
# "Last seen" is shown. session_limits writes it once a minute; allauth's own middleware would write on every request.
USERSESSIONS_TRACK_ACTIVITY = True

# ---- What one may do
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
GUARDIAN_GET_CONTENT_TYPE = "policies.shares.get_content_type"
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # its stock backend must not stand beside RoleBackend, which is built on it

# ---- Sessions and cookies
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # one indexed read; ended on every worker at once
ROSTER_SESSION_IDLE = environment.seconds("ROSTER_SESSION_IDLE", 2 * 60 * 60)
ROSTER_SESSION_ABSOLUTE = environment.seconds("ROSTER_SESSION_ABSOLUTE", 12 * 60 * 60)
SESSION_COOKIE_AGE = ROSTER_SESSION_ABSOLUTE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
ROSTER_COOKIE_PREFIX = "__Host-" if PRODUCTION else ""
SESSION_COOKIE_NAME = f"{ROSTER_COOKIE_PREFIX}roster_session"
CSRF_COOKIE_NAME = f"{ROSTER_COOKIE_PREFIX}roster_csrf"
MESSAGE_STORAGE = "console.middleware.NoticeStorage"

# ---- Identity v3: what clients and services of OpenStack speak
ROSTER_TOKEN_SECONDS = environment.seconds("ROSTER_TOKEN_SECONDS", 60 * 60)
ROSTER_IDENTITY_LIST_LIMIT = environment.number("ROSTER_IDENTITY_LIST_LIMIT", 100_000)

# ---- App tokens
ROSTER_APP_TOKEN_DAYS = environment.number("ROSTER_APP_TOKEN_DAYS", 366, "number of days")  # the longest life

# ---- What a browser is told
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# ---- Static files
STATIC_URL = "/static/"
STATIC_ROOT = ROSTER_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("vendor", str(files("bootstrap") / "css"))]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ---- Language and time
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# ---- Log
LOGGING = logs.configuration(os.environ.get("ROSTER_LOG_LEVEL") or "INFO")
