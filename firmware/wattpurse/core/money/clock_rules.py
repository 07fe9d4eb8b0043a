"""The rules of the meter's clock: its moves by people and tokens, and the time from which a lost clock goes on.

**Moves.** A move of the clock changes no remaining time: every end on the meter's clock (`Standing.move_ends`) moves
with it. Days ahead are entered and charged as if they had passed. A charged day is not charged again, and has no second
daily share. Without a token a trusted clock moves by `BY_HAND_S` a day in all. An untrusted clock may also be set ahead
by any time.

**A lost clock.** The meter notes the time before the clock passes the time noted last: in the time log while
the run has written nothing into the ledger, else in the ledger (`clock_until_s`). The clock of a meter that lost
power was therefore never later, and a lost clock goes on from there: no time that the meter ran is given away. The
first note of a start reaches FIRST_NOTE_S ahead. Later notes reach ahead by a quarter of the time since the start, up
to a limit, so that a power cut costs the customer little. The limit is short if the clock chip has lost its time. A
trusted clock is first noted QUICK_START_S after the start: mains that fail every two seconds then wear out no flash.

**A leap.** A clock chip that is more than LEAP_S ahead of the ledger is not believed until a person or a token sets the
clock.
"""

from wattpurse.core.tariffs.calendar import DAY_S, LATEST_S, month_index

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account

BY_HAND_S = 900
LEAP_S = 31 * DAY_S
FIRST_NOTE_S = 2
QUICK_START_S = 3
LOST_NOTE_S = 60
LONGEST_NOTE_S = 600

_SECONDS_BELOW = 1000  # more than BY_HAND_S
_TOKEN_WORDS = "; more needs a token of the station: 'wattpurse token METER clock TIME'"


def begins_s(account: "Account", noted_s: int) -> int:
    """Return the time from which a lost clock goes on. `noted_s` is the note of the time log that holds, or 0."""
    return max(account.time_s, account.standing["clock_until_s"], noted_s)


def latest_chip_s(account: "Account") -> int:
    """Return the latest time of the clock chip that is believed at a start: 0 if none is."""
    return 0 if account.standing["clock_doubted"] else min(account.time_s + LEAP_S, LATEST_S)


def note_s(ran_s: int, is_lost: bool) -> int:
    """Return how far the next note reaches ahead, `ran_s` after the first note."""
    return max(FIRST_NOTE_S, min(ran_s // 4, LOST_NOTE_S if is_lost else LONGEST_NOTE_S))


def seconds_by_hand(account: "Account", now_s: int, utc_s: int, is_trusted: bool, recorded_s: int) -> int:
    """Return the seconds to count for a person who sets the clock from `now_s` to `utc_s` without a token.

    Raise ValueError if that needs a token. `recorded_s` is the time of the newest record.
    """
    if utc_s < min(recorded_s, now_s):
        raise ValueError("the ledger has a record of a later time" + _TOKEN_WORDS)
    if utc_s >= now_s and not is_trusted:
        return 0
    left_s = BY_HAND_S - moved_s(account)
    if abs(utc_s - now_s) > left_s:
        which = "a trusted clock moves" if is_trusted else "a clock moves back"
        raise ValueError(f"{which} by at most {BY_HAND_S} s a day, and {left_s} s are left today" + _TOKEN_WORDS)
    return abs(utc_s - now_s)


def moved_s(account: "Account") -> int:
    """Return the seconds, ahead and back, by which people moved the clock today without a token."""
    day, seconds = divmod(account.standing["clock_moved"], _SECONDS_BELOW)
    return seconds if day == account.charged_day else 0


def count_move(account: "Account", seconds: int) -> None:
    """Count `seconds` of a move without a token. The newest day counts: a clock that went back begins no new one."""
    account.standing.set("clock_moved", account.charged_day * _SECONDS_BELOW + moved_s(account) + seconds)


def move(account: "Account", now_s: int, utc_s: int) -> None:
    """Move the clock of an account from `now_s` to `utc_s`, ahead or back."""
    account.standing.move_ends(utc_s - now_s)
    if utc_s < now_s:
        _go_back(account, utc_s)
    else:
        account.pass_to(utc_s)
    account.standing.set("clock_until_s", min(utc_s + FIRST_NOTE_S, LATEST_S))
    account.standing.set("clock_doubted", 1)


def _go_back(account: "Account", utc_s: int) -> None:
    """Enter an earlier time, and the rate of it.

    A closed month stays closed. The current month goes back only if it is wrong by more than one month: else its blocks
    and its allowance would begin twice. Daily shares begin again with the next day if the day was wrong by more than a
    month: else the customer would have none until the wrong day has come.
    """
    former_day = account.standing["share_day"] or account.charged_day
    account.time_s = utc_s
    account.day = account.tariff.zone.day(utc_s)
    month = account.registers.month
    if month.index - month_index(account.day) > 1:
        month.index = month_index(account.day)
    if former_day - account.day > LEAP_S // DAY_S:
        account.standing.set("share_day", account.day)
    account.enter_context()
    account.begin_half_hour()
