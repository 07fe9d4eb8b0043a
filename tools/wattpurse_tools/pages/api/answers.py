"""Answers that are kept for the same call again, by token and idempotency key.

A call that died at its work is let through again after a time. If its action was finished, the action itself refuses,
or tells its result again.
"""

import hashlib
import json
import time
from collections.abc import Callable

from django.db import IntegrityError, transaction

from wattpurse_tools.pages.api.problems import Problem
from wattpurse_tools.record.models import ApiAnswer, ApiToken

KEPT_S = 30 * 86_400
AT_WORK_S = 60

_AT_WORK = 0


def once(token: ApiToken, key: str, asked: object, act: Callable[[], tuple[int, dict]]) -> tuple[int, dict]:
    """Return the answer of `act`, or the kept one of the same call before. Raise Problem for another call."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    kept = _begin(token, key, digest)
    if kept.status != _AT_WORK:
        return kept.status, kept.body
    try:
        status, body = act()
    except BaseException:
        kept.delete()  # nothing has changed, so the same key may try again
        raise
    ApiAnswer.objects.filter(pk=kept.pk).update(status=status, body=body)
    return status, body


def _begin(token: ApiToken, key: str, digest: str) -> ApiAnswer:
    now_s = int(time.time())
    ApiAnswer.objects.filter(time_s__lt=now_s - KEPT_S).delete()
    try:
        with transaction.atomic():
            return ApiAnswer.objects.create(token=token, key=key, request_hash=digest, time_s=now_s)
    except IntegrityError:
        pass
    with transaction.atomic():
        kept = ApiAnswer.objects.select_for_update().get(token=token, key=key)
        if kept.request_hash != digest:
            raise Problem("conflict", "another call was made under this key; make up a new key for each call")
        if kept.status == _AT_WORK:
            if kept.time_s > now_s - AT_WORK_S:
                words = "the first call under this key is still at work; ask again in some seconds"
                raise Problem("conflict", words, headers={"Retry-After": "5"})
            kept.time_s = now_s
            kept.save(update_fields=["time_s"])
        return kept
