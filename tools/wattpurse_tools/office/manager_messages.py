"""Messages to the managers of the office. They are on the pages, and have no customer."""

from wattpurse_tools.record.models import Message

FOR_MANAGERS = "office"  # their channel


def tell_managers(key: str, text: str, now_s: int, kind: str = "") -> None:
    """Write a message to the managers, once by its key."""
    row = Message(key=key, channel=FOR_MANAGERS, kind=kind, text=text, created_s=now_s)
    Message.objects.bulk_create([row], ignore_conflicts=True)
