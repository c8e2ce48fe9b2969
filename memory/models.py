"""What is remembered, as rows: facts and summaries, what was found and what was forgotten, and the recall index.

None of it outlives what it is made of: a passage and a fact go with their message, an episode and a summary with their session,
all with the owner, by foreign keys that cascade in the database (migrations). A trigger takes a passage's hits out of the
postings; another opens a fact again that the one that goes had closed.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from chat.ids import new_id, outside
from chat.models import Message, Session, Turn
from identity.models import Owner


class Kind(models.TextChoices):
    INJURY = "injury", "injury"
    GOAL = "goal", "goal"
    PREFERENCE = "preference", "preference"
    RECORD = "record", "record"
    SCHEDULE = "schedule", "schedule"
    HEALTH = "health", "health"
    PERSON = "person", "person"
    OTHER = "other", "other"


HEALTH_KINDS = (Kind.INJURY, Kind.HEALTH)
"""Kept with the owner's consent alone."""


FACT_CHARS = 500
"""Of a fact's text."""


class Origin(models.TextChoices):
    USER = "user", "user"
    EXTRACTED = "extracted", "extracted"
    COACH = "coach", "coach"


class Profile(models.Model):
    """What an owner wants of the memory, made when there is something to keep: an owner without one has no memories."""

    owner = models.OneToOneField(
        Owner, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    paused = models.BooleanField(default=False, db_default=False, help_text="Nothing is written, nothing is recalled.")
    health = models.BooleanField(
        default=False, db_default=False, help_text="The owner's consent to facts about their health."
    )
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="What was said before is not learned from, nor recalled."
    )

    def __str__(self) -> str:
        return str(self.owner_id)


class Fact(models.Model):
    """What is known of an owner. `text` is a sentence; `quote` is what the user said, to the letter, in `message`.

    A fact is closed, not deleted, when another takes its place: it has then a `valid_to`, and `superseded_by` names the other.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    slot = models.CharField(max_length=80, blank=True, default="", help_text="As `record:10k`: one live fact of each.")
    text = models.CharField(max_length=FACT_CHARS)
    quote = models.TextField(blank=True, default="")
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    origin = models.CharField(max_length=10, choices=Origin)
    confidence = models.FloatField(default=1.0)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="supersedes"
    )
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "id"], name="fact_of_owner")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "slot"], condition=Q(valid_to=None) & ~Q(slot=""), name="one_live_fact_of_a_slot"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="fact_kind"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="fact_origin"),
            models.CheckConstraint(condition=~Q(text=""), name="fact_says_something"),
        ]

    def __str__(self) -> str:
        return outside("fact", self.id)


class Tombstone(models.Model):
    """A fact that its owner deleted, so that it does not come back from the same words: a digest of these, no text."""

    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    slot = models.CharField(max_length=80, blank=True, default="")
    digest = models.CharField(max_length=64, help_text="SHA-256, in hex, of the words around the quote.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "digest", "kind", "slot"], name="tombstone_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.kind}"


class Omission(models.Model):
    """A message that its owner had forgotten: it stays in its session, and is neither learned from nor recalled."""

    message = models.OneToOneField(
        Message, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")

    def __str__(self) -> str:
        return str(self.message_id)


class Watermark(models.Model):
    """Turns that began before this are over, and found. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.at)


class Lesson(models.Model):
    """A turn that was found after its end. `drawn`: facts were drawn from it, as far as it holds any."""

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    drawn = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index("owner", condition=Q(drawn=False), name="lesson_to_draw")]

    def __str__(self) -> str:
        return str(self.turn_id)


class Summary(models.Model):
    """Stands for the messages of a path up to `message`, with it: its first `chars` characters."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    session = models.ForeignKey(
        Session, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    chars = models.PositiveBigIntegerField()
    text = models.TextField()
    brain = models.CharField(max_length=64, help_text="Who wrote it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "message"], name="one_summary_up_to_a_message")]

    def __str__(self) -> str:
        return outside("summary", self.id)


class Census(models.Model):
    """What the index holds of an owner, counted. Its row is locked by whoever writes to that owner's index."""

    owner = models.OneToOneField(
        Owner, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    dictionary = models.CharField(max_length=32, help_text="PostgreSQL's dictionary that stems this owner's words.")
    messages = models.PositiveIntegerField(default=0)
    words = models.PositiveBigIntegerField(default=0)
    indexed = models.PositiveIntegerField(default=0, help_text="Messages ever indexed: where the next hits go.")

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.messages} messages"


class Episode(models.Model):
    """A session in the index, under a short number of its owner's."""

    session = models.OneToOneField(
        Session, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    number = models.PositiveIntegerField()
    places = models.PositiveIntegerField(default=0, help_text="Where the next message stands.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "number"], name="episode_number_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.number}"


class Passage(models.Model):
    """A message in the index: where it stands, its length in words, and its terms."""

    message = models.OneToOneField(
        Message, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    episode = models.PositiveIntegerField(help_text="The episode's number.")
    place = models.PositiveIntegerField()
    chunk = models.PositiveIntegerField()
    length = models.PositiveIntegerField()
    terms = ArrayField(models.TextField())
    around = models.FloatField(
        help_text="Its length in words with that of what stands next to it, at half and a quarter."
    )
    traits = models.PositiveSmallIntegerField(help_text="memory.analysis.Trait")
    talker = models.TextField(help_text="The first name of who said it, in small letters; empty where not known.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "episode", "place"], name="passage_place_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.episode}/{self.place}"


class Posting(models.Model):
    """Where a term occurs among some two thousand messages of an owner that were indexed one after the other.

    A hit is one number: episode << 25 | place << 7 | weight, the weight in quarters of an occurrence.
    """

    pk = models.CompositePrimaryKey("owner", "term", "chunk")
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    term = models.TextField(db_collation="C")
    chunk = models.PositiveIntegerField()
    hits = ArrayField(models.BigIntegerField())

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.term}/{self.chunk}"
