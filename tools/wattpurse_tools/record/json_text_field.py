"""A field of JSON that PostgreSQL keeps as text.

Its type `jsonb` reads each number into a form of its own, which for a statement takes longer than all the rest of its
row. Parts of such a field are read as those of a JSONField are. Its names are not asked for by `has_key`.
"""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class JsonTextField(models.JSONField):
    """JSON of PostgreSQL's type `json`. On SQLite it is a JSONField."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the type of the column."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:  # noqa: ANN401 it is JSON
        """Return a value that the driver has read, or the value of a text."""
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
