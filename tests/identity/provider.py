"""An identity provider for tests: keys by JWKS over real HTTP, and tokens signed with them."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://login.example/", "coach"


class Provider:
    """`url` is its JWKS; `away` makes it answer 503; `fetches` counts."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"first": rsa.generate_private_key(65537, 2048)}
        self.away = False
        self.fetches = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetches += 1
                body = b"{}" if provider.away else json.dumps(provider.jwks()).encode()
                self.send_response(503 if provider.away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        return {"COACH_JWT_JWKS_URL": self.url, "COACH_JWT_ISSUER": ISSUER, "COACH_JWT_AUDIENCE": AUDIENCE}

    def jwks(self) -> dict[str, Any]:
        return {"keys": [_public(kid, key) for kid, key in self.keys.items()]}

    def token(self, user: object, kid: str = "first", algorithm: str = "RS256", **claims: Any) -> str:
        """A good token of a user; a claim of None is left out."""
        now = int(time.time())
        told = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 600, **claims}
        kept = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(kept, self.keys[kid], algorithm=algorithm, headers={"kid": kid})


def _public(kid: str, key: Any) -> dict[str, Any]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
    return {
        **jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
        "kid": kid,
        "use": "sig",
        "alg": "RS256",
    }
