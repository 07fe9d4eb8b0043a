"""Bank statements by ISO 20022, message camt.053 (BankToCustomerStatement), versions 001.02 to 001.08 and later.

Elements are found by their local names: the versions differ in the namespace, and in few elements that are read here.
An entry is known by the account and the bank's own reference `AcctSvcrRef`, else by the statement's `Id` with
`NtryRef`, else with its place. Credit entries that are booked (`CdtDbtInd` CRDT, `Sts` BOOK) are taken. A batch becomes
one notice for each of its transactions if their amounts add up to the entry's.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.bank import Entry, StatementRead, joined
from wattpurse_tools.headend.providers.notices import Malformed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SIZE_LIMIT = 16 << 20


def read(content: bytes) -> StatementRead:
    """Return the credit entries of all statements of a message. Raise Malformed for anything else."""
    if len(content) > _SIZE_LIMIT:
        raise Malformed("the file is too long for a bank statement")
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
        statements = list(root.iterfind("{*}BkToCstmrStmt/{*}Stmt"))
        if not statements:
            raise ValueError("it has no statement")
        entries: list[Entry] = []
        left_out: list[str] = []
        for statement in statements:
            _read_statement(statement, entries, left_out)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Malformed(f"this is no statement of camt.053: {error}") from None
    return StatementRead(tuple(entries), tuple(left_out))


def _read_statement(statement: "Element", entries: list[Entry], left_out: list[str]) -> None:
    account = _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
    name = _text(statement, "Id")
    for place, entry in enumerate(_all(statement, "Ntry"), 1):
        own = _text(entry, "AcctSvcrRef")
        number = f"{account}/{own}" if own else f"{account}/{name}/{_text(entry, 'NtryRef') or f'place {place}'}"
        status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
        if _text(entry, "CdtDbtInd") != "CRDT" or _text(entry, "RvslInd") in ("true", "1") or status != "BOOK":
            left_out.append(f"{number}: no booked credit")
        else:
            entries.extend(_credits(entry, number))


def _credits(entry: "Element", number: str) -> Iterator[Entry]:
    """Yield the payments of a credit entry: its transactions, if their amounts add up to it."""
    amount, currency = _amount(entry, "Amt")
    booked_s = _time_s(entry)
    details = list(_all(entry, "NtryDtls/TxDtls"))
    amounts = [_amount_of_transaction(one) for one in details]
    parts = [part for part, its in amounts if its == currency]
    if len(parts) == len(details) > 1 and sum(parts) == amount:
        for place, (detail, part) in enumerate(zip(details, parts, strict=True), 1):
            yield Entry(f"{number}/{place}", part, currency, _remittance(detail), _payer(detail), booked_s)
        return
    text = joined([_remittance(one) for one in details] or [_text(entry, "AddtlNtryInf")])
    yield Entry(number, amount, currency, text, joined([_payer(one) for one in details]), booked_s)


def _amount(element: "Element", path: str) -> tuple[int, str]:
    found = _one(element, path)
    if found is None or not found.text:
        raise ValueError("an entry has no amount")
    return micro_of_text(found.text), found.get("Ccy", "")


def _amount_of_transaction(detail: "Element") -> tuple[int, str]:
    path = "Amt" if _one(detail, "Amt") is not None else "AmtDtls/TxAmt/Amt"
    return _amount(detail, path) if _one(detail, path) is not None else (0, "")


def _remittance(detail: "Element") -> str:
    """Return the structured reference, and the words without structure. Either may name the meter."""
    structured = [one.text for one in _all(detail, "RmtInf/Strd/CdtrRefInf/Ref")]
    return joined([*structured, *(one.text for one in _all(detail, "RmtInf/Ustrd"))])


def _payer(detail: "Element") -> str:
    return _text(detail, "RltdPties/Dbtr/Nm") or _text(detail, "RltdPties/Dbtr/Pty/Nm")


def _time_s(entry: "Element") -> int:
    day = _text(entry, "BookgDt/Dt")
    if day:
        return int(datetime.combine(date.fromisoformat(day[:10]), datetime.min.time(), UTC).timestamp())
    moment = datetime.fromisoformat(_text(entry, "BookgDt/DtTm"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _one(element: "Element", path: str) -> "Element | None":
    return element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def _all(element: "Element", path: str) -> Iterator["Element"]:
    return element.iterfind("/".join(f"{{*}}{name}" for name in path.split("/")))


def _text(element: "Element", path: str) -> str:
    found = _one(element, path)
    return "" if found is None or found.text is None else found.text.strip()
