"""The schemas of requests and answers, as JSON Schema. Money is in micro-units, energy in mWh."""

from wattpurse_tools.office.sale_types import PAYMENT_TYPES, WISHES

_AMOUNT_LIMIT = 1 << 50
_METER_LIMIT = (1 << 32) - 1
_CONTENT_SIZE = 2 * 8192

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_MAYBE_WHOLE = {"type": ["integer", "null"]}
_FLAG = {"type": "boolean"}
_NUMBER = {"type": "integer", "minimum": 1}
_METER = {"type": "integer", "minimum": 1, "maximum": _METER_LIMIT}
_AMOUNT = {"type": "integer", "minimum": 0, "maximum": _AMOUNT_LIMIT}
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}


def _object(properties: dict, required: list[str] | None = None) -> dict:
    """Return the schema of an object. Without a list all its members are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _list(items: dict) -> dict:
    return {"type": "array", "items": items}


def _reference(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


_ORDER = {
    "shift": _NUMBER,
    "meter": _METER,
    "carrier": {"enum": ["digits", "none"], "default": "digits"},
    "payment_type": {"enum": list(PAYMENT_TYPES), "default": "cash"},
    "wish": _reference("Wish"),
}
_ORDER_NEEDS = ["shift", "meter", "wish"]
_SHIFT = {
    "shift": _WHOLE,
    "till": _WHOLE,
    "operator": _WHOLE,
    "opened": _TIME,
    "closed": _MAYBE_TIME,
    "float_microunits": _WHOLE,
    "z_number": _MAYBE_WHOLE,
}

SCHEMAS: dict[str, dict] = {
    "Problem": {
        "type": "object",
        "description": "Problem details of RFC 9457.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": _WHOLE,
            "detail": _TEXT,
        },
        "required": ["type", "title", "status", "detail"],
    },
    "Empty": _object({}),
    "Me": _object(
        {
            "office": _TEXT,
            "currency": _TEXT,
            "decimals": _WHOLE,
            "shop": _WHOLE,
            "shop_name": _TEXT,
            "time_zone": _TEXT,
            "operator": _WHOLE,
            "rights": _list(_TEXT),
        }
    ),
    "Meter": _object(
        {
            "meter": _WHOLE,
            "contract": _TEXT,
            "unit": {"type": ["string", "null"]},
            "currency": _TEXT,
            "is_stopped": _FLAG,
            "stop_reason": _TEXT,
            "is_retired": _FLAG,
            "alarms": _TEXT,
            "balance": _MAYBE_WHOLE,
            "balance_told": _MAYBE_TIME,
            "customer": _WHOLE,
            "customer_name": _TEXT,
            "premises": _TEXT,
        }
    ),
    "NewStatement": _object(
        {
            "link": {"enum": ["mqtt", "bluetooth"]},
            "content": {"type": "string", "pattern": "^([0-9a-f]{2})+$", "maxLength": _CONTENT_SIZE},
        }
    ),
    "Statement": _object({"meter": _WHOLE, "time": _TIME, "unit": _TEXT, "balance": _WHOLE, "total_mwh": _WHOLE}),
    "Customer": _object(
        {"customer": _WHOLE, "name": _TEXT, "homes": _list(_object({"premises": _TEXT, "meter": _WHOLE}))}
    ),
    "Customers": _object({"customers": _list(_reference("Customer")), "has_more": _FLAG}),
    "Wish": _object(
        {
            "what": {"enum": list(WISHES)},
            "gross_microunits": _AMOUNT,
            "quantity": _AMOUNT,
            "daily_mwh": _AMOUNT,
            "days": _AMOUNT,
        },
        ["what"],
    ),
    "NewQuote": _object(_ORDER, _ORDER_NEEDS),
    "NewSale": _object(_ORDER, _ORDER_NEEDS),
    "NewVoid": _object({"shift": _NUMBER, "approval": {"type": "string", "maxLength": 64}}, ["shift"]),
    "Line": _object(
        {
            "what": _TEXT,
            "text": _TEXT,
            "quantity": _WHOLE,
            "unit": _TEXT,
            "net_microunits": _WHOLE,
            "tax_ppm": _WHOLE,
            "tax_microunits": _WHOLE,
            "gross_microunits": _WHOLE,
        }
    ),
    "Quote": _object(
        {
            "meter": _WHOLE,
            "customer": _WHOLE,
            "customer_name": _TEXT,
            "premises": _TEXT,
            "contract": _TEXT,
            "balance": _MAYBE_WHOLE,
            "balance_told": _MAYBE_TIME,
            "currency": _TEXT,
            "gross_microunits": _WHOLE,
            "tax_microunits": _WHOLE,
            "debt_microunits": _WHOLE,
            "tokens": _list(_TEXT),
            "lines": _list(_reference("Line")),
        }
    ),
    "Sale": _object(
        {
            "sale": _WHOLE,
            "receipt": _WHOLE,
            "shop": _WHOLE,
            "kind": _TEXT,
            "state": _TEXT,
            "trouble": _TEXT,
            "time": _TIME,
            "business_day": {"type": "string", "format": "date"},
            "operator": _WHOLE,
            "meter": _WHOLE,
            "carrier": _TEXT,
            "payment_type": _TEXT,
            "currency": _TEXT,
            "gross_microunits": _WHOLE,
            "tax_microunits": _WHOLE,
            "digits": _list(_TEXT),
            "reverses": _MAYBE_WHOLE,
            "lines": _list(_reference("Line")),
        }
    ),
    "NewShift": _object({"till": _NUMBER, "float_microunits": _AMOUNT}),
    "NewCount": _object({"counted_microunits": _AMOUNT}),
    "Shift": _object(_SHIFT),
    "Tills": _object(
        {
            "tills": _list(
                _object({"till": _WHOLE, "name": _TEXT, "shift": {"oneOf": [_reference("Shift"), {"type": "null"}]}})
            )
        }
    ),
    "Report": _object(
        {
            **_SHIFT,
            "currency": _TEXT,
            "totals": {
                "type": "object",
                "additionalProperties": _list(_object({"name": _TEXT, "count": _WHOLE, "gross_microunits": _WHOLE})),
            },
            "counted_microunits": _MAYBE_WHOLE,
            "expected_microunits": _MAYBE_WHOLE,
            "difference_microunits": _MAYBE_WHOLE,
            "first_receipt": _WHOLE,
            "last_receipt": _WHOLE,
        }
    ),
}
