"""The means of the attackers of `authority`: tokens that were sold, tokens that they make, passes, and console lines.

They hold the PIN, the keys of another meter of the same site, a vending point's key file, all cards, and everything
that was ever sealed. They lack the meter key, and the keys of the other issuers.
"""

from boards.host.chips.aes import aes
from tests import samples
from tests.proof.authority_book import Sealed
from tests.proof.mutation import mutated
from tests.proof.page import numbered
from tests.proof.small_meter import seal
from tests.proof.token_rules import FOR_OFFICE, KEYS, OF_A_VENDING_POINT, RECEIPTS
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, PIN, REPORTS, START_S
from tests.services.desk_bench import SITE_KEY
from wattpurse.core.messages import token
from wattpurse.core.messages.release import make_release
from wattpurse.core.messages.service_pass import make_service_pass
from wattpurse.core.money import terms
from wattpurse.core.seals import keys
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.text import time_text

OPENED_NUMBER = METER_NUMBER + 1
OPENED_KEY = b"an opened meter!"
STOLEN = 2  # the issuer whose key file was stolen
FIRST_VERSION = 1

_DAY_S = 86_400
_LONG_S = 10**7
_ISSUERS = (0, 0, 0, 1, STOLEN, STOLEN)
_OTHER_UID = b"\x04\x01\x02\x03\x04\x05\x06"
_OF_THE_OFFICE = (*FOR_OFFICE, *KEYS * 3, *[token.TENANT] * 3, *[token.DEBT] * 2, *OF_A_VENDING_POINT)
_TENANTS = (0, 1, 2)
_TERMS = ("credit_limit_microunits", "emergency_microunits", "debt_share_percent", "tax_permyriad", "daily_limit_mwh")
_CONTRACTS = ("prepaid-money", "prepaid-energy", "term", "dispenser", "managed")
_KEYS_TEXT = f"{OPENED_KEY.hex()} {SITE_KEY.hex()}"
_RELEASE = make_release(aes, OPENED_KEY, OPENED_NUMBER, OPENED_KEY, SITE_KEY).hex()
_LINES = (
    *REPORTS,
    "help",
    "topups 5",
    "login 0000",
    *["login " + PIN] * 8,
    "logout",
    "calibrate 3200/1",
    "keys set meter " + bytes(16).hex(),
    "relay test",
    "supply test 30",
    "display test",
    "reset-tamper",
    f"erase-ledger {METER_NUMBER}",
    f"commission {OPENED_NUMBER} {_KEYS_TEXT} 3200 prepaid-money {PIN}",
    f"commission {METER_NUMBER} {_KEYS_TEXT} 3200 prepaid-money {PIN} release {_RELEASE}",
    f"commission {OPENED_NUMBER} {_KEYS_TEXT} 3200 prepaid-money {PIN} after=1,2/5 release {_RELEASE}",
    "reboot",
    "pin " + PIN,
)
_WORDS = ("", "set", "-1", "9" * 20, "\x00", "0x10", PIN, "nan")


