"""The files of a broker for one machine: settings, users with their passwords, and their rights.

They are in the folder `broker` of the office. The head-end is the user `headend`, and each meter has a user of its own,
`meter-NUMBER`, with rights to its own topics alone (docs/mqtt.md). Passwords are in the broker's file as hashes, in the
form of mosquitto_passwd: `$7$ITERATIONS$SALT$HASH`, PBKDF2 with SHA-512. The head-end's own password is in a file too.
"""

import base64
import hashlib
import hmac
import os
import pwd
import secrets
from collections.abc import Iterable
from pathlib import Path

from wattpurse.core.messages import mqtt
from wattpurse_tools import private_files
from wattpurse_tools.meter_link.broker import PLAIN_PORT

HEADEND = "headend"
HOST = "127.0.0.1"
PORT = PLAIN_PORT

_FOLDER = "broker"
_ITERATIONS = 101  # the value of mosquitto_passwd: the passwords made here are random, not words of people
_SALT_SIZE = 12
_PASSWORD_SIZE = 18
_SCHEME = "$7$"
_METER_READS = (mqtt.TOKEN, mqtt.IDENTIFY)


class BrokerFiles:
    """The files in the folder of an office. `make` makes those that are missing."""

    def __init__(self, office: Path) -> None:
        self.folder = office / _FOLDER
        self.settings = self.folder / "mosquitto.conf"
        self.users = self.folder / "users"
        self.rights = self.folder / "rights"
        self.password = self.folder / "headend-password"
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process = self.folder / "mosquitto.pid"

    def make(self, host: str, port: int) -> None:
        """Write the settings, and make the user of the head-end at the first time."""
        for folder in (self.folder, self.data):
            private_files.make_folder(folder)
        if not self.password.exists():
            password = new_password()
            private_files.create(self.password, password.encode())
            self._write_users({HEADEND: hash_of(password)})
        self._write_rights()
        private_files.replace(self.settings, ("\n".join(self._settings(host, port)) + "\n").encode())

    def add_meters(self, numbers: Iterable[int]) -> dict[int, str]:
        """Give meters new passwords, and return these. They are nowhere else. The broker has to read its files anew."""
        passwords = {number: new_password() for number in numbers}
        known = self.known_users()
        self._write_users(known | {user_of(number): hash_of(word) for number, word in passwords.items()})
        self._write_rights()
        return passwords

    def known_users(self) -> dict[str, str]:
        """Return the hash of each user."""
        if not self.users.exists():
            return {}
        lines = private_files.read(self.users).decode().splitlines()
        parts = [line.partition(":") for line in lines]
        return {name: kept for name, _, kept in parts}

    def process_number(self) -> int | None:
        """Return the number of the broker's process as it has written it, or None."""
        try:
            return int(self.process.read_text())
        except (OSError, ValueError):
            return None

    def _settings(self, host: str, port: int) -> list[str]:
        return [
            "# Written by `wattpurse headend start` at each start. Further settings: files in more/, named *.conf.",
            f"user {pwd.getpwuid(os.getuid()).pw_name}",  # root would become the user mosquitto, who reads none of this
            f"listener {port} {host}",
            "allow_anonymous false",
            f"password_file {self.users}",
            f"acl_file {self.rights}",
            "persistence true",
            f"persistence_location {self.data}/",
            "autosave_interval 30",
            f"pid_file {self.process}",
            f"log_dest file {self.log}",
            "log_type error",
            "log_type warning",
            "log_type notice",
            # A batch of the worker is as large as the messages in flight, and none is thrown away while it is away.
            "max_inflight_messages 2000",
            "max_queued_messages 0",
        ]

    def _write_users(self, users: dict[str, str]) -> None:
        private_files.replace(self.users, "".join(f"{name}:{word}\n" for name, word in users.items()).encode())

    def _write_rights(self) -> None:
        lines = [f"user {HEADEND}", f"topic readwrite {mqtt.topic(0, '#').replace('/0/#', '/#')}"]
        for name in self.known_users():
            if name != HEADEND:
                number = number_of(name)
                lines += ["", f"user {name}"]
                lines += [f"topic read {mqtt.topic(number, topic)}" for topic in _METER_READS]
                lines += [f"topic write {mqtt.topic(number, '#')}"]
        private_files.replace(self.rights, ("\n".join(lines) + "\n").encode())


def user_of(meter_number: int) -> str:
    """Return the user of a meter."""
    return f"meter-{meter_number}"


def number_of(user: str) -> int:
    """Return the meter of a user."""
    return int(user.rpartition("-")[2])


def new_password() -> str:
    """Return a new password."""
    return secrets.token_urlsafe(_PASSWORD_SIZE)


def hash_of(password: str, salt: bytes | None = None, iterations: int = _ITERATIONS) -> str:
    """Return the hash of a password as mosquitto reads it."""
    salt = secrets.token_bytes(_SALT_SIZE) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"{_SCHEME}{iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def is_password(password: str, kept: str) -> bool:
    """Return True if a hash is that of a password."""
    _, _, iterations, salt, _ = kept.split("$")
    return hmac.compare_digest(hash_of(password, base64.b64decode(salt), int(iterations)), kept)


def may(user: str, topic: str, is_publishing: bool) -> bool:
    """Return True if a user may publish at a topic, or read it. A topic of a subscription may have wildcards."""
    first = mqtt.topic(0, "").partition("/0/")[0] + "/"
    if user == HEADEND:
        return topic.startswith(first)
    if user != user_of(number_of(user) if user.rpartition("-")[2].isdigit() else 0):
        return False
    number = number_of(user)
    if is_publishing:
        return topic.startswith(mqtt.topic(number, ""))
    return topic in [mqtt.topic(number, name) for name in _METER_READS]
