"""The table of the API's calls. The addresses, the checks of requests and the OpenAPI document are made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wattpurse_tools.pages.api import calls
from wattpurse_tools.pages.api.call import Call

# Ways to make a POST safe to repeat.
NOT_NEEDED = "not needed"  # it changes nothing, or the same call again changes nothing more
BY_ANSWER = "by answer"  # the first answer is kept and given again
BY_SALE = "by sale"  # the key is that of the sale itself


@dataclass(frozen=True)
class Details:
    """Further parts of a route: schema of the body, way of idempotency, statuses of success, query parameters."""

    body: str | None = None
    idempotency: str = NOT_NEEDED
    statuses: tuple[int, ...] = (200,)
    query: Mapping[str, dict] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """A method at a path below /api/v1/, such as `meters/{meter}`. `body` and `answer` are names of schemas."""

    method: str
    path: str
    right: str
    summary: str
    run: Callable[[Call], tuple[int, dict]]
    answer: str
    details: Details = field(default_factory=Details)


ROUTES = (
    Route("GET", "me", "sell", "Tell the shop, the operator and the rights of the token", calls.me, "Me"),
    Route(
        "GET",
        "meters/{meter}",
        "sell",
        "Tell a meter, the customer there, and what was last told of its credit",
        calls.meter,
        "Meter",
    ),
    Route(
        "POST",
        "meters/{meter}/statements",
        "sell",
        "Hand in a sealed statement of a meter, as its broker or a telephone has brought it",
        calls.statement,
        "Statement",
        Details("NewStatement"),
    ),
    Route(
        "GET",
        "customers",
        "sell",
        "Find customers by a part of their name, or by number",
        calls.customers,
        "Customers",
        Details(query={"text": {"type": "string", "minLength": 2, "maxLength": 60}}),
    ),
    Route(
        "GET",
        "customers/{customer}",
        "sell",
        "Tell a customer and where the customer lives",
        calls.customer,
        "Customer",
    ),
    Route(
        "POST",
        "quotes",
        "sell",
        "Tell what a sale would be; nothing is changed",
        calls.quote,
        "Quote",
        Details("NewQuote"),
    ),
    Route(
        "POST",
        "sales",
        "sell",
        "Sell; 200 with the same sale if it was made before under this key",
        calls.sell,
        "Sale",
        Details("NewSale", BY_SALE, (200, 201)),
    ),
    Route("GET", "sales/{sale}", "sell", "Tell a sale of the shop", calls.sale, "Sale"),
    Route(
        "POST",
        "sales/{sale}/void",
        "sell",
        "Take a sale of the same shift back",
        calls.void,
        "Sale",
        Details("NewVoid", BY_ANSWER, (201,)),
    ),
    Route("GET", "shifts", "sell", "List the tills of the shop with their open shifts", calls.list_shifts, "Tills"),
    Route(
        "POST",
        "shifts",
        "sell",
        "Open a shift at a till",
        calls.open_shift,
        "Shift",
        Details("NewShift", BY_ANSWER, (201,)),
    ),
    Route("GET", "shifts/{shift}", "sell", "Tell the X report of a shift, or its Z report", calls.report, "Report"),
    Route(
        "POST",
        "shifts/{shift}/count",
        "sell",
        "Enter the counted cash, once; the answer has the expected sum",
        calls.count,
        "Report",
        Details("NewCount", BY_ANSWER),
    ),
    Route(
        "POST",
        "shifts/{shift}/close",
        "sell",
        "Close a counted shift with its Z report; a closed one is told again",
        calls.close,
        "Report",
        Details("Empty"),
    ),
)
