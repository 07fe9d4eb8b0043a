"""The state around the meter that no ledger keeps. Services write it; supply and warnings are decided by it."""

USABLE = 1
UNUSABLE = 2


class Circumstances:
    """The circumstances of one meter.

    now_s: UTC seconds. tamper_opens: a latched tamper must open the switch. testing: a technician's test runs.
    over_power: too much power was drawn, and the time off is not over. restoring: mains returned, and the delay before
    closing is not over. resting: the switch opened often, and the wait before it closes again is not over. days_left:
    days that credit will last, or None if unknown. card: USABLE or UNUSABLE for the key card in the slot, or None
    without a card. mains_failed: the mains failed while the meter still has power, and the terms open the
    switch for that.
    """

    def __init__(self, now_s: int = 0) -> None:
        self.now_s = now_s
        self.tamper_opens = False
        self.testing = False
        self.over_power = False
        self.restoring = False
        self.resting = False
        self.days_left = None
        self.card = None
        self.mains_failed = False
