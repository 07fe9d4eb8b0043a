"""`wattpurse desk`: the agent at a till's reader, and the token with which it connects to the office."""

import os
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools.commands.office_options import add_sign_on_options, signed_on, tell
from wattpurse_tools.desk.agent import Agent
from wattpurse_tools.desk.readers import reader_at

TOKEN_VARIABLE = "WATTPURSE_TILL_TOKEN"

_DESCRIPTION = """\
The agent runs on the computer at a till's reader. It connects to the office, and reads, writes and prints what the
office orders. Keys stay in the office. The reader is a PC/SC reader, a desk reader, or a folder: move a card's file
there to lay the card on it."""


def add_parser(subparsers: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `desk run` and `desk token`."""
    parser = subparsers.add_parser("desk", help="run the agent at a till's reader", description=_DESCRIPTION)
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    run = actions.add_parser("run", help="serve a till's reader until Ctrl-C", description=_DESCRIPTION)
    run.add_argument("--office-url", required=True, metavar="URL", help="address of the office, by https://")
    run.add_argument(
        "--token",
        metavar="TOKEN",
        help=f"the till's token; others may see it here, so prefer {TOKEN_VARIABLE} or a file",
    )
    run.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the till's token")
    text = "pcsc:NAME for a PC/SC reader, serial:PORT for a desk reader, or a folder; default: %(default)s"
    run.add_argument("--reader", default="till-reader", metavar="PLACE", help=text)
    run.add_argument(
        "--printer",
        default="",
        metavar="PRINTER",
        help="a receipt printer: tcp://HOST[:PORT], or a file such as /dev/usb/lp0",
    )
    run.set_defaults(run=run_agent)

    token = actions.add_parser("token", help="make the token of a till's agent, and print it once; the former one ends")
    token.add_argument("--shop", type=int, default=1, metavar="N", help="default: %(default)s")
    token.add_argument("--till", type=int, default=1, metavar="N", help="default: %(default)s")
    add_sign_on_options(token)
    token.set_defaults(run=run_token)


def run_agent(arguments: Namespace) -> int:
    """Serve a reader until the person interrupts."""
    reader = reader_at(arguments.reader)
    agent = Agent(arguments.office_url, _token(arguments), reader, arguments.printer)
    hint = "" if reader.takes_frames else "a card lies on it while its file is there. "
    tell(f"reader: {arguments.reader}; {hint}End with Ctrl-C.")
    agent.run(tell)
    return 0


def run_token(arguments: Namespace) -> int:
    """Make the token of a till's agent and print it."""
    with signed_on(arguments) as (_, actor):
        from wattpurse_tools.office.reader_tokens import new_reader_token
        from wattpurse_tools.record.models import Till

        till = Till.objects.select_related("shop").filter(shop__number=arguments.shop, number=arguments.till).first()
        if till is None:
            raise ValueError(f"shop {arguments.shop} has no till {arguments.till}")
        tell(new_reader_token(actor, till))
    return 0


def _token(arguments: Namespace) -> str:
    """Return the till's token. Raise ValueError if none is named."""
    if arguments.token_file is not None:
        return arguments.token_file.read_text(encoding="ascii").strip()
    token = arguments.token or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise ValueError(
            f"name the till's token with --token-file or {TOKEN_VARIABLE}; make one with: wattpurse desk token"
        )
    return token
