"""The audit trail: the person, the action, the time and the address. Each entry has the hash of the one before."""

from django.db import models


class AuditEntry(models.Model):
    """One action of a person or of the office itself.

    `hash` is the SHA-256 of `previous_hash` and of this entry's fields (see `office.audit`). Triggers keep the table
    append-only.
    """

    time_s = models.BigIntegerField(db_index=True)
    operator = models.BigIntegerField(default=0)
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=48, db_index=True)
    subject = models.CharField(max_length=80, blank=True, db_index=True)
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        """The name of the table."""

        db_table = "audit_entries"
