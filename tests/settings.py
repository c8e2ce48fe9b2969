"""The project's settings for the tests: in a data folder of their own, and deaf to the developer's keys and .env."""

from __future__ import annotations

import os
import secrets

from coach_project.environment import read_dotenv
from coach_project.launch import BASE_DIR

KEPT = ("COACH_DATA", "COACH_TESTS_RUN", "DJANGO_SETTINGS_MODULE")
LAUNCH = ("HOST", "PORT", "WEB_CONCURRENCY")
OURS = ("COACH_", "DJANGO_", "ANTHROPIC_", "OPENAI_", "CLAUDE_", "REDIS_")

if "COACH_TESTS_RUN" not in os.environ:  # the workers of a parallel run find it, and all that is below, done
    written: dict[str, str] = {}
    read_dotenv(BASE_DIR / ".env", written)
    ours = {name for name in os.environ if name in LAUNCH or (name.startswith(OURS) and name not in KEPT)}
    for name in ours | (written.keys() - os.environ.keys()):
        os.environ[name] = ""
    os.environ["COACH_DATA"] = os.path.join(os.environ.get("COACH_DATA") or ".data", "test")
    os.environ["COACH_AUTH"] = "open"
    os.environ["COACH_PACE"] = "0"
    os.environ["COACH_TESTS_RUN"] = f"coach_test_{os.getpid()}_{secrets.token_hex(3)}"

from coach_project.settings import *  # noqa: E402, F403
from coach_project.settings import DATABASES  # noqa: E402

RUN = os.environ["COACH_TESTS_RUN"]
"""The beginning of the name of every database that this run of the tests makes."""

DATABASES["default"]["TEST"] = {"NAME": RUN}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
