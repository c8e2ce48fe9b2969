"""A browser and a server for the page's tests, and visits that fail with what their pages complain of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, expect

from tests import databases
from tests.browsing import chromium
from tests.serving import Server
from tests.vendor import Scenario, Vendor
from tests.web.visits import Visit, visit

Come: TypeAlias = Callable[..., Visit]

PATIENCE = 30_000  # ms: a machine may be busy; what has to be quick is told by the test
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """For all tests of a worker that stand here, one after the other; no longer: others can't run while there is one."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def _page_vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def vendor(_page_vendor: Vendor) -> Vendor:
    """The stub vendor of the pages' server, which has not been asked anything yet."""
    _page_vendor.reset()
    _page_vendor.base = Scenario()
    return _page_vendor


@pytest.fixture(scope="session")
def served(_started: Callable[[dict[str, str]], Server], _page_vendor: Vendor) -> Iterator[Server]:
    """A server whose coach says what the stub vendor says."""
    server = _started(
        {
            "COACH_BRAIN": "claude",
            "ANTHROPIC_API_KEY": "a-key",
            "ANTHROPIC_BASE_URL": _page_vendor.url,
            "COACH_LIMITS": "off",
            "COACH_DRAIN_TIMEOUT": "0",
        }
    )
    yield server
    server.close()
    databases.drop(server.where.name)
    assert not server.complaint(), server.complaint()


@pytest.fixture
def come(browser: Browser, served: Server, vendor: Vendor) -> Iterator[Come]:
    """Come to the page, in a new browser context: `come(viewport=…, locale=…)`."""
    visits: list[Visit] = []

    def begin(server: Server = served, url: str = "", **options: Any) -> Visit:
        visits.append(visit(browser, server, url, **options))
        return visits[-1]

    yield begin
    for each in visits:
        each.context.close()
    assert not [wrong for each in visits for wrong in each.wrong()]


@pytest.fixture
def here(come: Come) -> Visit:
    """A visit on a desktop, in English."""
    return come()
