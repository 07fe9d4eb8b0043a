"""Django's backend for SQLite, with transactions that take turns."""
