"""What tests of the memory share."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def api() -> Client:
    """Answers with a 500 where the server would."""
    return Client(raise_request_exception=False)
