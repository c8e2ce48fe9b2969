"""Which brain is active, and changing it: for the command, the admin and the API alike."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from brains import registry
from brains.models import ActiveBrain, BrainSwitch
from problems import BrainNotReady, UnknownBrain


def active() -> str:
    """The alias in use."""
    row = ActiveBrain.objects.first()
    return row.alias if row else str(settings.COACH_BRAIN)


def switch(to: str, who: str) -> BrainSwitch:
    """Make `to` the active brain from the next turn on, everywhere, and record that `who` did so.

    Raises UnknownBrain and BrainNotReady; then nothing was changed.
    """
    if to not in registry.aliases():
        known = ", ".join(registry.aliases())
        raise UnknownBrain(f"There is no brain {to!r}; there are {known}.", fields={"brain": ["Unknown brain."]})
    if names := registry.missing(to):
        raise BrainNotReady(registry.needs(to, names))
    with transaction.atomic():
        row, _ = ActiveBrain.objects.select_for_update().get_or_create(id=1, defaults={"alias": settings.COACH_BRAIN})
        before, row.alias = row.alias, to
        row.save()
        longest = BrainSwitch._meta.get_field("who").max_length
        return BrainSwitch.objects.create(who=who[:longest], from_alias=before, to_alias=to)
