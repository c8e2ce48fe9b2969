"""Requests to the memory's paths."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client


def call(api: Client, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
    answer = api.generic(
        method, path, json.dumps(body) if body is not None else b"", "application/json", query_params=query
    )
    return answer.status_code, answer.json()


def add(api: Client, user: str, text: str, **fields: Any) -> dict[str, Any]:
    status, told = call(api, "POST", "/memory", {"user_id": user, "kind": "other", "text": text, **fields})
    assert status == 201, told
    return dict(told)


def texts(api: Client, user: str, **query: Any) -> list[str]:
    status, told = call(api, "GET", "/memory", user_id=user, **query)
    assert status == 200, told
    return [one["text"] for one in told["facts"]]
