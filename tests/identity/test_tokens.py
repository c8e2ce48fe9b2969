"""Users' tokens on a real server, with a provider that rotates its keys, goes away and comes back."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from identity import tokens
from identity.callers import Caller
from identity.tokens import Issuer, Tokens
from problems import IdentityUnavailable, Unauthenticated
from tests.api import Api
from tests.identity.provider import AUDIENCE, ISSUER, Provider

pytestmark = pytest.mark.xdist_group("identity")


def asked(api: Api) -> tuple[int, str]:
    response = api.http.get("/chat/personas")
    return response.status_code, response.json().get("message", "")


def test_the_user_is_the_tokens_subject(calling: Callable[..., Api], provider: Provider) -> None:
    api = calling(provider.token("user|42 æøå"), "user|42 æøå")
    session = api.start()
    assert api.session(session)["user_id"] == "user|42 æøå"
    assert api.stream(session, "Hello").end["done"] is True


def unsigned(provider: Provider) -> str:
    _head, body, _ = provider.token("kari").split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "first"}).encode()).decode().rstrip("=")
    return f"{none}.{body}."


def confused(provider: Provider) -> str:
    """Signed by HMAC with the public key, for a server that lets the token say how it is checked."""
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kari", "exp": int(time.time()) + 600}
    head = {"alg": "HS256", "typ": "JWT", "kid": "first"}
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, told))
    public = provider.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    proof = hmac.digest(public, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"


def foreign(provider: Provider) -> str:
    other = rsa.generate_private_key(65537, 2048)
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kari", "exp": int(time.time()) + 600}
    return jwt.encode(told, other, algorithm="RS256", headers={"kid": "first"})


BAD: dict[str, tuple[Callable[[Provider], str], str]] = {
    "expired": (lambda provider: provider.token("kari", exp=int(time.time()) - 60), "expired"),
    "early": (lambda provider: provider.token("kari", nbf=int(time.time()) + 600), "not valid"),
    "no-expiry": (lambda provider: provider.token("kari", exp=None), "not valid"),
    "issuer": (lambda provider: provider.token("kari", iss="https://evil.example/"), "not valid"),
    "audience": (lambda provider: provider.token("kari", aud="another"), "not valid"),
    "no-audience": (lambda provider: provider.token("kari", aud=None), "not valid"),
    "no-subject": (lambda provider: provider.token(None), "not valid"),
    "empty-subject": (lambda provider: provider.token(""), "subject"),
    "long-subject": (lambda provider: provider.token("x" * 201), "subject"),
    "no-signature": (unsigned, "not valid"),
    "shared-secret": (confused, "not valid"),
    "another-key": (foreign, "not valid"),
    "cut": (lambda provider: provider.token("kari")[:-4], "not valid"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_not_right_about_a_token_is_refused(calling: Callable[..., Api], provider: Provider, bad: str) -> None:
    make, word = BAD[bad]
    code, sentence = asked(calling(make(provider)))
    assert code == 401
    assert word in sentence


def test_a_token_of_a_user_operates_nothing(calling: Callable[..., Api], provider: Provider) -> None:
    api = calling(provider.token("kari", scope="operate", scopes=["operate"]))
    assert api.http.post("/brain/switch", json={"brain": "config"}).status_code == 403


# --- The provider's keys ------------------------------------------------------------------------------------------
@pytest.fixture
def own() -> Iterator[Provider]:
    one = Provider()
    yield one
    one.close()


def checking(own: Provider, *algorithms: str) -> Tokens:
    return Tokens(Issuer(ISSUER, AUDIENCE, own.url, algorithms or ("RS256",), "main"))


def run(checked: Any) -> Caller:
    found = asyncio.run(checked)
    assert isinstance(found, Caller)
    return found


def test_keys_are_fetched_once_for_many_tokens_at_once(own: Provider) -> None:
    async def many() -> set[str | None]:
        here = checking(own)
        found = await asyncio.gather(*(here.caller(own.token(f"user-{n}")) for n in range(20)))
        return {one.user for one in found}

    assert len(asyncio.run(many())) == 20
    assert own.fetches == 1


def test_a_rotated_key_is_found_and_nonsense_does_not_make_it_ask_again(
    own: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rotate() -> None:
        here = checking(own, "RS256", "ES256")
        await here.caller(own.token("kari"))
        own.keys["second"] = ec.generate_private_key(ec.SECP256R1())
        monkeypatch.setattr(tokens, "PAUSE", 0.0)
        assert (await here.caller(own.token("kari", "second", "ES256"))).user == "kari"
        assert own.fetches == 2
        monkeypatch.setattr(tokens, "PAUSE", 60.0)
        own.keys["third"] = own.keys["first"]
        for _ in range(5):
            with pytest.raises(Unauthenticated, match="does not have"):
                await here.caller(own.token("kari", "third"))
        assert own.fetches == 2

    asyncio.run(rotate())


def test_a_key_that_was_taken_back_is_no_longer_good(own: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take_back() -> None:
        here = checking(own)
        old = own.token("kari")
        await here.caller(old)
        own.keys = {"second": rsa.generate_private_key(65537, 2048)}
        monkeypatch.setattr(tokens, "PAUSE", 0.0)
        monkeypatch.setattr(tokens, "OLD", 0.0)
        with pytest.raises(Unauthenticated, match="does not have"):
            await here.caller(old)

    asyncio.run(take_back())


def test_a_provider_that_is_away_is_told_logged_once_and_heals(
    own: Provider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away() -> None:
        monkeypatch.setattr(tokens, "PAUSE", 0.0)
        here = checking(own)
        own.away = True
        for _ in range(3):
            with pytest.raises(IdentityUnavailable):
                await here.caller(own.token("kari"))
        own.away = False
        assert (await here.caller(own.token("kari"))).user == "kari"
        own.away = True
        monkeypatch.setattr(tokens, "OLD", 0.0)
        assert (await here.caller(own.token("ola"))).user == "ola", "known keys go on to be used"

    asyncio.run(away())
    assert [record.levelname for record in caplog.records if record.name == "identity.tokens"].count("ERROR") == 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_sent_as_a_token_is_refused_and_breaks_nothing(text: str) -> None:
    here = Tokens(Issuer(ISSUER, AUDIENCE, "http://127.0.0.1:9/jwks", ("RS256",), "main"))
    here._tried = here._fetched = time.monotonic()  # the provider has no keys, and was asked just now
    for sent in (text, f"{text}.{text}.{text}", f"eyJhbGciOiJSUzI1NiJ9.{text}."):
        with pytest.raises(Unauthenticated):
            run(here.caller(sent))


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def knowing(key: rsa.RSAPrivateKey) -> Tokens:
    """One who has fetched the provider's only key just now."""
    here = Tokens(Issuer(ISSUER, AUDIENCE, "http://127.0.0.1:9/jwks", ("RS256",), "main"))
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    here._keys = {"first": jwt.PyJWK({**public, "kid": "first", "alg": "RS256"})}
    here._tried = here._fetched = time.monotonic()
    return here


