"""Bank statements by ISO 20022, message camt.053 (BankToCustomerStatement), versions 001.02 to 001.08 and later.

Elements are found by their local names: the versions differ in the namespace, and in few elements that are read here.
An entry is known by the account and the bank's own reference `AcctSvcrRef`, else by the statement's `Id` with
`NtryRef`, else with its place. Texts such as NONREF stand for no reference. Credit entries that are booked (`CdtDbtInd`
CRDT, `Sts` BOOK) and above zero are taken. A batch becomes one notice for each of its transactions if their amounts add
up to the entry's. Else it is one notice, and a person decides about it: its texts are of several payers.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.bank import Entry, StatementRead, joined
from wattpurse_tools.headend.providers.notices import Malformed
from wattpurse_tools.refusals import Words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SIZE_LIMIT = 16 << 20
# Banks write these where they have no reference. NONREF is of SWIFT's MT940, NOTPROVIDED of the SEPA rulebooks.
_NO_REFERENCES = ("NONREF", "NOREF", "NOTPROVIDED", "NOTAVAILABLE", "NONE", "N/A", "UNKNOWN", "0")
_UNSPLIT = Words("the bank did not divide this batch of several payments")


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
        own = _reference(entry, "AcctSvcrRef")
        number = f"{account}/{own}" if own else f"{account}/{name}/{_reference(entry, 'NtryRef') or f'place {place}'}"
        status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
        if _text(entry, "CdtDbtInd") != "CRDT" or _text(entry, "RvslInd") in ("true", "1") or status != "BOOK":
            left_out.append(f"{number}: no booked credit")
        elif _amount(entry, "Amt")[0] == 0:
            left_out.append(f"{number}: no amount")
        else:
            entries.extend(_credits(entry, number))


def _credits(entry: "Element", number: str) -> Iterator[Entry]:
    """Yield the payments of a credit entry: its transactions, if their amounts add up to it."""
    amount, currency = _amount(entry, "Amt")
    booked_s = _time_s(entry)
    details = list(_all(entry, "NtryDtls/TxDtls"))
    amounts = [_amount_of_transaction(one) for one in details]
    parts = [part for part, its in amounts if its == currency and part > 0]
    if len(parts) == len(details) > 1 and sum(parts) == amount:
        for place, (detail, part) in enumerate(zip(details, parts, strict=True), 1):
            yield Entry(f"{number}/{place}", part, currency, _remittance(detail), _payer(detail), booked_s)
        return
    text = joined([_remittance(one) for one in details] or [_text(entry, "AddtlNtryInf")])
    payer = joined([_payer(one) for one in details])
    doubt = _UNSPLIT if len(details) > 1 or _count_of(entry) > 1 else ""
    yield Entry(number, amount, currency, text, payer, booked_s, doubt)


def _count_of(entry: "Element") -> int:
    """Return the number of payments in a batch, or 0 if the bank does not tell it."""
    told = _text(entry, "NtryDtls/Btch/NbOfTxs")
    return int(told) if told.isascii() and told.isdecimal() else 0


def _amount(element: "Element", path: str) -> tuple[int, str]:
    found = _one(element, path)
    if found is None or not found.text:
        raise ValueError("an entry has no amount")
    return micro_of_text(found.text), found.get("Ccy", "")


def _amount_of_transaction(detail: "Element") -> tuple[int, str]:
    """Return the amount of a transaction, below zero for a debit, or 0 if there is none."""
    path = "Amt" if _one(detail, "Amt") is not None else "AmtDtls/TxAmt/Amt"
    amount, currency = _amount(detail, path) if _one(detail, path) is not None else (0, "")
    return -amount if _text(detail, "CdtDbtInd") == "DBIT" else amount, currency


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


def _reference(entry: "Element", path: str) -> str:
    """Return a reference of the bank, or "" for a text that stands for none."""
    found = _text(entry, path)
    return "" if found.upper() in _NO_REFERENCES else found


def _one(element: "Element", path: str) -> "Element | None":
    return element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def _all(element: "Element", path: str) -> Iterator["Element"]:
    return element.iterfind("/".join(f"{{*}}{name}" for name in path.split("/")))


def _text(element: "Element", path: str) -> str:
    found = _one(element, path)
    return "" if found is None or found.text is None else found.text.strip()
