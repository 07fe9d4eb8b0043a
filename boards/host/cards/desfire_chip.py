"""A MIFARE DESFire in the reader's field: ISO/IEC 14443-4 in front of the application layer of `desfire`.

`memory` has everything that the card keeps without power, as a JSON text: the applications by their numbers, and the
version of the hardware if it is not EV1.
"""

import json
import os

from boards.host.cards.desfire import Application, DesfireCard
from boards.host.cards.desfire_ev2 import DesfireEv2Card
from boards.host.cards.desfire_files import VALUE, DataFile, ValueFile
from boards.host.cards.iso_dep import IsoDepCard

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import Answer

KIND = "desfire"
EV1 = 0x01

_HARDWARE = "hardware"


class DesfireChip(IsoDepCard):
    """A card with the UID `uid`: an EV1, or an EV2 or EV3 by its `hardware_version`. `desfire` has its applications.

    `hardware_version` is that of the card, unless `memory` names one.
    """

    def __init__(
        self,
        uid: bytes,
        memory: bytes = b"",
        random_bytes: "Callable[[int], bytes]" = os.urandom,
        hardware_version: int = EV1,
    ) -> None:
        document = json.loads(bytes(memory).decode()) if memory else {}
        version = document.pop(_HARDWARE, hardware_version)
        if version == EV1:
            self.desfire = DesfireCard(uid, random_bytes)
        else:
            self.desfire = DesfireEv2Card(uid, random_bytes, version)
        super().__init__(uid, self._answer_command)
        self.kind = KIND
        self.desfire.applications = _applications_in(document)
        self.memory[:] = _packed(self.desfire)

    def power_off(self, now_us: int) -> None:
        super().power_off(now_us)
        self.desfire.power_off()

    def command(self, data: bytes) -> "Answer":
        self.desfire.power_off()  # a new activation selects the card itself
        return super().command(data)

    def _answer_command(self, command: bytes) -> bytes:
        answer = self.desfire.answer(command)
        self.memory[:] = _packed(self.desfire)
        return answer


def _packed(card: DesfireCard) -> bytes:
    document: dict = {str(one): _application(card.applications[one]) for one in card.applications}
    if card.hardware_version != EV1:
        document[_HARDWARE] = card.hardware_version
    return json.dumps(document).encode()


def _application(one: Application) -> dict:
    keys = [[key.hex(), version] for key, version in zip(one.keys, one.versions)]
    return {"settings": one.settings, "keys": keys, "files": {str(n): _file(one.files[n]) for n in one.files}}


def _file(file: "DataFile | ValueFile") -> list:
    if isinstance(file, ValueFile):
        return [VALUE, file.mode, file.rights, file.lower, file.upper, file.value, file.options, file.limited]
    return [file.kind, file.mode, file.rights, bytes(file.data).hex()]


def _applications_in(document: dict) -> dict:
    found = {}
    for identifier in document:
        own = document[identifier]
        application = Application(own["settings"], len(own["keys"]))
        application.keys = [bytes.fromhex(key) for key, _ in own["keys"]]
        application.versions = [version for _, version in own["keys"]]
        application.files = {int(number): _file_in(own["files"][number]) for number in own["files"]}
        found[int(identifier)] = application
    return found


def _file_in(fields: list) -> "DataFile | ValueFile":
    if fields[0] == VALUE:
        file = ValueFile(fields[1], fields[2], (fields[3], fields[4]), fields[5], fields[6])
        file.limited = fields[7]
        return file
    content = bytes.fromhex(fields[3])
    file = DataFile(fields[0], fields[1], fields[2], len(content))
    file.data[:] = content
    return file
