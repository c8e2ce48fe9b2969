"""An application that takes its time to load."""

from __future__ import annotations

import time

from tests.coach_project.nothing import application

__all__ = ["application"]

time.sleep(1.5)
