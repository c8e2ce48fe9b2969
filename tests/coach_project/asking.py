"""What schemathesis is told of a server beside its schema: which coaches there are, whose ids are good. Loaded by it as hooks.

COACH_URL and COACH_KEY say which server, and how to be let in; COACH_TALLY is a file for what was answered.
"""

from __future__ import annotations

import atexit
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx2
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from tests.api import Api

USER = "walker"
ID = re.compile(r"(session|turn|msg|fact)_[0-9a-f]{32}")
KIND = {"session_id": "session", "turn_id": "turn", "message_id": "msg", "fact_id": "fact"}

api = Api(os.environ["COACH_URL"], USER)
if key := os.environ.get("COACH_KEY"):
    api.http.headers["Authorization"] = f"Bearer {key}"
answers: Counter[tuple[str, int, str]] = Counter()


@atexit.register
def tell() -> None:
    rows = [[*each, times] for each, times in sorted(answers.items())]
    Path(os.environ["COACH_TALLY"]).write_text(json.dumps(rows), encoding="utf-8")


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Names that are rows of the server, and no part of its schema."""
    coaches = [each["id"] for each in api.get("/chat/personas")["personas"]]
    shapes = raw_schema["components"]["schemas"]
    for shape in (shapes["Start"], shapes["PatchedSessionChange"]):
        shape["properties"]["persona"]["enum"] = coaches
    shapes["Start"]["properties"]["time_zone"]["enum"] = ["UTC", "Europe/Oslo", "Asia/Kolkata"]
    # Only this brain can think here: another one's 502 would be right, and is in tests/faults.
    shapes["PatchedSessionChange"]["properties"]["brain"]["enum"] = ["config", None]
    # Which words can mean something is no matter of form: memory.topics knows.
    shapes["Forget"]["properties"]["topic"]["enum"] = ["rowing", "my knee", "løping"]
    shapes["Switch"]["properties"]["brain"]["enum"] = ["config"]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give what is right by the schema ids and a user that are there."""
    if case.meta is None:
        return
    bad = {place for place, part in case.meta.components.items() if part.mode.is_negative}
    ours: dict[str, str] = {}
    if ParameterLocation.PATH not in bad:
        for name, value in dict(case.path_parameters).items():
            if case.path.endswith("/edit") or not kept(case, value):
                ours = ours or belongings(case.path)
                case.path_parameters[name] = ours[KIND[name]]
    body = case.body if isinstance(case.body, dict) and ParameterLocation.BODY not in bad else None
    if body is not None:
        _fill(case, body, ours)
    elif case.path == "/chat/start" and ParameterLocation.BODY not in bad and not isinstance(case.body, dict):
        case.body = {"user_id": USER}  # who may leave it out is a matter of who calls
    if ParameterLocation.QUERY not in bad:
        _name(case, body)


def kept(case: Any, value: object) -> bool:
    """Whether an id stays: one that a chain of calls brought, and one in eight of the others, to see what those get."""
    if case.meta.phase.name == TestPhase.STATEFUL and ID.fullmatch(str(value)):
        return True
    return crc32(str(value).encode(errors="replace")) % 8 == 0


def _fill(case: Any, body: dict[str, Any], ours: dict[str, str]) -> None:
    if case.path in ("/chat/stream", "/chat/message") and not kept(case, body["session_id"]):
        body["session_id"] = belongings(case.path)["session"]
    if "head" in body:
        if ours:
            body["head"] = ours["msg"]
        else:
            del body["head"]
    if case.path == "/chat/start":
        body.setdefault("user_id", USER)


def _name(case: Any, body: dict[str, Any] | None) -> None:
    """One user in query and body, a fact's the one that it was made for; no cursor, for only the server makes them."""
    if case.query:
        case.query.pop("cursor", None)
    if not any(parameter.name == "user_id" for parameter in case.operation.query):
        return
    query = dict(case.query or {})
    if "{fact_id}" in case.path:
        query["user_id"] = USER
        if body and "user_id" in body:
            body["user_id"] = USER
    elif body and "user_id" in body:
        query["user_id"] = body["user_id"]
    elif not str(query.get("user_id", "")).strip():
        query["user_id"] = USER
    case.query = query


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    kind = (response.headers.get("content-type") or [""])[0].partition(";")[0]
    answers[f"{case.method} {case.path}", response.status_code, kind] += 1


def belongings(path: str) -> dict[str, str]:
    """Ids of what was just made for the user, of the kinds that a path needs."""
    if "{fact_id}" in path:
        told(api.http.post("/memory/resume", json={"user_id": USER}))
        text = f"I row {os.urandom(4).hex()}"
        return {"fact": told(api.http.post("/memory", json={"user_id": USER, "kind": "goal", "text": text}))["fact_id"]}
    session = api.start()
    if path in ("/chat/stream", "/chat/message"):
        return {"session": session}
    reply = told(api.message(session, "Hello"))
    asked = api.session(session)["messages"][0]["message_id"]
    return {"session": session, "turn": reply["turn_id"], "msg": asked}


def told(response: httpx2.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer
