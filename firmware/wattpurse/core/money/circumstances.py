"""What is true around the meter now and is in no ledger: services write it, supply and warnings are decided by it."""

USABLE = 1
UNUSABLE = 2


class Circumstances:
    """One object for the whole meter.

    now_s: UTC seconds. tamper_opens: a tamper is latched whose policy is to open the switch. testing: a technician's
    test runs. over_power: more power was drawn than allowed, and its time is not over. restoring: mains came back, and
    the wait before closing is not over. days_left: days that credit will last, None where that is not known. card: None
    where there is no key card in the slot, or USABLE or UNUSABLE: the one that is there.
    """

    def __init__(self, now_s: int = 0) -> None:
        self.now_s = now_s
        self.tamper_opens = False
        self.testing = False
        self.over_power = False
        self.restoring = False
        self.days_left = None
        self.card = None
