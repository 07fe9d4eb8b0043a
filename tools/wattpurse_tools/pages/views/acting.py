"""Acting for a form: call an action, and tell a refusal in words. Reading the address of a list."""

import secrets
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _

from wattpurse_tools.office import approvals
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.vault.interface import ApprovalNeeded

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_TEXT_LIMIT = 120
_WHOLE_DIGITS = 18
_KEY_LENGTH = 40


def attempt(
    request: HttpRequest, action: Callable[_Given, _Result], *words: _Given.args, **names: _Given.kwargs
) -> _Result | None:
    """Return the result of an action, or None after a refusal. The next page shows the refusal.

    A missing right is a page of its own.
    """
    try:
        return action(*words, **names)
    except NotPermitted:
        raise
    except ValueError as refusal:
        messages.error(request, in_words(refusal))
        return None


def form_key(request: HttpRequest, is_kept: bool = True) -> str:
    """Return the key of the payment that a form was sent with, if it is one and is kept, or a new key."""
    key = request.POST.get("key", "")[:_KEY_LENGTH]
    return key if is_kept and key.isalnum() else secrets.token_hex(12)


def done(
    request: HttpRequest, words: str, action: Callable[_Given, object], *given: _Given.args, **names: _Given.kwargs
) -> bool:
    """Call an action. Return True, and tell `words`, if it was done. Return False, and tell the refusal, if not.

    Raise ApprovalNeeded if it needs a second person.
    """
    try:
        action(*given, **names)
    except (NotPermitted, ApprovalNeeded):
        raise
    except ValueError as refusal:
        messages.error(request, in_words(refusal))
        return False
    messages.success(request, words)
    return True


def done_by_two(
    request: OfficeRequest,
    words: str,
    reason: str,
    action: Callable[_Given, object],
    *given: _Given.args,
    **names: _Given.kwargs,
) -> bool:
    """Call an action that may need a second person. Return True if it was done.

    If a second person is needed, propose the action with the reason, and tell the number of the request.
    """
    try:
        return done(request, words, action, *given, **names)
    except ApprovalNeeded as needed:
        asked = attempt(request, approvals.propose, request.office, request.actor, needed, reason)
    if asked is not None:
        told = _(
            "Request %(number)s waits for a second person. Send the form again with its number after the approval."
        )
        messages.info(request, told % {"number": asked.request})
    return False


def searched(request: HttpRequest) -> str:
    """Return the text that a list is searched for."""
    return request.GET.get("q", "").strip()[:_TEXT_LIMIT]


def after(request: HttpRequest) -> int | None:
    """Return the key that a list continues after, or None for its begin."""
    return whole(request.GET.get("after", ""))


def whole(text: str) -> int | None:
    """Return a whole number of zero or more, or None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _WHOLE_DIGITS else None


def uploaded(request: HttpRequest, name: str, limit: int) -> bytes:
    """Return the content of a file of a form. Raise ValueError if there is none, or if it is larger than `limit`."""
    file = request.FILES.get(name)
    if not isinstance(file, UploadedFile):
        raise ValueError(_("No file was chosen. Choose one."))
    if (file.size or 0) > limit:
        words = _("The file has %(size)s bytes. At most %(limit)s are taken.")
        raise ValueError(words % {"size": f"{file.size:,}", "limit": f"{limit:,}"})
    return file.read()
