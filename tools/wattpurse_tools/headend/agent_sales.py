"""Sales of an agent with a telephone: for cash, in the agent's own till and shop, by the rules of every shop."""

from wattpurse_tools.headend.recharge import recharge_in
from wattpurse_tools.office import counter
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import CASH
from wattpurse_tools.record.models import Sale


def sell(office: Office, actor: Actor, meter_number: int, gross_microunits: int, client_key: str, now_s: int) -> Sale:
    """Sell credit to a meter for cash, once by its key, and return the receipt. Right: sell, in the agent's shop.

    The shift is that of the agent's till of the command line. It opens with the first sale, and the agent closes it.
    """
    shift = counter.shift_at_counter(office, actor)
    return recharge_in(office, actor, shift, meter_number, gross_microunits, CASH, client_key, now_s)
