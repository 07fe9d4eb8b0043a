"""Moments of UTC as text: as RFC 3339 for programs, and for people."""

from datetime import UTC, datetime


def rfc3339(utc_s: int) -> str:
    """Return a time for programs, such as 2026-12-01T09:30:00Z."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_text(utc_s: int) -> str:
    """Return a time for people, such as 2026-12-01 09:30:00 UTC."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