KEY = rsa.generate_private_key(65537, 2048)
RIGHT: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kari", "exp": 4_000_000_000}
NESTED = b"[" * 5000
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([10**400, -1, ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
heads = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["RS256", "none", "None", "NONE", "HS256", "RS512", "PS256", "ES256", "EdDSA", ""])
        | odd,
        "kid": st.sampled_from(["first", "second"]) | odd,
        "typ": odd,
        "crit": st.just(["b64"]) | odd,
        "b64": odd,
        "jwk": odd,
        "jku": st.just("http://127.0.0.1:9/evil"),
        "zip": st.just("DEF") | odd,
    },
)


@settings(max_examples=200, deadline=None)
@given(
    heads.map(lambda head: json.dumps(head).encode()) | st.binary(max_size=30),
    st.just(json.dumps(RIGHT).encode()) | st.binary(max_size=30) | odd.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"", b"x" * 256]) | st.binary(max_size=40),
)
@example(NESTED, b"{}", b"")
@example(b'{"alg": "RS256", "kid": "first", "x": ' + NESTED, b"{}", b"x" * 256)
def test_no_head_makes_good_what_the_provider_did_not_sign(head: bytes, body: bytes, proof: bytes) -> None:
    here = knowing(KEY)
    signed = f"{part(head)}.{part(body)}"
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = hmac.digest(public, signed.encode(), "sha256")
    for text in (
        f"{signed}.{part(proof)}",
        f"{signed}.{part(confused)}",
        f"{signed}.",
        f"{signed}.{proof.decode('latin-1')}",
    ):
        with pytest.raises(Unauthenticated):
            run(here.caller(text))


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*RIGHT, "nbf", "iat", "jti"], odd)))
@example({"exp": float("inf")})
@example({"exp": float("nan")})
@example({"exp": []})
@example({"exp": 10**400})
@example({"nbf": [], "iat": {}})
@example({"sub": ["kari"]})
@example({"aud": {"coach": 1}})
@example({"iss": [ISSUER]})
@example({"sub": "a\ud800"})
def test_claims_of_other_kinds_break_nothing_even_from_the_provider(claims: dict[str, Any]) -> None:
    told = {**RIGHT, **claims}
    signed = jwt.api_jws.encode(json.dumps(told).encode(), KEY, algorithm="RS256", headers={"kid": "first"})
    try:
        found = run(knowing(KEY).caller(signed))
    except Unauthenticated:
        return
    assert found.user == told["sub"]
    assert (told["iss"], AUDIENCE in told["aud"]) == (ISSUER, True)
    assert found.user
    assert found.user.encode()


@pytest.mark.parametrize("head", [NESTED, b'{"alg": "RS256", "kid": ' + NESTED], ids=["all", "kid"])
def test_a_token_nested_as_deep_as_it_may_be_is_no_error_of_the_server(
    calling: Callable[..., Api], head: bytes
) -> None:
    code, sentence = asked(calling(f"{part(head)}.e30.e30"))
    assert (code, sentence) == (401, "The token is not valid.")
