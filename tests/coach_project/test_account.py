from __future__ import annotations

import os

import pytest

from coach_project.account import NOBODY, Account, candidates


def test_root_takes_no_other_users_files_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert [account.method for account in candidates(None)] == ["namespace", "stepped"]
    assert [account.method for account in candidates((0, 0))] == ["namespace", "stepped"]
    assert [account.method for account in candidates((NOBODY, NOBODY))] == ["stepped", "namespace"]
    assert list(candidates((1000, 100))) == [Account("stepped", 1000, 100)]


def test_an_ordinary_user_runs_it_as_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert [(account.method, account.uid) for account in candidates((0, 0))] == [("self", 1234)]
