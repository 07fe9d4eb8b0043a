"""The vending station: the real `wattpurse` commands in a shell, on the cards of one folder."""

import json
import os

from boards.host import files

_RECORD = "office.db"
_OUTPUT = "command-output.txt"


class VendingDesk:
    """The office in the folder `office`, with cards in `cards`. The commands' output goes to `scratch`.

    If there is no office, one is made to try things on: it asks for nothing, and needs no process for its vault.
    """

    def __init__(self, office: str, cards: str, scratch: str) -> None:
        self._office = office
        self._cards = cards
        self._scratch = scratch

    def open_office(self) -> None:
        """Make the office if there is none: one to try things on, whose commands need no vault that serves."""
        if not files.exists(f"{self._office}/{_RECORD}"):
            self._run(f"office init --trial {self._station_options()}")

    def meter_keys(self, meter_number: int, contract: str) -> dict:
        """Return the lines of `wattpurse meter keys` by name. Make office and meter if they are missing."""
        self.open_office()
        if f"meter {meter_number} " not in self._run(f"meter list {self._station_options()}"):
            self._run(f"meter add {meter_number} --contract {contract} {self._station_options()}")
        keys = {}
        for line in self._run(f"meter keys {meter_number} {self._station_options()}").split("\n"):
            name, _, value = line.partition("  ")
            keys[name.strip()] = value.strip()
        return keys

    def tariff_table(self, file: str) -> bytes:
        """Return the meter's table of a tariff file."""
        table = self._scratch + "/tariff.bin"
        self._run(f"tariff encode {files.quoted(file)} --output {files.quoted(table)}")
        with open(table, "rb") as encoded:
            return encoded.read()

    def new_card(self, name: str, kind: str, meter_number: int) -> None:
        """Make a customer's card."""
        self._card("new", name, f"--kind {kind} --meter {meter_number}")

    def top_up(self, name: str, amount: str) -> str:
        """Sell `amount` (such as "20.00") onto the card, and return the command's output."""
        return self._card("topup", name, f"--amount {amount}")

    def sell(self, words: str) -> str:
        """Run `words` that write to a card, such as "token 5 days 3 --card tenant", and return the command's output."""
        return self._run(f"{words} --cards {files.quoted(self._cards)} {self._station_options()}")

    def allow_digits(self, meter_number: int, limits: str) -> None:
        """Note what twenty digits may credit at a meter: options of `wattpurse meter digits-limit`."""
        self._run(f"meter digits-limit {meter_number} {limits} {self._station_options()}")

    def read(self, name: str) -> dict:
        """Return the content of the card."""
        return json.loads(self._card("read", name, "--json"))

    def _card(self, action: str, name: str, options: str) -> str:
        return self._run(
            f"card {action} {name} --cards {files.quoted(self._cards)} {options} {self._station_options()}"
        )

    def _station_options(self) -> str:
        return f"--office {files.quoted(self._office)}"

    def _run(self, command: str) -> str:
        """Return the output of `wattpurse` with these words. Raises OSError with its message if it refuses."""
        output = f"{self._scratch}/{_OUTPUT}"
        status = os.system(f"wattpurse {command} > {files.quoted(output)} 2>&1")
        with open(output) as file:
            text = file.read().strip()
        if status:
            raise OSError(f"wattpurse {command}: {text}")
        return text
