"""A book of a meter: the sums given to it and the sums it must have charged.

A Book goes from page to page. For every step it lists the states that a power cut inside the step may leave. The whole
state of the meter must be one of them, to the pulse and to the micro-unit.
"""

from tests.proof.page import DAY_S, MOVED_WITH_CLOCK, Page, month_of


class Book:
    """The page certainly in flash, the pulses since then, and `may_be`: the states after a cut in the current step.

    `may_be` is a list of (page, fewest pulses, most pulses) since that page.
    """

    def __init__(self, page: Page):
        self.page = page
        self.waiting = 0
        self.may_be = []

    def copied(self) -> "Book":
        """Return a separate copy."""
        other = Book(self.page.copied())
        other.waiting = self.waiting
        return other

    def begin(self):
        """Begin a step. Until it has an effect, the state before it remains possible."""
        self.may_be = [self._now()]

    def credit(self, number: int, unit: int, amount: int):
        """Add credit by one record. Pulses below a step go on waiting; those above it were tallied before."""
        pending = self.waiting % self.page.step
        self.page = self.page.fed(self.waiting - pending)
        self.waiting = pending
        self.page.use(number)
        self.page.credit(unit, amount)
        self.may_be.append(self._now())

    def record(self, alter):
        """Make a change by one record or snapshot, which includes the waiting pulses."""
        self.page = self.page.fed(self.waiting)
        self.waiting = 0
        alter(self.page)
        self.page.settle()
        self.may_be.append(self._now())

    def record_token(self, number: int, alter):
        """Make the change of a token by one record."""

        def alter_and_use(page):
            alter(page)
            page.use(number)

        self.record(alter_and_use)

    def advance(self, now_s: int, pulses: int):
        """Count pulses evenly up to `now_s`."""
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

    def set_clock(self, now_s: int):
        """Set the clock, as an authorised person does. All remaining times stay the same."""

        def alter(page):
            for name in MOVED_WITH_CLOCK:
                if page.standing[name]:
                    page.standing[name] += now_s - page.time_s
            (back if now_s < page.time_s else ahead)(page)

        def ahead(page):
            pending = page.pending
            if pending is not None and pending.activation_s <= now_s:
                page.enter_day((pending.activation_s - 1) // DAY_S)
                page.price, page.pending = pending, None
            page.time_s = max(page.time_s, now_s)
            page.enter_day(now_s // DAY_S)
            page.rate = page.price.rate_at(now_s)

        def back(page):
            page.time_s = now_s
            page.day = now_s // DAY_S
            if page.month - month_of(page.day) > 1:
                page.month = month_of(page.day)
            if page.shared_day - page.day > 31:
                page.shared_day = page.day
            page.rate = page.price.rate_at(now_s)

        self.record(alter)

    def matching(self, view: tuple) -> Page | None:
        """Return the possible page that equals `view`, or None."""
        if len(view) < 3:
            return None
        for page, fewest, most in reversed(self.may_be):
            if fewest <= view[2] - page.pulses <= most:
                found = page.fed(view[2] - page.pulses)
                if found.view() == view:
                    return found
        return None

    def adopt(self, page: Page, time_s: int):
        """Take over the state of a recovered meter."""
        self.page = page
        self.page.time_s = time_s
        self.waiting = 0

    def now_may_be(self):
        """End a step: only the acknowledged state remains possible, give or take the waiting pulses."""
        self.may_be = [self._now()]

    def _now(self):
        return self.page, max(0, self.waiting - self.page.step + 1), self.waiting

    def _wait(self, pulses):
        if pulses:
            fewest = max(0, self.waiting - self.page.step + 1)
            self.waiting += pulses
            self.may_be.append((self.page, fewest, self.waiting))

    def _cross(self, time_s):
        """Let a tariff take over at the start of its first day. The old tariff charges the days before."""

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
