"""Begin and end of a meter's life at the console: commissioning a blank one, erasing an unreadable ledger.

A meter that was commissioned before keeps its keys when its ledger is erased. It takes another number and other keys
only with a release, which the station makes under the key that the meter has (`core/messages/release.py`). The rights
of a technician are not enough.
"""

from wattpurse.core import carrier
from wattpurse.core.currency import Currency
from wattpurse.core.messages.release import is_release
from wattpurse.core.money import contract, supply
from wattpurse.core.money.token_windows import parse_number
from wattpurse.core.records import events
from wattpurse.core.records.settings import CLAMPS, METERING_CHIP, PULSES
from wattpurse.core.tariffs import table as tariff_table
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.rules import NO_FURTHER_CHARGES
from wattpurse.services.console import arguments as read
from wattpurse.services.key_roll import accepted_meter_keys
from wattpurse.stores import identification_of

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

COMMISSION_USAGE = "NUMBER METERKEY SITEKEY IMPULSES[/KWH]|ct|chip CONTRACT PIN [TARIFF] [OPTIONS]"
_OPTIONS = "options: after=TOKENS, by-records, release HEX"

_BY_RECORDS = "by-records"
_AFTER = "after="
_RELEASE = "release"
_FLASH_REFUSED = "; add 'by-records' at the end for a way to count that such a chip supports: see docs/flash.md"

# The settings that a meter keeps for good, unless the station releases it.
_BOUND = ("meter_number", "meter_key", "site_key")

_FEWEST = 6
_METER_NUMBER_LIMIT = (1 << 32) - 1
_DEFAULT_PRICE_MICROUNITS = 250_000


async def commission(meter: "Meter", arguments: list) -> str:
    """Commission a blank meter: its number, keys, calibration, contract, and the PIN of its console.

    A meter that replaces another one under the same number takes the newest token numbers of that one, after=17,2/5,
    so that no old token counts again. Test the flash chip first. The test takes some seconds.
    """
    arguments, release = _without_release(arguments)
    by_records = bool(arguments) and arguments[-1] == _BY_RECORDS
    if by_records:
        arguments = arguments[:-1]
    used_tokens = ()
    if arguments and arguments[-1].startswith(_AFTER):
        used_tokens = tuple([parse_number(text) for text in arguments[-1][len(_AFTER) :].split(",")])
        arguments = arguments[:-1]
    if len(arguments) < _FEWEST:
        missing = COMMISSION_USAGE.split()[len(arguments) : _FEWEST]
        usage = "; usage: commission " + COMMISSION_USAGE + "; " + _OPTIONS
        raise ValueError("missing: " + " ".join(missing) + usage)
    read.expect(arguments, "commission " + COMMISSION_USAGE, _FEWEST, _FEWEST + 1)
    _refuse_unless_blank(meter)
    settings = (
        ("meter_number", read.number(arguments[0], "NUMBER", 1, _METER_NUMBER_LIMIT)),
        ("meter_key", read.key(arguments[1], "METERKEY")),
        ("site_key", read.key(arguments[2], "SITEKEY")),
        ("key_version", 0),
        ("next_meter_key", b""),
        ("next_key_version", 0),
        ("old_site_key", b""),
        ("site_key_version", 0),
        ("flash_by_records", int(by_records)),
    )
    impulses, per_kwh, front_end = _front_end(meter, arguments[3])
    settings += front_end
    chosen = contract.by_name(arguments[4])
    pin_settings = meter.console.login.settings_of(read.pin(arguments[5]))
    _refuse_other_keys(meter, dict(settings), release)
    given = len(arguments) > _FEWEST
    table = read.hex_bytes(arguments[_FEWEST], "TARIFF") if given else default_tariff()
    await _test_flash(meter, by_records)
    meter.commission(settings + pin_settings, table, impulses, per_kwh, chosen, used_tokens)
    identification = identification_of(meter.board.flash) or 0
    meter.events.note(events.FLASH_TESTED, carrier.CONSOLE, meter.timekeeper.now_s(), identification)
    price = _default_currency().exact_text(_DEFAULT_PRICE_MICROUNITS)
    tariff = "the tariff given" if given else f"a flat tariff of {price} per kWh (replace it with 'tariff set')"
    counting = "; it counts by records, which wears the flash faster: see docs/flash.md" if by_records else ""
    return (
        f"commissioned as meter {arguments[0]}, {chosen.name}, with {tariff}{counting}\n"
        "type 'reboot': the meter works from then on"
    )


