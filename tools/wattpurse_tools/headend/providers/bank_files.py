"""A bank statement as a file, from the command line or from a page: read by its format, and taken once."""

from wattpurse_tools.headend.providers import bank, bank_csv, camt053, provider_file
from wattpurse_tools.headend.providers.bank import Imported
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.record.models import Site
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.refusals import Refusal

CAMT, CSV = "camt053", "csv"
FORMATS = (CAMT, CSV)
SIZE_LIMIT = 8 << 20


def banks(folder: OfficeFolder) -> list[str]:
    """Return the names of the banks of an office."""
    return sorted(one.name for one in provider_file.providers(folder).values() if one.kind == provider_file.BANK)


def take(folder: OfficeFolder, name: str, file_format: str, content: bytes, now_s: int) -> Imported:
    """Record the credit entries of a statement of a bank, each once.

    Raise ValueError, with nothing recorded, for an unknown bank or format, and for a file that is no such statement.
    """
    provider = provider_file.provider_of(folder, name, provider_file.BANK)
    if provider is None:
        raise Refusal(
            "%(name)s: is no bank; add one with: wattpurse headend provider --kind bank --name bankhouse (the name of a"
            ' bank begins with "bank")',
            name=name,
        )
    return bank.take(provider, _read(provider, file_format, content), now_s)


def _read(provider: Provider, file_format: str, content: bytes) -> bank.StatementRead:
    if file_format == CAMT:
        return camt053.read(content)
    if file_format == CSV:
        return bank_csv.read(provider, content, Site.objects.get().currency)
    raise Refusal("%(format)s: a statement is one of %(possible)s", format=file_format, possible=", ".join(FORMATS))
