"""Django's settings, all from the environment (or a .env beside manage.py). docs/settings.md lists the names."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext

from coach_project import launch, logs, postgres
from coach_project.environment import Environment, read_dotenv

django_stubs_ext.monkeypatch()  # so that `ModelAdmin[Session]` is also an expression

BASE_DIR = Path(__file__).resolve().parent.parent

_values = dict(os.environ)
read_dotenv(BASE_DIR / ".env", _values)
env = Environment(_values)

# --- Where it runs ------------------------------------------------------------------------------------------------
DEBUG = env.flag("DJANGO_DEBUG")
COACH_DATA = (BASE_DIR / env.text("COACH_DATA", ".data")).absolute()
COACH_AUTH = env.one_of("COACH_AUTH", ("open", "token"), "token")
COACH_ORIGINS = env.words("COACH_ORIGINS")
COACH_LOGS = env.one_of("COACH_LOGS", launch.LOG_KINDS, "line" if COACH_AUTH == "open" else "json")
COACH_TRACES = env.flag("COACH_TRACES", bool(env.text("OTEL_EXPORTER_OTLP_ENDPOINT")))
COACH_SLOW_QUERY = env.whole("COACH_SLOW_QUERY", 500)  # ms
LOOPBACK_HOSTS = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = list(env.words("DJANGO_ALLOWED_HOSTS")) or LOOPBACK_HOSTS

COACH_ADMIN_PATH = env.segment("COACH_ADMIN_PATH", "admin")

# --- Who is asking (COACH_AUTH=token): users' tokens of the app's own identity provider ----------------------------
COACH_JWT_JWKS_URL = env.text("COACH_JWT_JWKS_URL")
COACH_JWT_ISSUER = env.text("COACH_JWT_ISSUER")
COACH_JWT_AUDIENCE = env.text("COACH_JWT_AUDIENCE")
COACH_JWT_ALGORITHMS = env.words("COACH_JWT_ALGORITHMS", ("RS256", "ES256"))
COACH_WALLED = {"chat.Piece": "turn"}  # tables that are somebody's by another one, for row-level security
COACH_JWT_APP = env.text("COACH_JWT_APP", "main")
env.tokens(COACH_JWT_JWKS_URL, COACH_JWT_ISSUER, COACH_JWT_AUDIENCE, COACH_JWT_ALGORITHMS)

# --- Secret -------------------------------------------------------------------------------------------------------
# Without a key: `open` mode keeps one beside the data, a command gets a throw-away one, a `token` server refuses.
SECRET_KEY_IS_MISSING = False
SECRET_KEY = env.text("DJANGO_SECRET_KEY")
if not SECRET_KEY:
    SECRET_KEY_IS_MISSING = COACH_AUTH != "open"
    SECRET_KEY = secrets.token_urlsafe(50) if SECRET_KEY_IS_MISSING else postgres.kept_secret(COACH_DATA)

# --- Database -----------------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL")
DATABASE_DIRECT_URL = env.text("DATABASE_DIRECT_URL", DATABASE_URL)
EMBEDDED_DATABASE = not DATABASE_URL
COACH_POOL_SIZE = env.whole("COACH_POOL_SIZE", 10, least=3, most=1000)
# A worker has two pools, psycopg's async one for turns and Django's for everything else, and a connection that listens.
COACH_SYNC_POOL_SIZE = max(1, COACH_POOL_SIZE // 3)
COACH_TURN_POOL_SIZE = COACH_POOL_SIZE - COACH_SYNC_POOL_SIZE - 1
COACH_SERVING = env.flag("COACH_SERVING")  # set by the server's own configuration: commands and tests need no pool


def _database() -> dict[str, Any]:
    where = postgres.parse_url(DATABASE_URL) if DATABASE_URL else postgres.address(COACH_DATA)
    options: dict[str, Any] = {**where.options, "connect_timeout": 5}
    if COACH_SERVING:
        options["pool"] = {"min_size": 0, "max_size": COACH_SYNC_POOL_SIZE, "timeout": 5}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": where.host,
        "PORT": where.port,
        "USER": where.user,
        "PASSWORD": where.password,
        "NAME": where.name,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # a database that was restarted is found out by the pool, not by a request
        "OPTIONS": options,
    }


try:
    DATABASES = {"default": _database()}
except ValueError as error:
    env.wrong(f"DATABASE_URL: {error}")
    DATABASES = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache --------------------------------------------------------------------------------------------------------
# Shared by all workers where there is a Redis, else each worker's own. What is in it may be lost at any time.
REDIS_URL = env.redis("REDIS_URL")
REDIS_PATIENCE = 1.0  # s for a connection and for an answer: whoever asks goes on without it
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "coach",
        "OPTIONS": {"socket_connect_timeout": REDIS_PATIENCE, "socket_timeout": REDIS_PATIENCE},
    }

# --- Brains -------------------------------------------------------------------------------------------------------
COACH_CONNECT_TIMEOUT = env.seconds("COACH_CONNECT_TIMEOUT", 5)
COACH_FIRST_TOKEN_TIMEOUT = env.seconds("COACH_FIRST_TOKEN_TIMEOUT", 60)
COACH_IDLE_TIMEOUT = env.seconds("COACH_IDLE_TIMEOUT", 30)
COACH_TURN_TIMEOUT = env.seconds("COACH_TURN_TIMEOUT", 300)
COACH_DRAIN_TIMEOUT = env.seconds("COACH_DRAIN_TIMEOUT", 30, least=0)
COACH_BREAKER_FAILURES = env.whole("COACH_BREAKER_FAILURES", 5, least=1)
COACH_BREAKER_COOLDOWN = env.seconds("COACH_BREAKER_COOLDOWN", 30)
COACH_OUTPUT_LIMIT = env.whole("COACH_OUTPUT_LIMIT", 262_144, least=1)
COACH_LIMITS = env.flag("COACH_LIMITS", True)
COACH_MAX_TURNS = env.whole("COACH_MAX_TURNS", 10_000, least=1)
COACH_REQUESTS_PER_APP = env.whole("COACH_REQUESTS_PER_APP", 6000)  # of a key, a minute; 0: any number
COACH_REQUESTS_PER_USER = env.whole("COACH_REQUESTS_PER_USER", 300)  # of a user with a token or login, a minute
COACH_MAX_TURNS_PER_USER = env.whole("COACH_MAX_TURNS_PER_USER", 3, least=1)
COACH_LEASE_TIMEOUT = env.seconds("COACH_LEASE_TIMEOUT", 30, least=1)
COACH_IDEMPOTENCY_HOURS = env.number("COACH_IDEMPOTENCY_HOURS", 24, least=0.001)

# BACKEND: a class with the shape of brains.types.Brain. REQUIRES: what must be set before it can think, by name, so that
# the checks need no SDK. OPTIONS: what the class is built with; `context_tokens` bounds the prompt, `output_tokens` the reply.
# SCHEMA: it answers with JSON where a prompt has a schema (absent: it cannot); memory draws facts so, and else by rules.
BRAINS: dict[str, dict[str, Any]] = {
    "claude": {
        "BACKEND": "brains.claude.ClaudeBrain",
        "SCHEMA": True,
        "REQUIRES": {"ANTHROPIC_API_KEY": env.text("ANTHROPIC_API_KEY")},
        "OPTIONS": {
            "model": env.text("CLAUDE_MODEL", "claude-sonnet-5-5"),
            "api_key": env.text("ANTHROPIC_API_KEY"),
            "base_url": env.text("ANTHROPIC_BASE_URL"),
            "connect_timeout": COACH_CONNECT_TIMEOUT,
            "output_tokens": 4096,
            "context_tokens": 60_000,
        },
    },
    "openai": {
        "BACKEND": "brains.openai.OpenAIBrain",
        "SCHEMA": True,
        "REQUIRES": {"OPENAI_API_KEY": env.text("OPENAI_API_KEY")},
        "OPTIONS": {
            "model": env.text("OPENAI_MODEL", "gpt-6-luna"),
            "api_key": env.text("OPENAI_API_KEY"),
            "base_url": env.text("OPENAI_BASE_URL"),
            "api": env.one_of("OPENAI_API", ("responses", "chat"), "responses"),
            "connect_timeout": COACH_CONNECT_TIMEOUT,
            "output_tokens": 4096,
            "context_tokens": 60_000,
        },
    },
    "config": {
        "BACKEND": "brains.scripted.ScriptedBrain",
        "REQUIRES": {},
        "OPTIONS": {"words_per_second": env.number("COACH_PACE", 20), "context_tokens": 60_000},
    },
}
# What models cost: another file of the form of brains/prices.toml, for an operator's own contracts and models.
COACH_PRICES = str(BASE_DIR / env.text("COACH_PRICES", "brains/prices.toml"))
COACH_BRAIN = env.one_of("COACH_BRAIN", tuple(BRAINS), "config")
COACH_FALLBACK = env.words("COACH_FALLBACK")
for _alias in COACH_FALLBACK:
    if _alias not in BRAINS:
        env.wrong(f"COACH_FALLBACK names {_alias!r}; there are {', '.join(BRAINS)}.")
COACH_CONTEXT = env.words(
    "COACH_CONTEXT", ("memory.source.Memory",)
)  # what tells prompts more than persona and history
COACH_SAFETY_PERSONA = env.text("COACH_SAFETY_PERSONA", "calm_coach")
COACH_RETENTION_DAYS = env.whole("COACH_RETENTION_DAYS", 0, most=36_500)  # 0: nothing goes by itself
COACH_MEMORY_DELAY = env.seconds("COACH_MEMORY_DELAY", 30, least=0)

# --- Background work ----------------------------------------------------------------------------------------------
PROCRASTINATE_WORKER_DEFAULTS = {
    "concurrency": 4,
    "delete_jobs": "successful",
    "shutdown_graceful_timeout": 5,
}

# --- Django -------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "coach_project.apps.CoachAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "axes",
    "brains",
    "identity",
    "personas",
    "safety",
    "chat",
    "memory",
    "web",
]
MIDDLEWARE = [
    "coach_project.errors.ErrorsAsJSON",
    "coach_project.static_files.StaticFiles",
    "django.middleware.security.SecurityMiddleware",
    "coach_project.policies.Policies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "coach_project.access.Walled",
]
ROOT_URLCONF = "coach_project.urls"
ASGI_APPLICATION = "coach_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Behind a proxy that ends TLS and says so: X-Forwarded-Proto is believed, cookies and pages are for https alone.
COACH_HTTPS = env.flag("COACH_HTTPS")
if COACH_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]  # asked by the platform, inside
    SECURE_HSTS_SECONDS = env.whole("COACH_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("COACH_HSTS_SUBDOMAINS", default=True)
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # no collectstatic step
APPEND_SLASH = False
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
CSRF_FAILURE_VIEW = "coach_project.errors.forbidden"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # by name alone, a stranger could lock out an operator
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_CALLABLE = "web.views.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["password", "next", "csrfmiddlewaretoken"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chat.bodies.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "chat.bodies.JSONWhateverIsAccepted",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "chat.bodies.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Coach",
    "DESCRIPTION": "A streaming chat backend for AI coaching personas.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chat.schema.with_async_views",
        "memory.schema.with_choices",
        "coach_project.schema.with_callers",
    ],
    "ENUM_NAME_OVERRIDES": {"OriginEnum": "memory.models.Origin", "TellerEnum": ["user", "coach"]},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = logs.configuration(COACH_LOGS)

env.complain()
