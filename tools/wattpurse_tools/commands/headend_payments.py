"""The actions of `wattpurse headend` for payments: providers with their secrets, and bank statements."""

import json
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from wattpurse_tools.commands.office_options import add_office_option, existing, tell

_CAMT, _CSV = "camt053", "csv"


def add_provider(parser: ArgumentParser) -> None:
    """Add the options of `provider`."""
    parser.add_argument("--name", metavar="NAME", help="name of the provider; without it, list them")
    parser.add_argument("--kind", metavar="KIND", help="stripe, mpesa or bank: add the provider, or change it")
    text = "file with the secrets: one of a web hook a line, and `api-key KEY`"
    parser.add_argument("--secrets", type=Path, metavar="FILE", help=text)
    parser.add_argument("--settings", type=Path, metavar="FILE", help="file with settings of the adapter, in JSON")
    parser.add_argument("--remove", action="store_true", help="remove the provider with its secrets")
    add_office_option(parser)
    parser.set_defaults(run=run_provider)


def add_statement(parser: ArgumentParser) -> None:
    """Add the options of `bank-statement`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the statement")
    parser.add_argument("--bank", required=True, metavar="NAME", help="name of the bank, a provider of the kind bank")
    parser.add_argument("--format", metavar="FORMAT", choices=(_CAMT, _CSV), default=_CAMT, help="default: %(default)s")
    add_office_option(parser)
    parser.set_defaults(run=run_statement)


def run_provider(arguments: Namespace) -> int:
    """Add, change, remove or list providers. No secret is printed."""
    folder = existing(arguments)
    from wattpurse_tools.headend.providers import provider_file

    if arguments.remove:
        provider_file.remove_provider(folder, arguments.name or "")
    elif arguments.kind:
        secrets, api_key = _secrets(arguments.secrets)
        settings = json.loads(arguments.settings.read_text()) if arguments.settings else {}
        provider_file.put_provider(
            folder, provider_file.Provider(arguments.name or "", arguments.kind, secrets, api_key, settings)
        )
    for one in provider_file.providers(folder).values():
        tell(f"{one.name}: {one.kind}, {len(one.secrets)} secrets{', API key' if one.api_key else ''}")
    return 0


def run_statement(arguments: Namespace) -> int:
    """Record the credit entries of a bank statement, each once."""
    folder = existing(arguments)
    from wattpurse_tools.headend.providers import bank_files

    content = arguments.file.read_bytes()
    taken = bank_files.take(folder, arguments.bank, arguments.format, content, int(time.time()))
    tell(f"{taken.new} new payments, {taken.known} known before, {len(taken.left_out)} entries left out")
    for words in taken.left_out:
        tell(f"  {words}")
    return 0


def _secrets(file: Path | None) -> tuple[tuple[str, ...], str]:
    """Return the secrets of web hooks and the API key of a file."""
    lines = [] if file is None else [line.strip() for line in file.read_text().splitlines() if line.strip()]
    keys = [line.removeprefix("api-key ") for line in lines if line.startswith("api-key ")]
    return tuple(line for line in lines if not line.startswith("api-key ")), keys[0].strip() if keys else ""