class Insiders:
    """The stations, the thieves, and the memory of all that either sealed. `random` makes every choice."""

    def __init__(self, random, knows_pin: bool):
        self._random = random
        self._knows_pin = knows_pin
        self._counts = dict.fromkeys(_ISSUERS, 0)
        self._version, self._key = FIRST_VERSION, METER_KEY
        self._newest_version = FIRST_VERSION
        self._tenant = 0
        self._order_before = 0
        self.sold = []
        self.made = []

    def sell(self, now_s: int) -> Sealed:
        """Return a new token of the office or of a vending point."""
        random = self._random
        issuer = random.choice(_ISSUERS)
        kind = random.choice(OF_A_VENDING_POINT if issuer else _OF_THE_OFFICE)
        self._counts[issuer] += random.choice((1, 1, 1, 2, 30))
        tenant = random.choice((self._tenant,) * 5 + (random.choice(_TENANTS),))
        number, fields = numbered(issuer, self._counts[issuer]), self._fields(kind, now_s)
        one = Sealed(number, kind, fields, (tenant, self._order_before), self._key, self._version)
        if kind == token.TENANT and tenant == self._tenant:
            self._tenant = fields[0]
        if kind in FOR_OFFICE or kind in RECEIPTS:
            self._order_before = number if random.random() < 0.3 else 0
        self.sold.append(one)
        return one

    def learn_of(self, book):
        """Let the stations seal under the next key, some time after the meter has it."""
        if book.next_key[1] and self._random.random() < 0.2:
            self._version, self._key = book.next_key

    def forge_as_vending_point(self, now_s: int) -> Sealed:
        """Return a token under the stolen key of issuer 2: any kind, any tenant, any number of that issuer."""
        random = self._random
        kind = random.choice((*OF_A_VENDING_POINT, *FOR_OFFICE))
        count = max(1, self._counts[STOLEN] + random.choice((1, 1, 2, -1, 0, 40)))
        owner = random.choice(_TENANTS), random.choice((0, 0, 1, numbered(1, 1)))
        one = Sealed(numbered(STOLEN, count), kind, self._fields(kind, now_s), owner, METER_KEY, FIRST_VERSION)
        self.made.append(one)
        return one

    def forge(self, now_s: int) -> bytes:
        """Return bytes that are no token of any issuer for this meter."""
        draw = self._random.random()
        if draw < 0.4 and self.sold:
            data = self._changed(self._random.choice(self.sold).data)
            return data[:-1] if any(data == one.data for one in self.sold + self.made) else data
        return self._under_a_wrong_key(now_s, OPENED_NUMBER if draw > 0.9 else METER_NUMBER)

    def any_earlier(self) -> Sealed:
        """Return a token of the past, genuine or made under the stolen key."""
        return self._random.choice(self.made if self.made and self._random.random() < 0.3 else self.sold)

    def bad_pass(self, uid: bytes, now_s: int, key: bytes) -> bytes:
        """Return a service pass that must not open this meter on the card `uid`. `key` is the meter's own key."""
        expires_s = now_s + self._random.choice((_DAY_S, _LONG_S))
        here, there = (METER_NUMBER, key), (OPENED_NUMBER, OPENED_KEY)
        wrong = [OPENED_KEY, SITE_KEY, *[METER_KEY] * (key != METER_KEY)]
        over = make_service_pass(aes, uid, 77, now_s - 1, (here,))
        ways = (
            *[make_service_pass(aes, uid, 77, expires_s, ((METER_NUMBER, other), there)) for other in wrong],
            make_service_pass(aes, uid, 77, expires_s, (there,)),
            make_service_pass(aes, _OTHER_UID, 77, expires_s, (there, here)),
            over,
            over[:8] + (2**32 - 1).to_bytes(4, "little") + over[12:],
        )
        return self._random.choice(ways)

    def good_pass(self, uid: bytes, now_s: int, key: bytes) -> bytes:
        """Return a service pass of this meter, as a thief takes it from a technician."""
        return make_service_pass(aes, uid, 77, now_s + _LONG_S, ((OPENED_NUMBER, OPENED_KEY), (METER_NUMBER, key)))

    def line(self, now_s: int) -> str:
        """Return a line of the console, sometimes malformed."""
        random = self._random
        lines = *_LINES, *self._lines_of_now(now_s)
        line, draw = random.choice(lines), random.random()
        if draw < 0.15:
            line = mutated(random, line.encode(), [one.encode() for one in lines]).decode("latin-1")
        elif draw < 0.35:
            words = line.split(" ")
            words[random.randrange(len(words))] = random.choice(_WORDS)
            line = " ".join(words)
        return self.with_pin(line)

    def with_pin(self, line: str) -> str:
        """Return the line, with another PIN if the thieves do not know the right one."""
        return line if self._knows_pin else line.replace(PIN, "1111")

    def clock_line(self, now_s: int) -> str:
        """Return a line that sets the clock: within the minutes of a person, to the day before, or by days."""
        choose = self._random.choice
        back_s = (now_s % _DAY_S) + 5
        moved_s = now_s + choose((-900, -60, 60, 450, 900, 901, -_DAY_S, _DAY_S, 40 * _DAY_S, -back_s))
        time = time_text(max(moved_s, START_S - _DAY_S), Zone(0)).replace(" ", "T")[:19]
        return f"clock set {time}Z" + choose(("", " sure"))

    def _lines_of_now(self, now_s):
        version = self._random.randrange(1, 40)
        return (
            "tariff set " + samples.flat_tariff(version=version, activation_s=START_S).hex(),
            "contract set " + self._random.choice(_CONTRACTS),
            *[self.clock_line(now_s) for _ in range(4)],
            f"terms set {self._random.choice(_TERMS)} {self._random.choice((0, 30, 10**6))}",
            "redeem " + self.forge(now_s).hex(),
        )

    def _changed(self, data):
        """Return a token that was sold, damaged, or with another number in its header."""
        if self._random.random() < 0.5:
            return mutated(self._random, data, [one.data for one in self.sold])
        number = numbered(self._random.randrange(4), self._random.randrange(1, 100))
        return data[:8] + number.to_bytes(4, "little") + data[12:]

    def _under_a_wrong_key(self, now_s, meter_number):
        """Return a token under one of the keys that the thieves have, which is not the key of its issuer."""
        choose = self._random.choice
        issuer, kind = choose((0, 0, 1, 3)), choose(_OF_THE_OFFICE)
        stolen, site = keys.issuer_key(aes, METER_KEY, STOLEN), SITE_KEY
        of_opened, of_stolen = [keys.issuer_key(aes, key, issuer) for key in (OPENED_KEY, stolen)]
        return seal(
            numbered(issuer, self._random.randrange(1, 100)),
            kind,
            *self._fields(kind, now_s),
            number=meter_number,
            version=choose((0, 1, 2, 255)),
            tenant=choose(_TENANTS),
            issuer_key=choose((of_opened, of_stolen, stolen, site, bytes(16))),
        )

    def _fields(self, kind, now_s):
        choose = self._random.choice
        if kind in KEYS:
            newer = self._newest_version + choose((0, 1, 1, 1))
            self._newest_version = max(FIRST_VERSION + 1, newer)
            return self._newest_version, self._random.randbytes(16)
        if kind == token.TARIFF:
            return (samples.flat_tariff(version=self._random.randrange(1, 40), activation_s=now_s + 60),)
        return tuple([choose(choices) for choices in _choices(now_s)[kind]])


