"""The interface of the vault: the only holder of the site's keys and of its token numbers.

`engine.Vault` implements `Keys` in this process, and `client.VaultClient` by a socket to the vault's own process.
Every call is refused by an exception, with the reason and the remedy in words. A refused call has changed nothing.

A session is a sign-on of one operator. Its `ticket` is an opaque text that ends after some time. A call without a
ticket tells nothing that makes credit. `persons` is 1 for a house of one person. With 2, some calls need an `approval`:
the number of a request that one operator proposed and another one approved. It fits that document alone, and once.
`ApprovalNeeded` has the action and the document that the caller may propose.

A key version is a number of `versions`. A meter number is 1 to 4,294,967,295. Money is in micro-units, and
energy in mWh.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wattpurse.core.messages import statement
from wattpurse.core.money.key_card import CardContent

SELL = "sell"
ORDER = "order"
CARDS = "cards"
VOID_MARK_SIZE = 8
KEYS = "keys"
APPROVE = "approve"
MANAGE = "manage"
RIGHTS = (SELL, ORDER, CARDS, KEYS, APPROVE, MANAGE)

SALE = "sale"
FREE = "free"
REFUND = "refund"
TRANSFER = "transfer"
DEBT = "debt"
ORDERED = "order"
PURPOSES = (SALE, FREE, REFUND, TRANSFER, DEBT, ORDERED)

# States of a request.
OPEN = "open"
APPROVED = "approved"
DENIED = "denied"
USED = "used"
EXPIRED = "expired"

STATEMENTS_AT_ONCE = 1000
STATEMENT_BYTES_AT_ONCE = 256 << 10  # sealed bytes: a line of the socket has two digits for each


class Refused(ValueError):
    """The vault refuses a call. The words name the reason and the remedy."""


class SignOnNeeded(Refused):
    """The ticket is unknown, or its session has ended."""


class LimitReached(Refused):
    """The call would exceed a limit of the operator."""


class ApprovalNeeded(Refused):
    """The call needs a second person. The caller may propose `action` with `document`."""

    def __init__(self, words: str, action: str, document: dict) -> None:
        super().__init__(words)
        self.action = action
        self.document = document


class VaultClosed(OSError):
    """No vault answers at the socket. The words name the command that starts it."""


@dataclass(frozen=True)
class Limits:
    """The limits of an operator for one token and for one UTC day. None: no limit."""

    token_microunits: int | None = None
    token_mwh: int | None = None
    token_days: int | None = None
    day_microunits: int | None = None
    day_mwh: int | None = None
    day_days: int | None = None


@dataclass(frozen=True)
class Operator:
    """An operator. `uid` is the UID of the operator's card, or None."""

    number: int
    name: str
    rights: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    uid: bytes | None = None
    active: bool = True


@dataclass(frozen=True)
class Session:
    """The sign-on of an operator. It ends at `expires_s` (UTC), or earlier if it is not used."""

    ticket: str
    operator: int
    name: str
    rights: tuple[str, ...]
    expires_s: int


