"""The fate of each register when a tariff follows others. A meter would do the same."""

from collections.abc import Sequence

from wattpurse.core.money.levies import LevySums
from wattpurse.core.money.registers import Registers
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.tariffs.document import BLOCK_PERIODS


def check(earlier: Sequence[Tariff], tariff: Tariff) -> list[str]:
    """Return a line for each register and each sum of a levy. `earlier` are the tariffs before, the oldest first.

    Raise ValueError if a meter would refuse a tariff after the one before it.
    """
    registers, levies = Registers(), LevySums(len(earlier[0].levies))
    _use(registers, levies, earlier[0])
    for former, following in zip(earlier, [*earlier[1:], tariff], strict=True):
        _check_pair(former, following)
        registers.check_next(former.rate_names, following.rate_names)
        levies.check_next(_levy_names(former), _levy_names(following))
        known = [*former.rate_names, *registers.former_names]
        known_levies = [*_levy_names(former), *levies.former_names]
        registers.enter_tariff(former.rate_names, following.rate_names)
        levies.enter_tariff(_levy_names(former), _levy_names(following))
        _use(registers, levies, following)
    return [
        f"after version {earlier[-1].version}:",
        *_register_lines(known, earlier[-1], tariff),
        *_levy_lines(known_levies, _levy_names(tariff)),
    ]


def _check_pair(former: Tariff, following: Tariff) -> None:
    if following.version <= former.version:
        raise ValueError(
            f"version: {following.version} does not follow {former.version}; a meter takes only a higher one"
        )
    if following.currency.code != former.currency.code:
        raise ValueError(
            f"currency: {following.currency.code} does not follow {former.currency.code}: the balance of a meter would "
            f"change its worth; keep {former.currency.code}"
        )


def _use(registers: Registers, levies: LevySums, tariff: Tariff) -> None:
    """Give every register and every sum something to lose."""
    for rate in range(tariff.rate_count):
        registers.rate_mwh[rate] = 1
    for one in levies.sums:
        one.microunits = 1


def _register_lines(known: list[str], former: Tariff, tariff: Tariff) -> list[str]:
    lines = []
    for name in known:
        if name in tariff.rate_names:
            lines.append(f"  register {name}: goes on")
        else:
            lines.append(f"  register {name}: is kept with its name; no rate counts there")
    lines += [f"  register {name}: begins at 0" for name in tariff.rate_names if name not in known]
    if former.blocks_by_day != tariff.blocks_by_day:
        periods = BLOCK_PERIODS[former.blocks_by_day], BLOCK_PERIODS[tariff.blocks_by_day]
        lines.append(f"  blocks: counted by {periods[0]} before, by {periods[1]} from the activation on")
    else:
        lines.append("  blocks: each goes on from the energy counted under its name")
    return lines


def _levy_lines(known: list[str], names: list[str]) -> list[str]:
    lines = [
        f"  sum of {name}: goes on" if name in names else f"  sum of {name}: is kept with its name; no levy adds to it"
        for name in known
    ]
    return lines + [f"  sum of {name}: begins at 0" for name in names if name not in known]


def _levy_names(tariff: Tariff) -> list[str]:
    return [name for name, _, _ in tariff.levies]
