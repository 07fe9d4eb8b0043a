"""The bill of tools/examples/tariff-household.toml as a plain loop with floats: `python plain_bill.py LOAD`.

It stands for the program that anybody would write in ten minutes. It knows this one tariff, takes the local time from
the file, and rounds as floats do. The bench compares the cost of `wattpurse bill` with it.
"""

import csv
import sys
from datetime import datetime

PRICES = {"NIGHT": [0.2185], "DAY": [0.3125, 0.3475, 0.398], "PEAK": [0.4225, 0.489]}
LIMITS_KWH = {"NIGHT": [], "DAY": [150.0, 300.0], "PEAK": [60.0]}
STANDING_PER_DAY = 0.42
FREE_KWH = 10.0
WINTER = [(0, "NIGHT"), (360, "DAY"), (1020, "PEAK"), (1230, "DAY"), (1320, "NIGHT")]
SUMMER = [(0, "NIGHT"), (360, "DAY"), (1320, "NIGHT")]
REST = [(0, "NIGHT"), (540, "DAY"), (1260, "NIGHT")]
HOLIDAYS = {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}
MOVING_HOLIDAYS = {(2026, 4, 3), (2026, 4, 6), (2026, 5, 14), (2026, 5, 25)}


def rate_of(when: datetime) -> str:
    """Return the rate at a local time."""
    is_holiday = (when.month, when.day) in HOLIDAYS or (when.year, when.month, when.day) in MOVING_HOLIDAYS
    switches = SUMMER if 4 <= when.month < 10 else WINTER
    if when.weekday() >= 5 or is_holiday:
        switches = REST
    minute = when.hour * 60 + when.minute
    rate = ""
    for begin, name in switches:
        if begin > minute:
            break
        rate = name
    return rate


def main(path: str) -> int:
    """Print the charge of each month."""
    charges = {}
    used = {}
    day = None
    with open(path) as file:
        rows = csv.reader(file)
        next(rows)
        for time, value in rows:
            when = datetime.fromisoformat(time)
            month = (when.year, when.month)
            if (month, when.day) != day:
                day = (month, when.day)
                charges[month] = charges.get(month, 0.0) + STANDING_PER_DAY
            rate = rate_of(when)
            kwh = float(value) / 1000
            total, position = used.get(month, 0.0), used.get((month, rate), 0.0)
            used[month], used[month, rate] = total + kwh, position + kwh
            if total < FREE_KWH:
                free = min(kwh, FREE_KWH - total)
                position += free
                kwh -= free
            for limit, price in zip(LIMITS_KWH[rate], PRICES[rate], strict=False):
                if position < limit:
                    part = min(kwh, limit - position)
                    charges[month] += part * price
                    position += part
                    kwh -= part
            charges[month] += kwh * PRICES[rate][-1]
    for (year, number), charge in charges.items():
        print(f"{year}-{number:02} {charge:.6f}")
    print(f"total {sum(charges.values()):.6f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