@dataclass(frozen=True)
class Proposal:
    """The beginning of a request: its operator, time and reason."""

    operator: int
    time_s: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The decision about a request: its operator or None, and the reason of a denial."""

    operator: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """A request for a second person. `words` describe the document, made by the vault itself.

    `state` is OPEN, APPROVED, DENIED, USED or EXPIRED.
    """

    number: str
    action: str
    document: dict
    words: str
    state: str
    proposal: Proposal
    verdict: Verdict

    @property
    def proposer(self) -> int:
        """The operator who proposed it."""
        return self.proposal.operator

    @property
    def proposed_s(self) -> int:
        """The time of the proposal."""
        return self.proposal.time_s

    @property
    def reason(self) -> str:
        """The reason that the proposer gave."""
        return self.proposal.reason

    @property
    def decider(self) -> int | None:
        """The operator who approved or denied it, or None."""
        return self.verdict.operator

    @property
    def decision(self) -> str:
        """The reason of a denial."""
        return self.verdict.reason


@dataclass(frozen=True)
class TokenOrder:
    """A token that is not sealed yet.

    `body` is as token.make returns it. For METER_KEY and SITE_KEY it is empty, and `version` names the key that the
    vault puts in. `tenant` is the tenant of a token of a personal kind.
    """

    kind: int
    body: bytes
    tenant: int = 0
    version: int | None = None


@dataclass(frozen=True)
class SealedToken:
    """A sealed token: its token number, its bytes, and the token number that must be redeemed before it, or 0."""

    sequence: int
    sealed: bytes
    after: int


@dataclass(frozen=True)
class DispenserMeter:
    """A meter that a dispensing unit sells to: its tenant, key version, newest count of the unit, and product.

    `product` is 0 for money, or 1 to 3 for energy at that price of the record.
    """

    number: int
    tenant: int
    key_version: int
    count: int
    product: int


@dataclass(frozen=True)
class DispenserTerm:
    """The times between which a system card opens its unit, in seconds."""

    made_s: int
    expires_s: int


@dataclass(frozen=True)
class DispenserCredit:
    """The credit of a dispensing unit, in units of the currency's last decimal.

    `allowed` is the sum that it may ever sell, `settled_sum` that of the sales up to number `settled_sale`, and `most`
    the most that one sale may cost.
    """

    allowed: int
    settled_sum: int
    settled_sale: int
    most: int


@dataclass(frozen=True)
class DispenserOffer:
    """The things that a dispensing unit sells: its meters, in a currency, with prices of a kWh in micro-units.

    `site_version` is the key version of the site's cards.
    """

    currency: str
    decimals: int
    prices: tuple[int, ...]
    meters: tuple[DispenserMeter, ...]
    site_version: int


@dataclass(frozen=True)
class DispenserRecord:
    """The record of a system card without its keys (see wattpurse.dispenser.system_card).

    `unit_version` is the key version that the unit's key is of. `riding` has sealed tokens of the office that go onto
    customers' cards at their next sale.
    """

    issuer: int
    unit_version: int
    issue: int
    term: DispenserTerm
    credit: DispenserCredit
    offer: DispenserOffer
    riding: bytes = b""


@dataclass(frozen=True)
class LogEntry:
    """A line of the vault's log. `link` is the hash over the line and the link before it."""

    number: int
    time_s: int
    operator: int | None
    action: str
    details: dict
    link: str


# The key version and the number of an authentic statement, and its payload.
UnsealedStatement = tuple[int, int, bytes]


def content_of(meter_number: int, unsealed: UnsealedStatement, reads_closed_months: bool = True) -> dict:
    """Return the content of a statement of the meter. Raise SealBroken or ValueError as `statement.parse` does."""
    _, number, payload = unsealed
    content = statement.parse(payload, reads_closed_months)
    content["number"], content["meter_number"] = number, meter_number
    return content


