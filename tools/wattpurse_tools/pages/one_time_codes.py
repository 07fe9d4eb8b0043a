"""One-time codes of managers: an app on a telephone by TOTP, and ten codes on paper for the day when it is lost."""

import base64
import secrets

from django.utils.safestring import SafeString
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from wattpurse_tools.pages import qr_codes
from wattpurse_tools.record.models import User

PAPER_CODES = 10

_APP = "app"
_PAPER = "paper"
_CODE_BYTES = 5
_GROUP = 4


def has_device(person: User) -> bool:
    """Return True if a person has confirmed an app."""
    return TOTPDevice.objects.filter(user=person, confirmed=True).exists()


def unconfirmed_device(person: User) -> TOTPDevice:
    """Return the app that a person is about to confirm. Its key is made once."""
    device, _ = TOTPDevice.objects.get_or_create(user=person, name=_APP, confirmed=False)
    return device


def confirm(device: TOTPDevice, code: str) -> bool:
    """Return True and confirm the app if the code is right."""
    if not code.isdecimal() or not device.verify_token(code):
        return False
    device.confirmed = True
    device.save()
    return True


def new_paper_codes(person: User) -> list[str]:
    """Return new codes for the paper. Each works once, and the former ones no longer."""
    StaticDevice.objects.filter(user=person).delete()
    paper = StaticDevice.objects.create(user=person, name=_PAPER)
    codes = [secrets.token_hex(_CODE_BYTES) for _ in range(PAPER_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=paper, token=code) for code in codes])
    return codes


def key_of(device: TOTPDevice) -> str:
    """Return an app's key as text, in groups of four letters."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[place : place + _GROUP] for place in range(0, len(text), _GROUP))


def drawing_of(device: TOTPDevice) -> SafeString:
    """Return the QR code of an app's key as a drawing for the page."""
    return qr_codes.drawing(device.config_url)
