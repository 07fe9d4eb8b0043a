"""The options of commands that work at an MQTT broker."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from wattpurse_tools.meter_link.broker import Access


def add_broker_options(parser: ArgumentParser) -> None:
    """Add the options of the access to a broker."""
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the broker")
    parser.add_argument("--user", metavar="NAME", help="the user at the broker")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="a file with the password")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the certificate of the authority in PEM: use TLS")


def access_of(arguments: Namespace) -> Access:
    """Return the access that the options name."""
    file = arguments.password_file
    return Access(arguments.broker, arguments.user, file.read_text().strip() if file else None, arguments.ca)
