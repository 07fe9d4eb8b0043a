"""An open office: its folder, its record and its vault. The actions take one and the person who acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattpurse_tools.record.office_folder import OfficeFolder, open_record

if TYPE_CHECKING:
    from wattpurse_tools.vault.interface import Keys


@dataclass(frozen=True)
class Office:
    """`folder` has the paths, `keys` is the vault. The record is that of Django's models."""

    folder: OfficeFolder
    keys: "Keys"


@contextmanager
def open_office(folder: OfficeFolder, keys: "Keys") -> Iterator[Office]:
    """Open the record of an office for a `with` block, with its vault."""
    open_record(folder)
    yield Office(folder, keys)
