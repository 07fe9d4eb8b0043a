"""The queue of commands for people: filtered by state, purpose and meter, the newest first, with their outcomes."""

from dataclasses import dataclass

from wattpurse_tools.headend.command_queue import STATES
from wattpurse_tools.headend.fleet import check
from wattpurse_tools.office.paging import Slice, slice_of, state_counts
from wattpurse_tools.record.models import Command


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
        check(chosen.state, STATES)
        commands = commands.filter(state=chosen.state)
    if chosen.wish:
        commands = commands.filter(wish=chosen.wish)
    if chosen.meter is not None:
        commands = commands.filter(meter=chosen.meter)
    return slice_of(commands, "id", after, falling=True)


def counts() -> list[tuple[str, int]]:
    """Return the number of commands in each state."""
    found = state_counts(Command.objects.all(), STATES)
    return [(state, found[state]) for state in STATES]


def wishes() -> list[str]:
    """Return the purposes that commands have."""
    return list(Command.objects.order_by("wish").values_list("wish", flat=True).distinct())
