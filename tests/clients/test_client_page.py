"""The web client as it is built, in a browser, on a page of another port: headers, cuts and modules as browsers have them."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests.clients import node, test_guide
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("clients")]
browser = test_guide.browser


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The address of client.html beside the built client."""
    built = node.run("tsc", "-p", "tsconfig.build.json", "--outDir", str(tmp_path / "dist"))
    assert built.returncode == 0, built.stdout
    shutil.copytree(node.WEB / "node_modules" / "eventsource-parser" / "dist", tmp_path / "parser")
    shutil.copy(Path(__file__).with_name("client.html"), tmp_path)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/client.html"
        server.shutdown()


def test_a_stream_that_breaks_on_a_page_goes_on_where_it_was(
    vendored: Server, vendor: Vendor, page: str, browser: Browser
) -> None:
    vendor.base = Scenario(words=60, pace=0.03)
    state, text = test_guide.opened(browser, f"{page}?{urlencode({'api': vendored.url, 'user': 'kari'})}")
    same, lost, path = state.split()
    assert (same, lost) == ("true", "2"), text
    assert path.startswith("/chat/turns/turn_")
    assert path.endswith("/stream")
