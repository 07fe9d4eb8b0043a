"""The words of the head-end's pages for the names that the record keeps."""

from django.utils.translation import gettext as _

from wattpurse_tools.headend import fleet


def state_words(state: str) -> str:
    """Return the state of a meter in the language in force."""
    return {
        fleet.STOPPED: _("stopped"),
        fleet.ALARM: _("alarm"),
        fleet.SILENT: _("silent"),
        fleet.OFFLINE: _("offline"),
        fleet.OFF: _("switched off"),
        fleet.GOOD: _("good"),
        fleet.NOT_CONNECTED: _("not connected"),
    }.get(state, state)
