"""The choice of one register, entity or column of a file that holds several."""

from collections.abc import Iterable


def chosen(wanted: str | None, found: Iterable[str], name: str, what: str) -> str:
    """Return the wanted one of the channels in a file, or the only one. Raise ValueError if it is not certain.

    name: the name of the file. what: the word for a channel of this format, in the plural.
    """
    channels = sorted(set(found))
    if wanted is not None:
        if wanted not in channels:
            raise ValueError(f"{name}: has no {wanted!r} among its {what}: {', '.join(channels) or 'none'}")
        return wanted
    if len(channels) != 1:
        raise ValueError(
            f"{name}: has {len(channels) or 'no'} {what} of consumption"
            + (f"; choose one: --channel {channels[0]}. There are: {', '.join(channels)}" if channels else "")
        )
    return channels[0]
