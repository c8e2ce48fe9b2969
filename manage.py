#!/usr/bin/env python3
"""Django's command line; holds the embedded database while a command runs."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 — without Django: pip's own error

    from coach_project import postgres  # noqa: PLC0415

    with postgres.held_for_commands():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
