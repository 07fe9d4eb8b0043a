"""The head-end as a person of the office: an operator of the vault of its own, with its rights and limits."""

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.vault.interface import SignOnNeeded


class HeadendOperator:
    """The operator of the head-end's processes. With `operator` and `pin` it signs on with them, else as the Unix user.

    A ticket ends after some time, and with the vault. `actor` signs on again then. Raise ValueError if one of the two
    is missing: the process would act as another person than the one that was named.
    """

    def __init__(self, office: Office, operator: int | None = None, pin: str | None = None) -> None:
        if operator is not None and pin is None:
            raise ValueError(f"operator {operator} signs on with a PIN; give --pin-file too")
        if operator is None and pin is not None:
            raise ValueError("a PIN is that of an operator; give --operator too")
        self._office = office
        self._operator = operator
        self._pin = pin
        self._actor: Actor | None = None

    def actor(self) -> Actor:
        """Return the signed-on operator. Raise vault.Refused or VaultClosed if the vault does not let it in."""
        keys = self._office.keys
        if self._actor is not None:
            try:
                keys.session(self._actor.ticket)
            except SignOnNeeded:
                self._actor = None
        if self._actor is None:
            if self._operator is None or self._pin is None:
                session = keys.sign_on_as_user()
            else:
                session = keys.sign_on(self._operator, self._pin)
            self._actor = Actor.of(session)
        return self._actor
