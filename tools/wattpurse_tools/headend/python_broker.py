"""A broker in Python, for a computer without mosquitto: the package amqtt with the users and rights of the office.

usage: python -m wattpurse_tools.headend.python_broker FOLDER HOST PORT

It reads the users of the folder at each connection. Sessions and kept messages are in memory alone: a restart forgets
them, and the head-end sends its tokens again. It knows no shared subscriptions, so there is one worker. Install it with
the extra `broker`.
"""

import asyncio
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from wattpurse_tools.headend.broker_files import BrokerFiles, is_password, may

_HERE = "wattpurse_tools.headend.python_broker"


class Users(BaseAuthPlugin):
    """Lets in the users of the file."""

    @dataclass
    class Config:
        """The folder of the office."""

        office: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        """Return True for a user with the right password."""
        kept = BrokerFiles(Path(self.config.office)).known_users().get(session.username or "")
        return kept is not None and is_password(session.password or "", kept)


class Rights(BaseTopicPlugin):
    """Lets the users reach their own topics."""

    @dataclass
    class Config:
        """The folder of the office. Not in use: a name has its rights."""

        office: str = ""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Return True if the user of a session may do this at a topic."""
        user = session.username if session is not None else None
        return may(user or "", topic or "", action == Action.PUBLISH)


async def serve(office: Path, host: str, port: int) -> None:
    """Serve for ever."""
    own = {"office": str(office)}
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": 1_000}},
            "plugins": {f"{_HERE}.Users": own, f"{_HERE}.Rights": own},
        }
    )
    await broker.start()
    await asyncio.Event().wait()


def main(words: list[str]) -> int:
    """Run the command line."""
    logging.basicConfig(level=logging.WARNING)
    folder, host, port = words
    asyncio.run(serve(Path(folder).parent, host, int(port)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
