"""SQLite with transactions that take turns: those that wait are let in about in the order in which they came.

SQLite itself lets a waiting writer look again after a pause that grows, so at a busy office one that came late goes
first, and one that waited long gives up. Here a lock of the system on the database's folder is taken before a
transaction begins, and it ends with the transaction or with its process. It makes no file. A statement that writes
outside of a transaction takes its turn likewise. Other programs go by SQLite's own lock alone.

The type stubs lack the methods of the base class.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

_WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to SQLite that waits for its turn before it begins a transaction."""

    turn = -1

    def create_cursor(self, name: str | None = None) -> "TurnCursor":
        """Return a cursor whose statements take turns."""
        cursor = self.connection.cursor(factory=TurnCursor)  # type: ignore[attr-defined]
        cursor.database = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self.take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self.end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.end_turn()

    def take_turn(self) -> None:
        """Wait for the turn of this connection."""
        if self.turn >= 0 or self.is_in_memory_db():  # type: ignore[attr-defined]
            return
        folder = Path(self.settings_dict["NAME"]).absolute().parent
        turn = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
        except BaseException:
            os.close(turn)
            raise
        self.turn = turn

    def end_turn(self) -> None:
        """Let the next one in."""
        if self.turn >= 0:
            os.close(self.turn)
            self.turn = -1


class TurnCursor(base.SQLiteCursorWrapper):
    """A cursor that waits for its turn before it writes outside of a transaction."""

    database: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:  # noqa: ANN401 as in the base class
        """Execute a statement."""
        with self._turn_for(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Sequence[Any]) -> Any:  # noqa: ANN401 as in the base class
        """Execute a statement with many rows of parameters."""
        with self._turn_for(query):
            return super().executemany(query, param_list)

    @contextmanager
    def _turn_for(self, query: str) -> Iterator[None]:
        """Take a turn for a `with` block, if the statement writes by itself."""
        writes = query.lstrip().startswith(_WRITING)
        if self.database.turn >= 0 or self.connection.in_transaction or not writes:
            yield
            return
        self.database.take_turn()
        try:
            yield
        finally:
            self.database.end_turn()
