"""The actions of `wattpurse headend` for payments: providers with their secrets, and bank statements."""

import json
import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattpurse_tools.commands.office_options import add_office_option, existing, tell

if TYPE_CHECKING:
    from wattpurse_tools.headend.providers.provider_file import Provider

_CAMT, _CSV = "camt053", "csv"
_API_KEY = "api-key"


def add_provider(parser: ArgumentParser) -> None:
    """Add the options of `provider`."""
    parser.add_argument("--name", metavar="NAME", help="name of the provider; without it, list them")
    parser.add_argument("--kind", metavar="KIND", help="stripe, mpesa or bank; needed for a new provider")
    text = "file with the secrets: one of a web hook a line, and `api-key KEY`; without it the former ones stay"
    parser.add_argument("--secrets", type=Path, metavar="FILE", help=text)
    text = "file with settings of the adapter, in JSON; without it the former ones stay"
    parser.add_argument("--settings", type=Path, metavar="FILE", help=text)
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

    asked = arguments.kind, arguments.secrets, arguments.settings
    name: str | None = arguments.name
    if name is None:
        if arguments.remove or any(asked):
            raise ValueError('name the provider with --name NAME; the name of a bank begins with "bank"')
    elif arguments.remove:
        provider_file.remove_provider(folder, name)
    else:
        provider_file.put_provider(folder, _asked_for(arguments, provider_file.providers(folder).get(name)))
    for one in provider_file.providers(folder).values():
        tell(f"{one.name}: {one.kind}, {len(one.secrets)} secrets{', API key' if one.api_key else ''}")
    return 0


def _asked_for(arguments: Namespace, former: "Provider | None") -> "Provider":
    """Return the provider that the options name. A `former` one of that name keeps what they do not name.

    Raise ValueError for a new provider without a kind, and for a wrong file.
    """
    from wattpurse_tools.headend.providers.provider_file import KINDS, Provider

    if former is None or arguments.kind not in (None, former.kind):
        if arguments.kind is None:
            raise ValueError(f"{arguments.name}: is a new provider; give --kind too: one of {', '.join(KINDS)}")
        former = Provider(arguments.name, arguments.kind)
    if arguments.secrets is not None:
        secrets, api_key = _secrets(arguments.secrets)
        former = replace(former, secrets=secrets, api_key=api_key)
    if arguments.settings is not None:
        former = replace(former, settings=_settings(arguments.settings))
    return former


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


def _settings(file: Path) -> dict[str, Any]:
    """Return the content of a file in JSON. Raise ValueError, with its name, for one that is none."""
    try:
        return json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: is no JSON: {error}") from None


def _secrets(file: Path) -> tuple[tuple[str, ...], str]:
    """Return the secrets of web hooks and the API key of a file. Raise ValueError for a wrong line of the key."""
    secrets, keys = [], []
    for line in filter(None, map(str.strip, _text(file).splitlines())):
        word, _, rest = line.partition(" ")
        if word != _API_KEY:
            secrets.append(line)
        elif rest.strip():
            keys.append(rest.strip())
        else:
            raise ValueError(f"{file}: a line has the word {_API_KEY} alone; write the key behind it")
    if len(keys) > 1:
        raise ValueError(f"{file}: has {len(keys)} lines with {_API_KEY}; a provider has one key")
    return tuple(secrets), keys[0] if keys else ""


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except UnicodeDecodeError:
        raise ValueError(f"{file}: is no text in UTF-8") from None
