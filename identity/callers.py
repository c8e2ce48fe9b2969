"""Who is asking. In `open` mode whoever says so; the app is then the empty string."""

from __future__ import annotations

from dataclasses import dataclass

from identity.models import Owner

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """An app that calls for its users. `name` stands in records of what an operator did."""

    app: str
    name: str


OPEN = Caller(app="", name="api")


def owner_of(caller: Caller, user_id: str, language: str = "", time_zone: str = "") -> Owner:
    """The owner for an app's user, made at the first call; language and time zone are updated where given."""
    told = {name: value for name, value in (("language", language), ("time_zone", time_zone)) if value}
    owner, made = Owner.objects.get_or_create(app=caller.app, external_id=user_id or ANONYMOUS, defaults=told)
    if not made and any(getattr(owner, name) != value for name, value in told.items()):
        for name, value in told.items():
            setattr(owner, name, value)
        owner.save(update_fields=list(told))
    return owner
