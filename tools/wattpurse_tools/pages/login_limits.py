"""Limits on the tries of a login, counted in the database by name and by address. A restart forgets none.

A try is counted as wrong before anything is compared, so tries at the same time are counted too. The delay doubles with
each further wrong try and ends after a time, so that nobody can lock another person out for good.
"""

import time
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from wattpurse_tools.record.models import LoginTry

FORGOTTEN_S = 86_400
_DOUBLINGS = 16


@dataclass(frozen=True)
class Limit:
    """The limit of one kind of key: tries without a delay, the first delay and the longest."""

    free_tries: int
    first_delay_s: int
    longest_delay_s: int


USER = Limit(free_tries=5, first_delay_s=30, longest_delay_s=15 * 60)
ADDRESS = Limit(free_tries=20, first_delay_s=30, longest_delay_s=15 * 60)
TENANT = Limit(free_tries=30, first_delay_s=10, longest_delay_s=15 * 60)


class TooManyTries(ValueError):
    """The refusal of a try that comes too early. `wait_s` seconds are left."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong tries; try again in {wait_s} seconds")
        self.wait_s = wait_s


def count_try(keys: dict[str, Limit]) -> None:
    """Count a try as wrong for each of the keys. Raise TooManyTries if one of them must wait."""
    now_s = int(time.time())
    keys = {key[:200]: limit for key, limit in keys.items()}
    with transaction.atomic():
        LoginTry.objects.filter(last_s__lt=now_s - FORGOTTEN_S).delete()
        LoginTry.objects.bulk_create([LoginTry(key=key, last_s=now_s) for key in keys], ignore_conflicts=True)
        found = list(LoginTry.objects.select_for_update().filter(key__in=keys).order_by("key"))
        wait_s = max(one.until_s for one in found) - now_s
        if wait_s <= 0:
            for one in found:
                one.failures += 1
                one.until_s = now_s + _delay_s(keys[one.key], one.failures)
                one.last_s = now_s
                one.save()
    if wait_s > 0:
        raise TooManyTries(wait_s)


def forget_tries(user_key: str, address_key: str) -> None:
    """Forget the wrong tries of a user, after a right one, and the one that was counted for the address."""
    LoginTry.objects.filter(key=user_key[:200]).delete()
    LoginTry.objects.filter(key=address_key[:200], failures__gt=0).update(failures=F("failures") - 1, until_s=0)


def _delay_s(limit: Limit, failures: int) -> int:
    if failures < limit.free_tries:
        return 0
    return min(limit.longest_delay_s, limit.first_delay_s << min(_DOUBLINGS, failures - limit.free_tries))
