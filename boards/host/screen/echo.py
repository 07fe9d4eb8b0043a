"""The echo of a typed line, as the console of a real board gives it: PINs and keys are not readable in it."""

from wattpurse.services.console.line import LineEditor


def echo_of(line: str) -> str:
    """Return `line` as the meter's own line editor shows it."""
    data = line.encode()
    editor = LineEditor(len(data))
    return "".join([editor.put(byte) for byte in data])
