"""Tariff documents as TOML, in the order in which a person reads them."""

import json
from collections.abc import Mapping
from typing import Any


def toml_text(document: Mapping[str, Any]) -> str:
    """Return the document as TOML: plain values first, then tables, then lists of tables."""
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if not _is_table(value)]
    for key, value in document.items():
        if isinstance(value, Mapping):
            lines += _table(key, value)
        elif _is_table(value):
            for item in value:
                lines += ["", f"[[{key}]]", *_pairs(item)]
    return "\n".join(lines) + "\n"


def _table(key: str, table: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table, or of each table in it."""
    if all(isinstance(value, Mapping) for value in table.values()):
        return [line for name, inner in table.items() for line in _table(f"{key}.{_key(name)}", inner)]
    return ["", f"[{key}]", *_pairs(table)]


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)


def _value(value: object) -> str:
    """Return a value as TOML, which writes text, numbers, truth and lists as JSON does."""
    return json.dumps(value)