def _front_end(meter: "Meter", text: str) -> tuple:
    """Return impulses, kWh and the settings of the front end: pulses, or clamps for 'ct' and 'chip'."""
    if text == "chip":
        return _metering_chip(meter)
    if text != "ct":
        return read.calibration(text) + ((("front_end", PULSES),),)
    from wattpurse.drivers import ct_calibration
    from wattpurse.drivers.ct_front_end import MWH_PER_KWH
    from wattpurse.services.clamps import NO_CONVERTER

    if meter.board.build_sampler() is None:
        raise ValueError(NO_CONVERTER)
    first = ct_calibration.default().pack()
    return MWH_PER_KWH, 1, (("front_end", CLAMPS), ("clamps", first))


def _metering_chip(meter: "Meter") -> tuple:
    from wattpurse.drivers import atm90e32_calibration as rules
    from wattpurse.services.metering_chip import NO_CHIP

    if meter.board.build_metering_spi() is None:
        raise ValueError(NO_CHIP)
    first = rules.default()
    return first.impulses, 1, (("front_end", METERING_CHIP), ("metering_chip", first.pack()))


def erase_ledger(meter: "Meter", arguments: list) -> str:
    """Erase a ledger that cannot be read, and with it the rest of the customer's credit."""
    read.expect(arguments, "erase-ledger METERNUMBER", 1)
    meter_number = meter.settings.get("meter_number")
    if arguments[0] != str(meter_number):
        raise ValueError("this loses all credit for good; to confirm, add the number of this meter")
    meter.erase_ledger()
    return (
        "the ledger is erased; credit, registers and used tokens are lost\n"
        "type 'reboot', then commission the meter under another number, with a release of the station"
    )


def default_tariff() -> bytes:
    """Return the flat table that a meter starts with if none is given. Any other has a higher version."""
    currency = _default_currency()
    fields = {
        "version": 0,
        "activation_s": 0,
        "currency": currency.code,
        "decimals": currency.decimals,
        "customer_class": 0,
        "zone": Zone(0),
        "standing_charge_microunits": 0,
        "allowance_mwh": 0,
        "rates": (("FLAT", (_DEFAULT_PRICE_MICROUNITS,), ()),),
        "day_types": (((0, 0),),),
        "seasons": ((1, 1, (0,) * 8),),
        "holidays": (),
    }
    fields.update(NO_FURTHER_CHARGES)
    return tariff_table.encode(fields)


def _default_currency() -> Currency:
    return Currency("EUR", 2)


async def _test_flash(meter: "Meter", by_records: bool) -> None:
    """Test the flash chip, and let other tasks run between the steps. Raise ValueError if the chip fails."""
    try:
        for _ in meter.stores.test_flash(by_records):
            await meter.board.clock.sleep_ms(0)
    except ValueError as refusal:
        raise ValueError(str(refusal) + ("" if by_records else _FLASH_REFUSED))
    except OSError:
        raise ValueError("the flash does not answer")


def _without_release(arguments: list) -> tuple:
    """Return the arguments without the last two, and the release in these, or b"" if there is none."""
    if len(arguments) < 2 or arguments[-2] != _RELEASE:
        return arguments, b""
    return arguments[:-2], read.hex_bytes(arguments[-1], "the release")


def _refuse_other_keys(meter: "Meter", wanted: dict, release: bytes) -> None:
    """Raise ValueError if the meter has keys already, and the station has not released it for the wanted ones.

    The keys that are there may be the wanted ones: power failed while the meter was commissioned.
    """
    settings = meter.settings
    bound = [name for name in _BOUND if settings.get(name) is not None]
    if all(settings.get(name) == wanted[name] for name in bound):
        return
    identity = [wanted[name] for name in _BOUND]
    for key in accepted_meter_keys(settings):
        if is_release(meter.board.aes, key, release, *identity):
            return
    number = settings.get("meter_number")
    raise ValueError(
        f"this meter has the keys of meter {number}: add the release that"
        f" 'wattpurse meter keys {wanted['meter_number']} --replaces {number}' prints"
    )


def _refuse_unless_blank(meter: "Meter") -> None:
    if meter.fault != supply.NOT_COMMISSIONED:
        raise ValueError("only a blank meter can be commissioned, and this one is not; see 'status'")
    if meter.ledger.account is not None:
        raise ValueError("it is commissioned already: type 'reboot'")
    if not meter.timekeeper.trusted:
        raise ValueError("the clock is not set: 'clock set 2026-11-22T10:00:00+01:00', with the current time")
