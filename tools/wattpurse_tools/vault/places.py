"""The places of an office's vault: its folder and its socket, inside the folder of the office."""

import os
from pathlib import Path

OFFICE_VARIABLE = "WATTPURSE_OFFICE"
DEFAULT_OFFICE = "office-data"

_FOLDER = "vault"
_SOCKET = "vault.sock"


def default_office() -> Path:
    """Return the office's folder that the environment names, or the usual one in the present folder."""
    return Path(os.environ.get(OFFICE_VARIABLE) or DEFAULT_OFFICE)


def folder_of(office: str | Path) -> Path:
    """Return the vault's folder in an office's folder."""
    return Path(office) / _FOLDER


def socket_of(office: str | Path) -> Path:
    """Return the vault's socket in an office's folder."""
    return Path(office) / _SOCKET
