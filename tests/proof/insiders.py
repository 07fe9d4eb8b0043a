"""The means of the attackers of `authority`: tokens that were sold, tokens that they make, passes, and console lines.

They hold the PIN, the keys of another meter of the same site, a vending point's key file, all cards, and everything
that was ever sealed. They lack the meter key, and the keys of the other issuers.
"""

from boards.host.chips.aes import aes
from tests import samples
from tests.proof.authority_book import KEYS, RECEIPTS, Sealed
from tests.proof.mutation import mutated
from tests.proof.page import numbered
from tests.proof.token_sums import FOR_OFFICE
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
_ISSUERS = (0, 0, 0, 1, STOLEN, STOLEN)
_OTHER_UID = b"\x04\x01\x02\x03\x04\x05\x06"
_OF_A_VENDING_POINT = (
    *[token.CREDIT_MONEY] * 3,
    *[token.CREDIT_ENERGY] * 3,
    token.DAYS,
    token.DISPENSE,
    token.REFUND,
    token.CLEAR,
    token.PERMIT,
)
_OF_THE_OFFICE = (*FOR_OFFICE, *[token.TENANT] * 3, *[token.DEBT] * 2, *_OF_A_VENDING_POINT)
_TENANTS = (0, 1, 2)
_TERMS = ("credit_limit_microunits", "emergency_microunits", "debt_share_percent", "tax_permyriad", "daily_limit_mwh")
_CONTRACTS = ("prepaid-money", "prepaid-energy", "term", "dispenser", "managed")
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
        kind = random.choice(_OF_A_VENDING_POINT if issuer else _OF_THE_OFFICE)
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
        if book.next_key[1] and self._random.random() < 0.5:
            self._version, self._key = book.next_key

    def forge_as_vending_point(self, now_s: int) -> Sealed:
        """Return a token under the stolen key of issuer 2: any kind, any tenant, any number of that issuer."""
        random = self._random
        kind = random.choice((*_OF_A_VENDING_POINT, *FOR_OFFICE))
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
        expires_s = now_s + self._random.choice((_DAY_S, 10**7))
        here, there = (METER_NUMBER, key), (OPENED_NUMBER, OPENED_KEY)
        over = make_service_pass(aes, uid, 77, now_s - 1, (here,))
        ways = (
            make_service_pass(aes, uid, 77, expires_s, ((METER_NUMBER, OPENED_KEY),)),
            make_service_pass(aes, uid, 77, expires_s, ((METER_NUMBER, SITE_KEY), there)),
            make_service_pass(aes, uid, 77, expires_s, (there,)),
            make_service_pass(aes, _OTHER_UID, 77, expires_s, (there, here)),
            over,
            over[:8] + (2**32 - 1).to_bytes(4, "little") + over[12:],
        )
        return self._random.choice(ways)

    def good_pass(self, uid: bytes, now_s: int, key: bytes) -> bytes:
        """Return a service pass of this meter, as a thief takes it from a technician."""
        return make_service_pass(aes, uid, 77, now_s + _DAY_S, ((OPENED_NUMBER, OPENED_KEY), (METER_NUMBER, key)))

    def line(self, now_s: int) -> str:
        """Return a line of the console, sometimes malformed."""
        random = self._random
        lines = self._lines(now_s)
        line, draw = random.choice(lines), random.random()
        if draw < 0.15:
            line = mutated(random, line.encode(), [one.encode() for one in lines]).decode("latin-1")
        elif draw < 0.35:
            words = line.split(" ")
            words[random.randrange(len(words))] = random.choice(_WORDS)
            line = " ".join(words)
        return line if self._knows_pin else line.replace(PIN, "1111")

    def _lines(self, now_s):
        choose = self._random.choice
        keys_text = f"{OPENED_KEY.hex()} {SITE_KEY.hex()}"
        release = make_release(aes, OPENED_KEY, OPENED_NUMBER, OPENED_KEY, SITE_KEY).hex()
        to_the_day_before = -(now_s % _DAY_S) - 5
        moved_s = now_s + choose((-900, -60, 60, 900, -_DAY_S, _DAY_S, 40 * _DAY_S, to_the_day_before))
        time = time_text(max(moved_s, START_S - _DAY_S), Zone(0)).replace(" ", "T")[:19]
        return (
            *REPORTS,
            "help",
            "topups 5",
            "login 0000",
            *["login " + PIN] * 8,
            "logout",
            "tariff set " + samples.flat_tariff(version=self._random.randrange(1, 40), activation_s=START_S).hex(),
            "contract set " + choose(_CONTRACTS),
            *[f"clock set {time}Z", f"clock set {time}Z sure"] * 2,
            "calibrate 3200/1",
            f"terms set {choose(_TERMS)} {choose((0, 30, 10**6))}",
            "keys set meter " + bytes(16).hex(),
            "relay test",
            "supply test 30",
            "display test",
            "reset-tamper",
            f"erase-ledger {METER_NUMBER}",
            f"commission {OPENED_NUMBER} {keys_text} 3200 prepaid-money {PIN}",
            f"commission {METER_NUMBER} {keys_text} 3200 prepaid-money {PIN} release {release}",
            f"commission {OPENED_NUMBER} {keys_text} 3200 prepaid-money {PIN} after=1,2/5 release {release}",
            "redeem " + self.forge(now_s).hex(),
            "reboot",
            "pin " + PIN,
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
        stolen = keys.issuer_key(aes, METER_KEY, STOLEN)
        key = choose(
            (
                keys.issuer_key(aes, OPENED_KEY, issuer),
                stolen,
                keys.issuer_key(aes, stolen, issuer),
                SITE_KEY,
                bytes(16),
            )
        )
        number, made = numbered(issuer, self._random.randrange(1, 100)), token.make(kind, *self._fields(kind, now_s))
        pair, version = keys.token_keys(aes, key), choose((0, 1, 2, 255))
        return token.seal_token(aes, pair, version, meter_number, number, *made, choose(_TENANTS), 0)

    def _fields(self, kind, now_s):
        choose = self._random.choice
        if kind in KEYS:
            self._newest_version += 1
            return self._newest_version, self._random.randbytes(16)
        if kind == token.TARIFF:
            return (samples.flat_tariff(version=self._random.randrange(1, 40), activation_s=now_s + 60),)
        fields = {
            token.CREDIT_MONEY: ((1, 20_000_000, 10**9),),
            token.CREDIT_ENERGY: ((1, 5_000_000),),
            token.CONTRACT: ((1, 2, 3, 4, 6, 7),),
            token.CLOCK: ((now_s + 60, now_s + _DAY_S),),
            token.CLOCK_BACK: ((now_s - 60, now_s - _DAY_S, now_s + 60),),
            token.CLEAR_TAMPER: (),
            token.TERM: ((terms.names().index(choose(_TERMS)),), (0, 50)),
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
        }[kind]
        return tuple([choose(choices) for choices in fields])
