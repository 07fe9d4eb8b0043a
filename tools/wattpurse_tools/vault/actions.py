"""The actions of the vault itself that need a second person, as its requests and its log name them."""

ISSUE = "issue"
SETTLE = "settle"
OPERATOR = "operator"
USER = "user"
COUNT = "count"
OPERATOR_PASS = "operator pass"
METER_KEYS = "meter keys"
ROLL = "roll"
VENDING_POINT = "vending point"
LOG_CUT = "log cut"
OWN = (ISSUE, SETTLE, OPERATOR, USER, COUNT, OPERATOR_PASS, METER_KEYS, ROLL, VENDING_POINT)
