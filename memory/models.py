"""The recall index, as rows. Written by memory.indexing, read by memory.recall, both in SQL of memory.statements.

It never outlives what it is made of: a passage goes with its message, a thread with its session, all with the owner, by foreign
keys that cascade in the database; a trigger takes a passage's hits out of the postings (migrations/0001_initial.py).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from chat.models import Message, Session
from identity.models import Owner


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


class Thread(models.Model):
    """A session in the index, under a short number of its owner's."""

    session = models.OneToOneField(
        Session, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    number = models.PositiveIntegerField()
    places = models.PositiveIntegerField(default=0, help_text="Where the next message stands.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "number"], name="thread_number_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.number}"


class Passage(models.Model):
    """A message in the index: where it stands, its length in words, and its terms."""

    message = models.OneToOneField(
        Message, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    thread = models.PositiveIntegerField(help_text="The thread's number.")
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
        constraints = [models.UniqueConstraint(fields=["owner", "thread", "place"], name="passage_place_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.thread}/{self.place}"


class Posting(models.Model):
    """Where a term occurs among some two thousand messages of an owner that were indexed one after the other.

    A hit is one number: thread << 25 | place << 7 | weight, the weight in quarters of an occurrence.
    """

    pk = models.CompositePrimaryKey("owner", "term", "chunk")
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    term = models.TextField(db_collation="C")
    chunk = models.PositiveIntegerField()
    hits = ArrayField(models.BigIntegerField())

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.term}/{self.chunk}"
