"""The protocol between the office and the agent at a reader.

The agent connects outward and asks for work, by POST to `ADDRESS` with the till's token. Its question tells which card
lies on the reader and has the answer to the last command, if there was one. The office answers at once if it has a
command, or after a bounded wait. A command has an `id`. It is given again until it is answered, so each command may be
carried out twice without harm: reading changes nothing, and a write names the content that it replaces.

| command | fields | answer |
|---|---|---|
| read | | `card`: `name` and `image` |
| write | `name`, `was`, `image` | nothing |
| print | `data`: ESC/POS bytes in base64 | nothing |
| frames | `call` and its fields, see `frames` | the answer of the card, or `reason`: a reason of CardError |

Each answer has the command's `id`. `error` in it says in words why the command failed. `was` and `now` are digests of
images. An agent at a real reader says `frames` in its question, and carries single frames of a card instead of images:
the keys of a card stay in the office, so it sends each frame and waits for the answer. The agent carries out a command
for frames once, and answers its repetition with the same answer.
"""

import hashlib
import json
from dataclasses import dataclass

VERSION = 1
ADDRESS = "/till/reader"
READ = "read"
WRITE = "write"
PRINT = "print"
FRAMES = "frames"

MAX_SIZE = 256 * 1024  # the largest question or answer in bytes


@dataclass(frozen=True)
class CardImage:
    """A virtual card: its name and its image (see `boards.host.cards.images`)."""

    name: str
    image: dict

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return digest_of(self.image)


def digest_of(image: dict) -> str:
    """Return the digest of a card's image."""
    return hashlib.sha256(json.dumps(image, sort_keys=True).encode()).hexdigest()
