"""SQLite with transactions that take turns: those that wait are let in about in the order in which they came.

SQLite itself lets a waiting writer look again after a pause that grows, so at a busy office one that came late goes
first, and one that waited long gives up. Here a lock of the system on the database's folder is taken before a
transaction begins, and it ends with the transaction or with its process. It makes no file. Statements outside of a
transaction, and other programs, go by SQLite's own lock alone, as before.

The type stubs lack the methods of the base class.
"""

import fcntl
import os
from pathlib import Path

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to SQLite that waits for its turn before it begins a transaction."""

    _turn = -1

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _take_turn(self) -> None:
        if self._turn >= 0 or self.is_in_memory_db():  # type: ignore[attr-defined]
            return
        folder = Path(self.settings_dict["NAME"]).absolute().parent
        turn = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
        except BaseException:
            os.close(turn)
            raise
        self._turn = turn

    def _end_turn(self) -> None:
        if self._turn >= 0:
            os.close(self._turn)
            self._turn = -1
