"""The office that this process serves. `use` names it before the first request."""

from wattpurse_tools.office.office import Office


class _Served:
    """The place of the office."""

    office: Office | None = None


def use(office: Office | None) -> None:
    """Serve an office from now on, or none."""
    _Served.office = office


def office_in_use() -> Office:
    """Return the office that is served. Raise RuntimeError if there is none."""
    if _Served.office is None:
        raise RuntimeError("no office is served; `use` names one")
    return _Served.office
