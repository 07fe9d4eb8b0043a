"""Queries that are compiled once for a kind of database, and asked again with other values.

A sale asks the same queries each time, and Django takes several times longer to compile one than the database takes to
answer it. A query here is made from samples, one for each value that changes. Samples are unlike each other and unlike
the constants of the query. A query that locks rows is refused outside a transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.transaction import TransactionManagementError

if TYPE_CHECKING:
    from django.db.models.query import ValuesQuerySet

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class _Form:
    """The SQL of a query. `places` has the place of each parameter among the values, or None for a constant."""

    sql: str
    parameters: tuple[Any, ...]
    places: tuple[int | None, ...]
    converters: Mapping[int, tuple[Sequence[Callable[..., Any]], Any]]
    has_locks: bool

    def rows(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of the query for some values."""
        if self.has_locks and not connection.in_atomic_block:
            raise TransactionManagementError("rows are locked in a transaction alone")
        with connection.cursor() as cursor:
            chosen = zip(self.places, self.parameters, strict=True)
            cursor.execute(self.sql, [own if place is None else values[place] for place, own in chosen])
            found = cursor.fetchall()
        return [self._converted(row) for row in found] if self.converters else found

    def _converted(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return a row with its values as the model has them."""
        changed = list(row)
        for place, (converters, column) in self.converters.items():
            for convert in converters:
                changed[place] = convert(changed[place], column, connection)
        return tuple(changed)


class CompiledValues:
    """A query of values, such as `make(*samples)` is, compiled once."""

    def __init__(self, make: "Callable[..., QuerySet[Any] | ValuesQuerySet[Any, Any]]", *samples: object) -> None:
        self._make = make
        self._samples = samples
        self._forms: dict[str, _Form] = {}

    def rows(self, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows for some values, in the place of the samples."""
        form = self._forms.get(connection.vendor)
        if form is None:
            form = self._forms[connection.vendor] = self._compiled()
        return form.rows(values)

    def _compiled(self) -> _Form:
        query = self._make(*self._samples).query
        compiler = query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        places = tuple(self._samples.index(one) if one in self._samples else None for one in parameters)
        if set(places) - {None} != set(range(len(self._samples))):
            raise ValueError(f"the query does not have each of its {len(self._samples)} samples as a parameter")
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        return _Form(sql, tuple(parameters), places, converters, query.select_for_update)


class CompiledRows(Generic[M]):
    """A query of whole rows of a model, compiled once."""

    def __init__(self, model: type[M], make: Callable[..., QuerySet[M]], *samples: object) -> None:
        self._model = model
        self._values = CompiledValues(make, *samples)
        self._names = [field.attname for field in model._meta.concrete_fields]

    def rows(self, *values: object) -> list[M]:
        """Return the rows for some values, in the place of the samples."""
        return [self._model.from_db(connection.alias, self._names, row) for row in self._values.rows(*values)]

    def first(self, *values: object) -> M | None:
        """Return the first row for some values, or None."""
        return next(iter(self.rows(*values)), None)
