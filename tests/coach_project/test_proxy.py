"""deploy/nginx.conf in a real nginx: TLS, streams as they come, and headers that no client can forge."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coach_project.launch import BASE_DIR
from tests.api import frames_of
from tests.conftest import Serve, nginx
from tests.serving import Server, free_port

pytestmark = pytest.mark.nginx

WORDS_A_SECOND = 10


def certificate(folder: Path) -> None:
    """For 127.0.0.1, signed by itself, under the names that the configuration gives."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "coach")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    (folder / "privkey.pem").write_bytes(pem)


def configuration(folder: Path, *, plain: int, tls: int, app: str) -> str:
    """The delivered one, with ports and folders of this machine; the nginx of Debian 12 has `http2` in `listen`."""
    text = (BASE_DIR / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for delivered, here in (
        ("server app:8000;", f"server {app};"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;\n        http2 on;", f"listen 127.0.0.1:{tls} ssl http2;"),
        ("/etc/nginx/tls", str(folder)),
        ("worker_processes auto;", f"worker_processes 1;\npid {folder}/pid;"),
    ):
        assert text.count(delivered) >= 1, delivered
        text = text.replace(delivered, here)
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    return text.replace("http {", f"http {{ client_body_temp_path {folder}/body; {places}", 1)


@pytest.fixture
def coach(server: Serve) -> Server:
    return server(COACH_HTTPS="on", COACH_PACE=str(WORDS_A_SECOND))


@pytest.fixture
def proxy(coach: Server, area: Path) -> Iterator[tuple[str, str]]:
    """The proxy's two addresses: http and https."""
    certificate(area)
    plain, tls = free_port(), free_port()
    text = configuration(area, plain=plain, tls=tls, app=coach.url.removeprefix("http://"))
    (area / "nginx.conf").write_text(text, encoding="utf-8")
    area.chmod(0o755)
    program = nginx()
    assert program
    command = [program, "-c", str(area / "nginx.conf"), "-e", str(area / "log"), "-g", "daemon off;"]
    with (area / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as running:
        try:
            deadline = time.monotonic() + 60
            while True:
                assert running.poll() is None, (area / "said").read_text()
                try:
                    socket.create_connection(("127.0.0.1", tls), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}"
        finally:
            running.terminate()
            running.wait(30)


def test_words_come_through_the_proxy_as_they_are_said(proxy: tuple[str, str]) -> None:
    plain, tls = proxy
    moved = httpx2.get(f"{plain}/chat/personas")
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://127.0.0.1/chat/personas")
    with httpx2.Client(base_url=tls, verify=False, timeout=60, headers={"Accept-Encoding": "gzip"}) as http:
        started = http.post("/chat/start", json={"user_id": "proxied"})
        assert started.headers["Strict-Transport-Security"]
        times, raw = [], b""
        asked = {"session_id": started.json()["session_id"], "message": "Hello"}
        with http.stream("POST", "/chat/stream", json=asked) as answer:
            assert "Content-Encoding" not in answer.headers
            for part in answer.iter_raw():
                times.append(time.monotonic())
                raw += part
    frames = frames_of(raw)
    words = " ".join(str(frame.get("token", "")) for frame in frames).split()
    assert frames[-1]["done"] is True
    assert len(words) > 8
    # All at once, they would come within a moment; a busy machine only draws them out.
    assert times[-1] - times[0] > (len(words) - 2) / WORDS_A_SECOND / 2
    assert len(times) > len(words) / 3


def test_a_client_can_not_say_that_it_came_by_https(proxy: tuple[str, str], coach: Server) -> None:
    assert httpx2.get(f"{coach.url}/chat/personas").status_code == 301
    forged = {"X-Forwarded-Proto": "http"}
    answer = httpx2.get(f"{proxy[1]}/chat/personas", headers=forged, verify=False)
    assert answer.status_code == 200
