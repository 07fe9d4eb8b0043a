"""A book of what a meter was given and must have charged: a Page for every state, and what a power cut may leave.

A Book walks from page to page and says for every step which states a power cut inside it may leave: the meter's whole
state must be one of them, to the pulse and to the micro-unit.
"""

from tests.proof.page import DAY_S, Page, month_of


class Book:
    """The page that is surely in flash, the pulses since, and `may_be`: what a cut in the step under way may leave.

    `may_be` is a list of (page, fewest pulses, most pulses) since that page.
    """

    def __init__(self, page: Page):
        self.page = page
        self.waiting = 0
        self.may_be = []

    def copied(self) -> "Book":
        """A book of its own."""
        other = Book(self.page.copied())
        other.waiting = self.waiting
        return other

    def begin(self):
        """A step begins: until it has done something, what was may still be."""
        self.may_be = [self._now()]

    def credit(self, number: int, unit: int, amount: int):
        """One record; pulses below a step go on waiting, those above it were tallied before."""
        pending = self.waiting % self.page.step
        self.page = self.page.fed(self.waiting - pending)
        self.waiting = pending
        self.page.used.add(number)
        self.page.credit(unit, amount)
        self.may_be.append(self._now())

    def record(self, alter):
        """One record or snapshot, which takes the waiting pulses with it."""
        self.page = self.page.fed(self.waiting)
        self.waiting = 0
        alter(self.page)
        self.page.settle()
        self.may_be.append(self._now())

    def advance(self, now_s: int, pulses: int):
        """Pulses counted evenly up to `now_s`."""
        start_s = self.page.time_s
        if now_s <= start_s:
            return self._wait(pulses)
        if pulses == 0:
            pending = self.page.pending
            if pending is not None and start_s < pending.activation_s <= now_s:
                self._cross(pending.activation_s - 1)
                self._cross(pending.activation_s)
            self._cross(now_s)
        else:
            shared = 0
            for boundary_s in self._boundaries(start_s, now_s):
                share = pulses * (boundary_s - start_s) // (now_s - start_s)
                self._wait(share - shared)
                shared = share
                self._cross(boundary_s)
            self._wait(pulses - shared)
        self.page.time_s = now_s

    def set_clock_back(self, now_s: int):
        """By someone with the right to."""

        def alter(page):
            page.time_s = now_s
            page.day = now_s // DAY_S
            if page.month - month_of(page.day) > 1:
                page.month = month_of(page.day)
            page.rate = page.price.rate_at(now_s)

        self.record(alter)

    def matching(self, view: tuple) -> Page | None:
        """The page among those that may be which looks like `view`, or None."""
        if len(view) < 3:
            return None
        for page, fewest, most in reversed(self.may_be):
            if fewest <= view[2] - page.pulses <= most:
                found = page.fed(view[2] - page.pulses)
                if found.view() == view:
                    return found
        return None

    def adopt(self, page: Page, time_s: int):
        """A meter was recovered, and this is what it knows."""
        self.page = page
        self.page.time_s = time_s
        self.waiting = 0

    def now_may_be(self):
        """No step is under way: only what was acknowledged, but for the pulses that wait, may be."""
        self.may_be = [self._now()]

    def _now(self):
        return self.page, max(0, self.waiting - self.page.step + 1), self.waiting

    def _wait(self, pulses):
        if pulses:
            fewest = max(0, self.waiting - self.page.step + 1)
            self.waiting += pulses
            self.may_be.append((self.page, fewest, self.waiting))

    def _cross(self, time_s):
        """A tariff takes over with the day that begins with it; days before are the old one's."""

        def take_pending(page):
            page.price, page.pending = page.pending, None
            page.time_s = max(page.time_s, time_s)
            page.enter_day(page.time_s // DAY_S)
            page.rate = page.price.rate_at(page.time_s)

        def enter_day(page):
            page.enter_day(time_s // DAY_S)
            page.rate = page.price.rate_at(time_s)

        pending = self.page.pending
        if pending is not None and pending.activation_s <= time_s:
            self.record(take_pending)
        if time_s // DAY_S > self.page.day:
            self.record(enter_day)
        self.page.time_s = max(self.page.time_s, time_s)
        rate = self.page.price.rate_at(time_s)
        if rate != self.page.rate:
            self.record(lambda page: setattr(page, "rate", rate))

    def _boundaries(self, start_s, end_s):
        times_s = set()
        for day in range(start_s // DAY_S, end_s // DAY_S + 1):
            times_s.update(day * DAY_S + minute * 60 for minute in range(0, 1440, 60))
        if self.page.pending is not None:
            times_s.add(max(self.page.pending.activation_s, start_s + 1))
        return sorted(time_s for time_s in times_s if start_s < time_s <= end_s)
