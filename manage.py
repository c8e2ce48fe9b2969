#!/usr/bin/env python3
"""Django's command line; holds the embedded database while a command runs."""

from __future__ import annotations

import os
import sys

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
except ModuleNotFoundError:
    sys.exit("This Python has no Django: ./run makes one that has; then it is .venv/bin/python manage.py …")

from coach_project import postgres
from coach_project.launch import Refused


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    try:
        with postgres.held_for_commands():
            execute_from_command_line(sys.argv)
    except (Refused, ImproperlyConfigured) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
