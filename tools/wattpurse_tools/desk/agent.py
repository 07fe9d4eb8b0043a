"""The agent at a reader: it asks the office for work, carries out one command after the other, and answers.

It connects outward, by HTTPS, or by HTTP to this computer alone. It has the token of its till and nothing else: the
office decides, and no key of a card comes here. If the office is away it goes on asking, with longer and longer pauses.
"""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from wattpurse_tools.desk.printers import print_bytes
from wattpurse_tools.desk.protocol import ADDRESS, FRAMES, MAX_SIZE, PRINT, READ, VERSION, WRITE
from wattpurse_tools.desk.readers import DeskReader

TIMEOUT_S = 15
FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 8.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class NotWelcome(ValueError):
    """The office does not take this agent: its token or its version is wrong. Asking again does not help."""


class Agent:
    """An agent for the office at `url`, with a till's `token`, a reader, and a `printer` or ""."""

    def __init__(self, url: str, token: str, reader: DeskReader, printer: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url}: name the office as https://HOST or http://127.0.0.1:PORT")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError(f"{url}: anybody on the way could read the token; use https://")
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = parts.path.rstrip("/") + ADDRESS
        self._token = token
        self._reader = reader
        self._printer = printer
        self._connection: http.client.HTTPConnection | None = None
        self._answer: dict | None = None
        self._carried: dict = {}

    def run(self, say: Callable[[str], None], is_ended: Callable[[], bool] = bool) -> None:
        """Ask for work until `is_ended` returns True. `say` gets a line when the office comes or goes."""
        pause_s = FIRST_PAUSE_S
        is_away: bool | None = None
        while not is_ended():
            try:
                wait_s = self.step()
            except OSError as error:
                if is_away is not True:
                    say(f"the office does not answer: {error}; asking again")
                is_away = True
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
                continue
            if is_away is not False:
                say("connected to the office")
            is_away, pause_s = False, FIRST_PAUSE_S
            time.sleep(wait_s)
        self.close()
        self._reader.close()

    def step(self) -> float:
        """Ask once, carry out the command that came, and return the pause before the next question in seconds."""
        reply = self._post(self._question())
        self._answer = None
        command = reply.get("command")
        if command is not None:
            self._answer = self._carry_out(command)
        return float(reply.get("pause_s") or 0)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _question(self) -> dict:
        card, trouble = None, ""
        try:
            card = self._reader.look()
        except (OSError, ValueError) as error:
            trouble = str(error)
        return {
            "version": VERSION,
            "card": card,
            "trouble": trouble,
            "printer": bool(self._printer),
            "frames": self._reader.takes_frames,
            "answer": self._answer,
        }

    def _carry_out(self, command: dict) -> dict:
        """Carry out a command and return its answer. A command for frames that is given again has its first answer."""
        if command.get("do") == FRAMES and self._carried.get("id") == command.get("id"):
            return self._carried
        answer: dict = {"id": command.get("id")}
        try:
            if command.get("do") == READ:
                card = self._reader.read()
                answer["card"] = {"name": card.name, "image": card.image}
            elif command.get("do") == WRITE:
                self._reader.write(command["name"], command["was"], command["image"])
            elif command.get("do") == FRAMES:
                self._carried = answer
                answer.update(self._reader.carry(command))
            elif command.get("do") == PRINT and self._printer:
                print_bytes(self._printer, base64.b64decode(command["data"]))
            else:
                answer["error"] = f"this desk cannot {command.get('do')}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            answer["error"] = str(error) or "the command failed"
        return answer

    def _post(self, question: dict) -> dict:
        """Send a question and return the office's reply. Raise OSError if the office is away."""
        if self._connection is None:
            self._connection = self._connect()
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            self._connection.request("POST", self._path, json.dumps(question), headers)
            response = self._connection.getresponse()
            body = response.read(MAX_SIZE + 1)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise OSError(str(error) or type(error).__name__) from error
        if response.status in (400, 401, 403):
            self.close()
            raise NotWelcome(_words_of(body) or "the office does not know this till's token; make a new one there")
        if response.status != http.HTTPStatus.OK or len(body) > MAX_SIZE:
            self.close()
            raise OSError(f"the office answers {response.status} {response.reason}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise OSError("the office's answer is no JSON; is this its address?") from error

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)


def _words_of(body: bytes) -> str:
    """Return the reason in a refusal of the office."""
    try:
        return str(json.loads(body).get("error", ""))
    except (ValueError, AttributeError):
        return ""
