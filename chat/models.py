"""Session, Message and Turn, as rows. The hot path's SQL (chat.store) is held against these models by tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q

from chat.ids import new_id, outside
from identity.models import Owner
from personas.models import Persona


class Role(models.TextChoices):
    USER = "user", "user"
    ASSISTANT = "assistant", "assistant"


class Status(models.TextChoices):
    RUNNING = "running", "running"
    COMPLETE = "complete", "complete"
    TRUNCATED = "truncated", "truncated"
    REFUSED = "refused", "refused"
    STOPPED = "stopped", "stopped"
    INTERRUPTED = "interrupted", "interrupted"
    FAILED = "failed", "failed"


class Session(models.Model):
    """One user's conversation. Its messages form a tree; `head` is the leaf of the current path."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="sessions")
    # No constraint: a session outlives its persona, stays readable, and says at its next turn that the coach is gone.
    persona = models.ForeignKey(Persona, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    title = models.CharField(max_length=200, blank=True, default="")
    brain = models.CharField(max_length=64, blank=True, default="", help_text="Empty: the active one.")
    metadata = models.JSONField(default=dict, blank=True)
    head = models.ForeignKey("Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    branched = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Some messages may lie beside the path."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index("owner", F("updated_at").desc(), F("id").desc(), name="session_newest_of_owner"),
            models.Index(F("updated_at").desc(), F("id").desc(), name="session_newest"),
            GinIndex(SearchVector("title", config="simple"), name="session_title_words"),
        ]

    def __str__(self) -> str:
        return outside("session", self.id)


class Message(models.Model):
    """One stored utterance. `depth` counts the messages before it on its path, `offset` their characters."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="messages")
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=10, choices=Role)
    text = models.TextField()
    depth = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [GinIndex(SearchVector("text", config="simple"), name="message_words")]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="message_role"),
            models.CheckConstraint(condition=~Q(text=""), name="message_says_something"),
            models.CheckConstraint(
                condition=Q(parent=None, depth=0, offset=0, role=Role.USER) | Q(parent__isnull=False, depth__gt=0),
                name="message_stands_in_a_tree",
            ),
        ]

    def __str__(self) -> str:
        return outside("msg", self.id)


class Turn(models.Model):
    """A user message and the reply it causes. A reply carries the UUID of its turn."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    user_message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="turns")
    reply = models.OneToOneField(Message, null=True, blank=True, on_delete=models.CASCADE, related_name="turn")
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING)
    persona = models.CharField(max_length=64)
    persona_version = models.PositiveIntegerField()
    brain = models.CharField(max_length=64)
    model = models.CharField(max_length=100, blank=True, default="")
    fallback = models.BooleanField(default=False)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    cache_read_tokens = models.PositiveIntegerField(null=True, blank=True)
    cache_write_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost = models.DecimalField(
        max_digits=20,
        decimal_places=12,
        null=True,
        blank=True,
        help_text="USD, by the prices of its end; empty: unknown.",
    )
    error = models.CharField(max_length=40, blank=True, default="")
    safety = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The rule whose fixed answer was given; empty: none.",
    )
    worker = models.UUIDField(null=True, blank=True)
    slot = models.PositiveIntegerField(
        null=True, blank=True, help_text="While it runs: which of its owner's running turns it is."
    )
    stop_requested = models.BooleanField(default=False, db_default=False)
    head_before = models.UUIDField(
        null=True, blank=True, help_text="Where the session goes back to if nothing is said."
    )
    manifest = models.JSONField(
        default=dict, db_default={}, editable=False, help_text="What its prompt was made of: ids and counts, no text."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    first_token_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(F("created_at").desc(), name="turn_newest"),
            models.Index("status", F("created_at").desc(), name="turn_newest_of_status"),
            models.Index("brain", F("created_at").desc(), name="turn_newest_of_brain"),
            # All that the dashboard reads of an ended turn, so that it never touches the table's wide rows.
            models.Index(
                fields=["created_at"],
                include=[
                    "finished_at",
                    "first_token_at",
                    "brain",
                    "model",
                    "persona",
                    "error",
                    "input_tokens",
                    "cache_read_tokens",
                    "output_tokens",
                    "cost",
                ],
                condition=Q(finished_at__isnull=False),
                name="turn_ended",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Q(status=Status.RUNNING), name="one_running_turn_of_a_session"
            ),
            # Race-free without a lock: of two sends that saw the same slot free, one takes another look.
            models.UniqueConstraint(
                fields=["owner", "slot"], condition=Q(slot__isnull=False), name="one_running_turn_in_a_slot"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="turn_status"),
            models.CheckConstraint(
                condition=Q(status=Status.RUNNING, finished_at=None)
                | (~Q(status=Status.RUNNING) & Q(finished_at__isnull=False)),
                name="turn_ends_once",
            ),
        ]

    def __str__(self) -> str:
        return outside("turn", self.id)

    @property
    def first_token_ms(self) -> int | None:
        """From its beginning to its first word."""
        return _ms(self.first_token_at, self.created_at)

    @property
    def duration_ms(self) -> int | None:
        """From its beginning to its end."""
        return _ms(self.finished_at, self.created_at)


def _ms(until: datetime | None, since: datetime) -> int | None:
    return None if until is None else round((until - since) / timedelta(milliseconds=1))


class Piece(models.Model):
    """A checkpoint: what a running turn said between two of them; `start` counts the characters before it.

    They go when the reply is stored as a whole; those of a turn whose worker died become the reply.
    """

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    start = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["turn", "start"], name="piece_of_a_turn_once")]

    def __str__(self) -> str:
        return f"{self.turn_id} from {self.start}"


class IdempotencyKey(models.Model):
    """An owner's key, what it was used for (a digest of the request), and what came of it."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="SHA-256 of path and body, in hex.")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    turn = models.ForeignKey(Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="idempotency_key_once")]
        indexes = [models.Index("created_at", name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key


class Worker(models.Model):
    """A server process that runs turns, so that another finds the turns of one that died."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    born = models.CharField(max_length=40, help_text="When the process began, as its host tells it.")
    seen_at = models.DateTimeField()
    breakers = models.JSONField(default=dict, db_default={}, help_text="The state of each brain's breaker.")

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
