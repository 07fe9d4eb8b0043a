"""The last round of each process of the head-end, so that people see one that stands still.

A process tells the end of each of its rounds. The record keeps the newest one by the name of its work.
"""

from wattpurse_tools.record.models import HeadendRound

WORKER = "worker"
ENGINE = "engine"
PAYMENTS = "payments"
SENDER = "sender"

STEP_S = 5


def ended(work: str, now_s: int) -> None:
    """Note that a round of a work has ended. The record is written at most every 5 seconds."""
    newest = HeadendRound.objects.filter(work=work).values_list("ended_s", flat=True).first()
    if newest is None:
        HeadendRound.objects.get_or_create(work=work, defaults={"ended_s": now_s})
    elif now_s >= newest + STEP_S:
        HeadendRound.objects.filter(work=work, ended_s__lt=now_s).update(ended_s=now_s)


def last() -> dict[str, int]:
    """Return the time of the last round of each work that has ever ended one."""
    return dict(HeadendRound.objects.order_by("work").values_list("work", "ended_s"))
