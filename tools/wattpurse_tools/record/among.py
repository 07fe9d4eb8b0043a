"""A condition that a column has one of many numbers, with one parameter on PostgreSQL however many they are.

Django gives each number of an `__in` a parameter of its own. For hundreds of numbers in each question this takes longer
than the question.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import BooleanField, F, Field, Func, Q, Value


class _Any(Func):
    """`column = ANY(array)` of PostgreSQL."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("


def among(column: str, numbers: Iterable[int]) -> Q:
    """Return the condition that `column` has one of `numbers`."""
    if connection.vendor == "postgresql":
        return Q(_Any(F(column), Value(sorted(numbers), output_field=Field()), output_field=BooleanField()))
    return Q(**{f"{column}__in": list(numbers)})