def _choices(now_s):
    """Return the choices for each field of each kind of token."""
    names = terms.names()
    return {
        token.CREDIT_MONEY: ((1, 20_000_000, 10**9),),
        token.CREDIT_ENERGY: ((1, 5_000_000),),
        token.CONTRACT: ((1, 2, 3, 4, 6, 7),),
        token.CLOCK: ((now_s + 60, now_s + _DAY_S),),
        token.CLOCK_BACK: ((now_s - 60, now_s - _DAY_S, now_s + 60),),
        token.CLEAR_TAMPER: (),
        token.TERM: ([names.index(name) for name in _TERMS], (0, 50)),
        token.DAYS: ((60, 30 * _DAY_S),),
        token.DISPENSE: ((1, 5_000_000), (0, 1_000_000), (60, _DAY_S)),
        token.REFUND: ((0, 1), (0, 1, 10_000_000), (0, 7)),
        token.CLEAR: ((0, 7),),
        token.TENANT: (_TENANTS, (0, 7)),
        token.DEBT: ((1, 30_000_000, -5_000_000),),
        token.PERMIT: ((now_s + 60, now_s + _DAY_S),),
        token.SWITCH: ((0, 1),),
        token.SHORTAGE: ((0, 5, 9), (now_s + _DAY_S,)),
        token.REVOKE: ((1, STOLEN, STOLEN, 3),),
    }
