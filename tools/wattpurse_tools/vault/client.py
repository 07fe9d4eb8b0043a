"""The vault of another process: the calls of `interface.Keys`, each by a connection of its own to the Unix socket.

A client has no state, so threads may share it, and a vault that was started again is found again. Every wait has an
end. A call whose answer does not come raises VaultClosed; it may have been carried out. A call that is too long for the
socket raises Refused, for it is too long each time.
"""

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wattpurse.core.money.key_card import CardContent
from wattpurse_tools.refusals import Words
from wattpurse_tools.vault import wire
from wattpurse_tools.vault.interface import (
    DispenserRecord,
    LogEntry,
    Operator,
    Refused,
    Request,
    SealedToken,
    Session,
    TokenOrder,
    VaultClosed,
)
from wattpurse_tools.vault.unix_socket import Lines, LineTooLong, address_of

CALL_S = 10.0


class VaultClient:
    """The vault at the socket at `path`. A call takes at most `call_s` seconds."""

    def __init__(self, path: str | Path, call_s: float = CALL_S) -> None:
        self._path = Path(path).absolute()
        self._call_s = call_s
        self._issuer: int | None = None

    @property
    def issuer(self) -> int:
        """The issuer whose tokens this vault seals. 0: the office. It belongs to the keys, so it is asked for once."""
        known = self._issuer
        if known is None:
            known = self._issuer = int(self._call("issuer"))
        return known

    @property
    def persons(self) -> int:
        """The number of persons that a change of weight needs: 1 or 2."""
        return self._call("persons")

    @property
    def memory_card_microunits(self) -> int | None:
        """The most that a key card on a memory card may hold, or None. 0 permits none at all."""
        return self._call("memory_card_microunits")

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        return self._call("versions")

    @property
    def newest_version(self) -> int:
        """The newest key version."""
        return self._call("newest_version")

    def fingerprint(self) -> str:
        """Return a text that identifies the site and reveals no key. Later versions do not change it."""
        return self._call("fingerprint")

    def fingerprints(self) -> dict[int, str]:
        """Return a text for each key version that identifies its keys and reveals none."""
        return self._call("fingerprints")

    def before(self, key_version: int) -> int | None:
        """Return the version before `key_version`, or None."""
        return self._call("before", key_version=key_version)

    def after(self, key_version: int) -> int | None:
        """Return the version after `key_version`, or None."""
        return self._call("after", key_version=key_version)

    def status(self) -> dict:
        """Return facts about the vault for its administrator, by name."""
        return self._call("status")

    def sign_on(self, operator: int, pin: str) -> Session:
        """Sign on with a PIN. Raise Refused if it is wrong, or if it is too early for a further try."""
        return self._call("sign_on", operator=operator, pin=pin)

    def sign_on_with_card(self, uid: bytes, operator_pass: bytes) -> Session:
        """Sign on with the pass on an operator's card."""
        return self._call("sign_on_with_card", uid=uid, operator_pass=operator_pass)

    def sign_on_as_user(self) -> Session:
        """Sign on as the operator that the vault knows for the Unix user of this process."""
        return self._call("sign_on_as_user")

    def sign_off(self, ticket: str) -> None:
        """End a session. An unknown ticket is ignored."""
        self._call("sign_off", ticket=ticket)

    def session(self, ticket: str) -> Session:
        """Return a session. Raise SignOnNeeded if it has ended."""
        return self._call("session", ticket=ticket)

    def operators(self) -> list[Operator]:
        """Return all operators, by number."""
        return self._call("operators")

    def set_operator(
        self, ticket: str, operator: Operator, pin: str | None = None, approval: str | None = None
    ) -> None:
        """Add an operator, or change one. Without `pin` an operator keeps the PIN. Right: MANAGE."""
        self._call("set_operator", ticket=ticket, operator=operator, pin=pin, approval=approval)

    def set_pin(self, ticket: str, pin: str, new_pin: str) -> None:
        """Change the PIN of the session's own operator."""
        self._call("set_pin", ticket=ticket, pin=pin, new_pin=new_pin)

    def set_user(self, ticket: str, user: int, operator: int | None, approval: str | None = None) -> None:
        """Permit a Unix user (its number) to connect and to sign on as `operator`. Right: MANAGE. Two persons."""
        self._call("set_user", ticket=ticket, user=user, operator=operator, approval=approval)

    def propose(self, ticket: str, action: str, document: dict, reason: str) -> str:
        """Propose an action to a second person. Return the number of the request."""
        return self._call("propose", ticket=ticket, action=action, document=document, reason=reason)

    def approve(self, ticket: str, request: str) -> None:
        """Approve the request of another operator. Right: APPROVE."""
        self._call("approve", ticket=ticket, request=request)

    def deny(self, ticket: str, request: str, reason: str) -> None:
        """Deny a request. Right: APPROVE, or the proposer."""
        self._call("deny", ticket=ticket, request=request, reason=reason)

    def requests(self, ticket: str) -> list[Request]:
        """Return the requests that are open or approved, and those that ended lately; the newest first."""
        return self._call("requests", ticket=ticket)

    def use_approval(self, ticket: str, action: str, document: dict, approval: str | None = None) -> None:
        """Use up an approval for an action of the office itself, such as a void after the shift is closed."""
        self._call("use_approval", ticket=ticket, action=action, document=document, approval=approval)

    def issue(
        self,
        ticket: str,
        meter_number: int,
        key_version: int,
        orders: Sequence[TokenOrder],
        after: int,
        purpose: str,
        approval: str | None = None,
    ) -> list[SealedToken]:
        """Seal a token of each order, all or none."""
        return self._call(
            "issue",
            ticket=ticket,
            meter_number=meter_number,
            key_version=key_version,
            orders=orders,
            after=after,
            purpose=purpose,
            approval=approval,
        )

    def permit_tariff(self, ticket: str, table: bytes) -> None:
        """Let operators with the right SELL seal this table in a token, with a planned change. Right: ORDER."""
        self._call("permit_tariff", ticket=ticket, table=table)

    def permits_tariff(self, table: bytes) -> bool:
        """Return True if operators with the right SELL may seal this table."""
        return self._call("permits_tariff", table=table)

    def last_count(self, meter_number: int) -> int:
        """Return the highest count of this issuer that was used for a meter or seen in a statement, or 0."""
        return self._call("last_count", meter_number=meter_number)

    def raise_count(self, ticket: str, meter_number: int, count: int, approval: str | None = None) -> None:
        """Continue after `count`, which another record knows. A lower count changes nothing. Right: MANAGE."""
        self._call("raise_count", ticket=ticket, meter_number=meter_number, count=count, approval=approval)

    def digits(self, ticket: str, meter_number: int, sealed: bytes) -> str:
        """Return the twenty digits of a token of this issuer. Right: SELL."""
        return self._call("digits", ticket=ticket, meter_number=meter_number, sealed=sealed)

    def open_statement(self, meter_number: int, identity: bytes, sealed: bytes) -> tuple[int, dict] | None:
        """Return `(key version, content)` of an authentic statement, or None. `identity` is the card's UID."""
        return self._call("open_statement", meter_number=meter_number, identity=identity, sealed=sealed)

    def unseal_statements(self, sealed: bytes) -> bytes:
        """Open the statements in a piece of `packed_statements`, but leave their payloads unread."""
        return self._call("unseal_statements", sealed=sealed)

    def settle(
        self,
        ticket: str,
        meter_number: int,
        sequence: int,
        words: str,
        approval: str | None = None,
        doubt: str = "",
    ) -> bool:
        """Mark a receipt as settled. Return False if it was settled before. Right: SELL."""
        return self._call(
            "settle",
            ticket=ticket,
            meter_number=meter_number,
            sequence=sequence,
            words=words,
            approval=approval,
            doubt=doubt,
        )

    def settled(self, meter_number: int) -> dict[int, str]:
        """Return the settled receipts of a meter: the words by token number."""
        return self._call("settled", meter_number=meter_number)

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        return self._call("card_keys", uid=uid, key_version=key_version)

    def seal_key_card(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> bytes:
        """Return the sealed record of a key card. Right: SELL. The credit added counts to the operator's limits."""
        return self._call("seal_key_card", ticket=ticket, uid=uid, key_version=key_version, content=content)

    def open_key_card(self, uid: bytes, sealed: bytes) -> CardContent | None:
        """Return the content of an authentic record under any key version, or None."""
        return self._call("open_key_card", uid=uid, sealed=sealed)

    def identify_desfire(self) -> tuple[str, bytes]:
        """Begin to ask a DESFire card with a random UID for the real one. Return a dialog and its first command."""
        return self._call("identify_desfire")

    def read_desfire(self, uid: bytes) -> tuple[str, bytes]:
        """Begin to read a DESFire key card. Return a dialog and its first command."""
        return self._call("read_desfire", uid=uid)

    def make_desfire(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> tuple[str, bytes]:
        """Begin to make a DESFire key card without money. Right: CARDS."""
        return self._call("make_desfire", ticket=ticket, uid=uid, key_version=key_version, content=content)

    def load_desfire(self, ticket: str, uid: bytes, content: CardContent) -> tuple[str, bytes]:
        """Begin to load a DESFire key card and to change its terms. Right: SELL."""
        return self._call("load_desfire", ticket=ticket, uid=uid, content=content)

    def erase_desfire(self, ticket: str, uid: bytes) -> tuple[str, bytes]:
        """Begin to take all money off a DESFire key card. Right: SELL."""
        return self._call("erase_desfire", ticket=ticket, uid=uid)

    def void_desfire(self, ticket: str, uid: bytes, mark: bytes, amount: int, is_first: bool) -> tuple[str, bytes]:
        """Begin to take the amount of a sale off a DESFire key card, once for each mark. Right: SELL."""
        return self._call("void_desfire", ticket=ticket, uid=uid, mark=mark, amount=amount, is_first=is_first)

    def rekey_desfire(self, ticket: str, uid: bytes, key_version: int) -> tuple[str, bytes]:
        """Begin to change the keys of a DESFire key card to those of a version. Right: CARDS."""
        return self._call("rekey_desfire", ticket=ticket, uid=uid, key_version=key_version)

    def answer_desfire(self, dialog: str, answer: bytes) -> tuple[bytes, CardContent | bytes | None]:
        """Give the card's answer to a dialog. Return the next command and None, or an empty command and the result."""
        return self._call("answer_desfire", dialog=dialog, answer=answer)

    def seal_service_pass(
        self, ticket: str, uid: bytes, technician: int, expires_s: int, meters: Sequence[tuple[int, int]]
    ) -> bytes:
        """Return the pass of a technician for `meters` of (number, key version). Right: CARDS."""
        return self._call(
            "seal_service_pass", ticket=ticket, uid=uid, technician=technician, expires_s=expires_s, meters=meters
        )

    def open_service_pass(self, uid: bytes, data: bytes, meter_number: int) -> tuple[int, int] | None:
        """Return `(technician, expires_s)` of a pass that is authentic for this meter under any version, or None."""
        return self._call("open_service_pass", uid=uid, data=data, meter_number=meter_number)

    def seal_operator_pass(
        self, ticket: str, uid: bytes, operator: int, expires_s: int, approval: str | None = None
    ) -> bytes:
        """Return the pass of an operator for the card `uid`. Right: CARDS."""
        return self._call(
            "seal_operator_pass", ticket=ticket, uid=uid, operator=operator, expires_s=expires_s, approval=approval
        )

    def open_operator_pass(self, uid: bytes, data: bytes) -> tuple[int, int] | None:
        """Return `(operator, expires_s)` of an authentic pass under any version, or None."""
        return self._call("open_operator_pass", uid=uid, data=data)

    def meter_keys(
        self, ticket: str, meter_number: int, key_version: int, site_version: int, approval: str | None = None
    ) -> tuple[bytes, bytes]:
        """Return meter key and site key to commission a meter. Right: KEYS."""
        return self._call(
            "meter_keys",
            ticket=ticket,
            meter_number=meter_number,
            key_version=key_version,
            site_version=site_version,
            approval=approval,
        )

    def event_keys(self, ticket: str, meter_number: int) -> list[bytes]:
        """Return the keys that check the event log of a meter, the newest version first. Right: KEYS."""
        return self._call("event_keys", ticket=ticket, meter_number=meter_number)

    def release(
        self, ticket: str, former: int, former_version: int, number: int, key_version: int, site_version: int
    ) -> bytes:
        """Return the release of meter `former`, which takes `number` and its keys. Right: KEYS."""
        return self._call(
            "release",
            ticket=ticket,
            former=former,
            former_version=former_version,
            number=number,
            key_version=key_version,
            site_version=site_version,
        )

    def roll(self, ticket: str, approval: str | None = None) -> int:
        """Make the next key version and return its number. Right: KEYS. Two persons."""
        return self._call("roll", ticket=ticket, approval=approval)

    def vending_point(self, ticket: str, issuer: int, meters: Sequence[int], approval: str | None = None) -> dict:
        """Return the key document of a vending point, of format 3. Right: KEYS. Two persons."""
        return self._call("vending_point", ticket=ticket, issuer=issuer, meters=meters, approval=approval)

    def dispenser_key(self, ticket: str, issuer: int, key_version: int, approval: str | None = None) -> bytes:
        """Return the key of a dispensing unit, to set it up. Right: KEYS. Two persons."""
        return self._call("dispenser_key", ticket=ticket, issuer=issuer, key_version=key_version, approval=approval)

    def seal_system_card(self, ticket: str, uid: bytes, record: DispenserRecord, approval: str | None = None) -> bytes:
        """Return the sealed record of a system card. Right: KEYS. Two persons."""
        return self._call("seal_system_card", ticket=ticket, uid=uid, record=record, approval=approval)

    def dispenser_known(self, issuer: int) -> tuple[int, int]:
        """Return issue and credit of the newest record of a unit, or zeros."""
        return self._call("dispenser_known", issuer=issuer)

    def open_system_sales(
        self, uid: bytes, issuer: int, key_version: int, blocks: Sequence[bytes]
    ) -> list[list[tuple[int, int, int, int, int, int]] | None]:
        """Return the sales of each block: number, meter, count, paid, time code, issue. None: it is not authentic."""
        return self._call("open_system_sales", uid=uid, issuer=issuer, key_version=key_version, blocks=blocks)

    def log(self, since: int = 0) -> list[LogEntry]:
        """Return the lines of the log after number `since`, at most LOG_PAGE of them, the oldest first."""
        return self._call("log", since=since)

    def _call(self, name: str, /, **arguments: object) -> Any:  # noqa: ANN401 the type is that of the call
        """Return the result of a call. Raise the refusal that the vault tells, or VaultClosed."""
        line = wire.line_of({"call": name, "arguments": wire.encoded(arguments)})
        if len(line) > wire.REQUEST_LIMIT:
            raise Refused(Words("the request to the vault has more than %(limit)s bytes", limit=wire.REQUEST_LIMIT))
        until = time.monotonic() + self._call_s
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            lines = Lines(connection, wire.ANSWER_LIMIT)
            try:
                connection.settimeout(self._call_s)
                with address_of(self._path) as address:
                    connection.connect(address)
                self._greet(self._message(lines, until))
                connection.settimeout(max(0.001, until - time.monotonic()))
                connection.sendall(line)
                answer = self._message(lines, until)
            except VaultClosed:
                raise
            except OSError as error:
                raise VaultClosed(self._closed(error.strerror or "no answer in time")) from None
        if "error" in answer:
            raise wire.error_of(answer)
        return wire.decoded(answer.get("result"))

    def _message(self, lines: Lines, until: float) -> dict:
        left_s = max(0.001, until - time.monotonic())
        try:
            line = lines.next(left_s, left_s)
        except LineTooLong:
            line = None
        if line is None:
            raise VaultClosed(self._closed("no answer in time"))
        try:
            return wire.read_line(line)
        except ValueError:
            raise VaultClosed(self._closed("something else than a vault answers")) from None

    def _greet(self, hello: dict) -> None:
        """Raise VaultClosed unless a vault of this version has answered and has room for this connection."""
        if "error" in hello:
            error = wire.error_of(hello)
            raise VaultClosed(f"{self._path}: {error}") if isinstance(error, OSError) else error
        version = hello.get(wire.HELLO)
        if version != wire.VERSION:
            raise VaultClosed(
                f"{self._path}: the vault speaks version {version}, and this program {wire.VERSION}: start the vault"
                " again with this program"
            )

    def _closed(self, reason: str) -> str:
        return f"{self._path}: no vault answers ({reason}); start it with: wattpurse vault serve"
