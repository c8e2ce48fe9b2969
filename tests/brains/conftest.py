"""A vendor for the tests of brains."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vendor import Vendor


@pytest.fixture(scope="module")
def _one_vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def vendor(_one_vendor: Vendor) -> Vendor:
    """The stub vendor, which has not been asked anything yet."""
    _one_vendor.reset()
    return _one_vendor
