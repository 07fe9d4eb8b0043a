"""Options of load files by their names on the command line."""

from dataclasses import fields

from wattpurse_tools.loads.options import ReadOptions, TableOptions, ValueOptions


def chosen(**options):
    """Return the ReadOptions with these choices, each in the part that has it."""
    parts = {}
    for name, part in (("table", TableOptions), ("meaning", ValueOptions)):
        known = {field.name for field in fields(part)}
        parts[name] = part(**{key: options.pop(key) for key in known & set(options)})
    return ReadOptions(**parts, **options)
