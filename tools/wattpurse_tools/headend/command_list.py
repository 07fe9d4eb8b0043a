"""The queue of commands for people: filtered by state, purpose and meter, the newest first, with their outcomes."""

from dataclasses import dataclass

from django.db.models import Count

from wattpurse_tools.headend.command_queue import DONE, GIVEN_UP, REFUSED, SENT, WAITING
from wattpurse_tools.headend.fleet import UnknownFilter
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import Command

STATES = (WAITING, SENT, DONE, REFUSED, GIVEN_UP)


@dataclass(frozen=True)
class CommandFilter:
    """The commands that a list shows. An empty field asks for nothing."""

    state: str = ""
    wish: str = ""
    meter: int | None = None


def find_commands(chosen: CommandFilter, after: int | None = None) -> Slice:
    """Return commands with their tokens, the newest first. Raise UnknownFilter for a state that there is not."""
    commands = Command.objects.select_related("token")
    if chosen.state:
        if chosen.state not in STATES:
            raise UnknownFilter(
                "%(name)s: is no filter; choose one of %(known)s", name=chosen.state, known=", ".join(STATES)
            )
        commands = commands.filter(state=chosen.state)
    if chosen.wish:
        commands = commands.filter(wish=chosen.wish)
    if chosen.meter is not None:
        commands = commands.filter(meter=chosen.meter)
    return slice_of(commands, "id", after, falling=True)


def counts() -> list[tuple[str, int]]:
    """Return the number of commands in each state."""
    found = dict(Command.objects.order_by().values_list("state").annotate(Count("pk")))
    return [(state, found.get(state, 0)) for state in STATES]


def wishes() -> list[str]:
    """Return the purposes that commands have."""
    return list(Command.objects.order_by("wish").values_list("wish", flat=True).distinct())