class Keys(Protocol):
    """The calls of a vault. Each may raise Refused or VaultClosed."""

    @property
    def issuer(self) -> int:
        """The issuer whose tokens this vault seals. 0: the office."""
        ...

    @property
    def persons(self) -> int:
        """The number of persons that a change of weight needs: 1 or 2."""
        ...

    @property
    def memory_card_microunits(self) -> int | None:
        """The most that a key card on a memory card may hold, or None. 0 permits none at all."""
        ...

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        ...

    @property
    def newest_version(self) -> int:
        """The newest key version."""
        ...

    def fingerprint(self) -> str:
        """Return a text that identifies the site and reveals no key. Later versions do not change it."""
        ...

    def fingerprints(self) -> dict[int, str]:
        """Return a text for each key version that identifies its keys and reveals none."""
        ...

    def before(self, key_version: int) -> int | None:
        """Return the version before `key_version`, or None."""
        ...

    def after(self, key_version: int) -> int | None:
        """Return the version after `key_version`, or None."""
        ...

    def status(self) -> dict:
        """Return facts about the vault for its administrator, by name."""
        ...

    # Sessions

    def sign_on(self, operator: int, pin: str) -> Session:
        """Sign on with a PIN. Raise Refused if it is wrong, or if it is too early for a further try."""
        ...

    def sign_on_with_card(self, uid: bytes, operator_pass: bytes) -> Session:
        """Sign on with the pass on an operator's card."""
        ...

    def sign_on_as_user(self) -> Session:
        """Sign on as the operator that the vault knows for the Unix user of this process."""
        ...

    def sign_off(self, ticket: str) -> None:
        """End a session. An unknown ticket is ignored."""
        ...

    def session(self, ticket: str) -> Session:
        """Return a session. Raise SignOnNeeded if it has ended."""
        ...

    # Operators

    def operators(self) -> list[Operator]:
        """Return all operators, by number."""
        ...

    def set_operator(
        self, ticket: str, operator: Operator, pin: str | None = None, approval: str | None = None
    ) -> None:
        """Add an operator, or change one. Without `pin` an operator keeps the PIN. Right: MANAGE.

        Two persons, unless the change only takes the operator out of service.
        """
        ...

    def set_pin(self, ticket: str, pin: str, new_pin: str) -> None:
        """Change the PIN of the session's own operator."""
        ...

    def set_user(self, ticket: str, user: int, operator: int | None, approval: str | None = None) -> None:
        """Permit a Unix user (its number) to connect and to sign on as `operator`. Right: MANAGE. Two persons.

        Operator 0: the user may connect, and signs on with a PIN or a card. None: the user may no longer connect.
        """
        ...

    # Two persons

    def propose(self, ticket: str, action: str, document: dict, reason: str) -> str:
        """Propose an action to a second person. Return the number of the request."""
        ...

    def approve(self, ticket: str, request: str) -> None:
        """Approve the request of another operator. Right: APPROVE."""
        ...

    def deny(self, ticket: str, request: str, reason: str) -> None:
        """Deny a request. Right: APPROVE, or the proposer."""
        ...

    def requests(self, ticket: str) -> list[Request]:
        """Return the requests that are open or approved, and those that ended lately; the newest first."""
        ...

    def use_approval(self, ticket: str, action: str, document: dict, approval: str | None = None) -> None:
        """Use up an approval for an action of the office itself, such as a void after the shift is closed.

        Raise ApprovalNeeded if two persons are needed and `approval` is None. The action is in the vault's log.
        """
        ...

    # Tokens

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
        """Seal a token of each order, all or none.

        Each token names the newest order before it in this call, or `after` (0: none). Right: SELL for credit, KEYS
        for keys and for REVOKE, ORDER for all others. SELL is enough for debt that is added, for a permit,
        and for a tariff that was permitted.
        Two persons for FREE, for kinds with a receipt, for debt that is taken off, for keys and for REVOKE.
        """
        ...

    def permit_tariff(self, ticket: str, table: bytes) -> None:
        """Let operators with the right SELL seal this table in a token, with a planned change. Right: ORDER."""
        ...

    def permits_tariff(self, table: bytes) -> bool:
        """Return True if operators with the right SELL may seal this table."""
        ...

    def last_count(self, meter_number: int) -> int:
        """Return the highest count of this issuer that was used for a meter or seen in a statement, or 0."""
        ...

    def raise_count(self, ticket: str, meter_number: int, count: int, approval: str | None = None) -> None:
        """Continue after `count`, which another record knows. A lower count changes nothing. Right: MANAGE.

        Two persons. It ends the wait for a statement of this meter after counters were lost.
        """
        ...

    def digits(self, ticket: str, meter_number: int, sealed: bytes) -> str:
        """Return the twenty digits of a token of this issuer. Right: SELL."""
        ...

    # Statements and receipts

    def open_statement(self, meter_number: int, identity: bytes, sealed: bytes) -> tuple[int, dict] | None:
        """Return `(key version, content)` of an authentic statement, or None. `identity` is the card's UID.

        The count of this issuer rises to that of the statement.
        """
        ...

    def unseal_statements(self, sealed: bytes) -> bytes:
        """Open the statements in a piece of `packed_statements`, but leave their payloads unread.

        Return the piece of their key versions, statement numbers and payloads, in their order. One that is not
        authentic, or whose meter is not served here, is told as such. Their counts rise together, in one change of the
        vault. At most STATEMENTS_AT_ONCE are unsealed in one call, with STATEMENT_BYTES_AT_ONCE in all. `content_of`
        reads a payload: many contents are slow to move through the socket.
        """
        ...

    def settle(
        self,
        ticket: str,
        meter_number: int,
        sequence: int,
        words: str,
        approval: str | None = None,
        doubt: str = "",
    ) -> bool:
        """Mark a receipt as settled. Return False if it was settled before. Right: SELL.

        Two persons, unless two persons approved the token of the receipt in this vault. `doubt` says why the receipt is
        not believed, which needs two persons in any case.
        """
        ...

    def settled(self, meter_number: int) -> dict[int, str]:
        """Return the settled receipts of a meter: the words by token number."""
        ...

    # Cards

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        ...

    def seal_key_card(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> bytes:
        """Return the sealed record of a key card. Right: SELL. The credit added counts to the operator's limits."""
        ...

    def open_key_card(self, uid: bytes, sealed: bytes) -> CardContent | None:
        """Return the content of an authentic record under any key version, or None."""
        ...

    def identify_desfire(self) -> tuple[str, bytes]:
        """Begin to ask a DESFire card with a random UID for the real one. The result is the UID.

        The error is that of a card of another site, or of one that was not made here.
        """
        ...

    def read_desfire(self, uid: bytes) -> tuple[str, bytes]:
        """Begin to read a DESFire key card. Return a dialog and its first command; see `answer_desfire`.

        The result is the card's content, or None if it is no key card of this site.
        """
        ...

    def make_desfire(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> tuple[str, bytes]:
        """Begin to make a DESFire key card without money: `loaded` is `spent`. The result is its content.

        Right: CARDS, and ORDER for a price or an allowance of its own.
        """
        ...

    def load_desfire(self, ticket: str, uid: bytes, content: CardContent) -> tuple[str, bytes]:
        """Begin to load a DESFire key card up to `content.loaded`, and to change its terms. The result is its content.

        Right: SELL. The credit added counts to the operator's limits, once, however often the dialog is begun again.
        """
        ...

    def erase_desfire(self, ticket: str, uid: bytes) -> tuple[str, bytes]:
        """Begin to take all money off a DESFire key card. Right: SELL. The result is its content before, or None."""
        ...

    def void_desfire(self, ticket: str, uid: bytes, mark: bytes, amount: int, is_first: bool) -> tuple[str, bytes]:
        """Begin to take the `amount` of a sale off a DESFire key card. Right: SELL. The result is its content.

        The card keeps `mark`, VOID_MARK_SIZE bytes that name the sale, in the same commit. If it has the mark already,
        nothing is taken again, and with `is_first` that is an error. The day's limits of the operator stay used.
        """
        ...

    def rekey_desfire(self, ticket: str, uid: bytes, key_version: int) -> tuple[str, bytes]:
        """Begin to change the keys of a DESFire key card to those of a version. Right: CARDS.

        The result is the card's content, or None if it is no key card of this site.
        """
        ...

    def answer_desfire(self, dialog: str, answer: bytes) -> tuple[bytes, CardContent | bytes | None]:
        """Give the card's answer to a dialog. Return the next command and None, or an empty command and the result.

        Raise OSError with the reason of a CardError if the card refuses or its answers prove nothing.
        """
        ...

    def seal_service_pass(
        self, ticket: str, uid: bytes, technician: int, expires_s: int, meters: Sequence[tuple[int, int]]
    ) -> bytes:
        """Return the pass of a technician for `meters` of (number, key version). Right: CARDS."""
        ...

    def open_service_pass(self, uid: bytes, data: bytes, meter_number: int) -> tuple[int, int] | None:
        """Return `(technician, expires_s)` of a pass that is authentic for this meter under any version, or None."""
        ...

    def seal_operator_pass(
        self, ticket: str, uid: bytes, operator: int, expires_s: int, approval: str | None = None
    ) -> bytes:
        """Return the pass of an operator for the card `uid`. Right: CARDS.

        Two persons for another operator's card. `uid` is the card that set_operator named.
        """
        ...

    def open_operator_pass(self, uid: bytes, data: bytes) -> tuple[int, int] | None:
        """Return `(operator, expires_s)` of an authentic pass under any version, or None."""
        ...

    # Keys that leave the vault

    def meter_keys(
        self, ticket: str, meter_number: int, key_version: int, site_version: int, approval: str | None = None
    ) -> tuple[bytes, bytes]:
        """Return meter key and site key to commission a meter. Right: KEYS.

        Two persons once tokens were sealed for the meter.
        """
        ...

    def event_keys(self, ticket: str, meter_number: int) -> list[bytes]:
        """Return the keys that check the event log of a meter, the newest version first. Right: KEYS."""
        ...

    def release(
        self, ticket: str, former: int, former_version: int, number: int, key_version: int, site_version: int
    ) -> bytes:
        """Return the release of meter `former`, which takes `number` and its keys. Right: KEYS."""
        ...

    def roll(self, ticket: str, approval: str | None = None) -> int:
        """Make the next key version and return its number. Right: KEYS. Two persons."""
        ...

    def vending_point(self, ticket: str, issuer: int, meters: Sequence[int], approval: str | None = None) -> dict:
        """Return the key document of a vending point, of format 3. Right: KEYS. Two persons."""
        ...

    # Dispensing units

    def dispenser_key(self, ticket: str, issuer: int, key_version: int, approval: str | None = None) -> bytes:
        """Return the key of a dispensing unit, to set it up. Right: KEYS. Two persons."""
        ...

    def seal_system_card(self, ticket: str, uid: bytes, record: DispenserRecord, approval: str | None = None) -> bytes:
        """Return the sealed record of a system card. Right: KEYS. Two persons.

        The credit added counts to the operator's limits.
        """
        ...

    def dispenser_known(self, issuer: int) -> tuple[int, int]:
        """Return issue and credit of the newest record of a unit, or zeros."""
        ...

    def open_system_sales(
        self, uid: bytes, issuer: int, key_version: int, blocks: Sequence[bytes]
    ) -> list[list[tuple[int, int, int, int, int, int]] | None]:
        """Return the sales of each block: number, meter, count, paid, time code, issue. None: it is not authentic."""
        ...

    # Log

    def log(self, since: int = 0) -> list[LogEntry]:
        """Return the lines of the log after number `since`, at most LOG_PAGE of them, the oldest first."""
        ...


LOG_PAGE = 500
