"""The language of the vault's socket: one JSON object on each line, with bytes as hexadecimal digits.

    server: {"wattpurse_vault": 1}                                          when a client has connected
    client: {"call": "issue", "arguments": {"ticket": "...", ...}}
    server: {"result": ...}
            {"error": "ApprovalNeeded", "words": "...", "action": "issue", "document": {...}}

A value that JSON does not have is an object with the member "#": bytes, a tuple, an object with other keys than texts,
or one of the types in `interface`. Every argument is checked against the annotation of its call before it is used.
"""

import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin

from wattpurse.core.money.key_card import CardContent
from wattpurse_tools.refusals import Words, words_of
from wattpurse_tools.vault.interface import (
    ApprovalNeeded,
    DispenserCredit,
    DispenserMeter,
    DispenserOffer,
    DispenserRecord,
    DispenserTerm,
    Keys,
    LimitReached,
    Limits,
    LogEntry,
    Operator,
    Proposal,
    Refused,
    Request,
    SealedToken,
    Session,
    SignOnNeeded,
    TokenOrder,
    Verdict,
)

VERSION = 1
HELLO = "wattpurse_vault"
REQUEST_LIMIT = 1 << 20
ANSWER_LIMIT = 16 << 20

_MARK = "#"
_VALUE = "value"
_TYPES = (
    DispenserCredit,
    DispenserMeter,
    DispenserOffer,
    DispenserRecord,
    DispenserTerm,
    Limits,
    LogEntry,
    Operator,
    Proposal,
    Request,
    SealedToken,
    Session,
    TokenOrder,
    Verdict,
)
_ERRORS = (Refused, SignOnNeeded, LimitReached, ApprovalNeeded)
_OS_ERROR = "OSError"


@cache
def calls() -> Mapping[str, inspect.Signature]:
    """Return the calls of the interface: the signature of each, of a property without parameters."""
    found = {}
    for name, member in vars(Keys).items():
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function):
            signature = inspect.signature(function, eval_str=True)
            found[name] = signature.replace(parameters=list(signature.parameters.values())[1:])
    return found


@cache
def is_property(name: str) -> bool:
    """Return True if the call is a property of the interface."""
    return isinstance(vars(Keys)[name], property)


def bound_arguments(name: str, arguments: object) -> dict[str, Any]:
    """Return the arguments of a call. Raise Refused unless they fit its parameters and their types."""
    signature = calls().get(name)
    if signature is None:
        raise Refused(f"the vault knows no call {name[:40]!r}")
    if not isinstance(arguments, dict):
        raise Refused(f"the arguments of {name} are no object")
    try:
        bound = signature.bind(**arguments)
    except TypeError as error:
        raise Refused(f"{name}: {error}") from None
    for parameter, value in bound.arguments.items():
        if not conforms(value, signature.parameters[parameter].annotation):
            raise Refused(f"{name}: the argument {parameter} has the wrong type")
    return bound.arguments


def conforms(value: object, annotation: Any) -> bool:  # noqa: ANN401 an annotation has no type
    """Return True if a value fits an annotation of the interface. True is no integer here."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(conforms(value, one) for one in inner)
    if annotation in (None, type(None)):
        return value is None
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(conforms(one, inner[0]) for one in value)
        return len(value) == len(inner) and all(map(conforms, value, inner))
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(conforms(one, inner[0]) for one in value)
    if annotation is int:
        return type(value) is int
    if is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        return type(value) is annotation and all(
            conforms(getattr(value, one.name), hints[one.name]) for one in fields(annotation)
        )
    return type(value) is annotation


def encoded(value: object) -> object:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return {_MARK: "bytes", _VALUE: bytes(value).hex()}
    if isinstance(value, list):
        return [encoded(one) for one in value]
    if isinstance(value, tuple):
        return {_MARK: "tuple", _VALUE: [encoded(one) for one in value]}
    if isinstance(value, Mapping):
        if all(isinstance(name, str) for name in value) and _MARK not in value:
            return {name: encoded(one) for name, one in value.items()}
        return {_MARK: "dict", _VALUE: [[encoded(name), encoded(one)] for name, one in value.items()]}
    if isinstance(value, CardContent):
        return {_MARK: "CardContent", _VALUE: [encoded(one) for one in _card_fields(value)]}
    if type(value) in _TYPES:
        own = {one.name: encoded(getattr(value, one.name)) for one in fields(value)}  # pyright: ignore[reportArgumentType]
        return {_MARK: type(value).__name__, _VALUE: own}
    raise TypeError(f"{type(value).__name__} is no type of the vault's socket")


def decoded(value: object) -> Any:  # noqa: ANN401 the other end names the type
    """Return the value that `encoded` was given. Raise ValueError or TypeError for other objects."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {name: decoded(one) for name, one in value.items()}
    kind, inner = value[_MARK], value.get(_VALUE)
    if kind == "bytes" and isinstance(inner, str):
        return bytes.fromhex(inner)
    if kind == "tuple" and isinstance(inner, list):
        return tuple(decoded(one) for one in inner)
    if kind == "dict" and isinstance(inner, list):
        return {decoded(name): decoded(one) for name, one in inner}
    if kind == "CardContent" and isinstance(inner, list):
        return _card_content([decoded(one) for one in inner])
    for known in _TYPES:
        if kind == known.__name__ and isinstance(inner, dict):
            return known(**{name: decoded(one) for name, one in inner.items()})
    raise ValueError("an object of an unknown type")


def line_of(message: dict) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes) -> dict:
    """Return the message on a line. Raise ValueError for other bytes."""
    try:
        message = json.loads(line)
    except RecursionError:
        raise ValueError("the message is nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def error_message(error: Exception) -> dict:
    """Return the message of a call that was refused or failed."""
    if isinstance(error, OSError):
        return {"error": _OS_ERROR, **_told(error)}
    if isinstance(error, ApprovalNeeded):
        own = {"action": error.action, "document": error.document}
        return {"error": "ApprovalNeeded", **_told(error), **own}
    name = type(error).__name__ if isinstance(error, Refused) else Refused.__name__
    return {"error": name, **_told(error)}


def error_of(message: dict) -> Exception:
    """Return the exception in a message."""
    name, words = message["error"], _words(message)
    if name == "ApprovalNeeded":
        return ApprovalNeeded(words, message["action"], message["document"])
    if name == _OS_ERROR:
        return OSError(words)
    return next((one(words) for one in _ERRORS[:-1] if one.__name__ == name), Refused(words))


def _told(error: Exception) -> dict:
    """Return the words of an error, with the text and the values by which a page translates them."""
    words = words_of(error)
    if not isinstance(words, Words):
        return {"words": words}
    values = {name: value if isinstance(value, int) else str(value) for name, value in words.values.items()}
    return {"words": str(words), "text": words.text, "values": values}


def _words(message: dict) -> str:
    """Return the words of a message. A value that is a text may have a translation of its own."""
    text, values = message.get("text"), message.get("values")
    if not isinstance(text, str) or not isinstance(values, dict):
        return str(message.get("words"))
    return Words(
        text, **{name: value if isinstance(value, int) else Words(str(value)) for name, value in values.items()}
    )


def _card_fields(content: CardContent) -> list:
    allowance = (content.allowance_mwh, content.period, content.period_number, content.used_mwh)
    return [content.version, content.loaded, content.spent, content.price, *allowance, content.user]


def _card_content(values: list) -> CardContent:
    if len(values) != 9 or not all(type(value) is int for value in values):
        raise ValueError("the content of a key card has nine numbers")
    return CardContent(values[0], values[1], values[2], values[3], tuple(values[4:8]), values[8])
