"""The troubles of a PC/SC reader, in words that name the remedy. Codes are those of pcsclite.h."""

from pathlib import Path

NOT_RESPONDING = 0x80100066
UNPOWERED = 0x80100067
RESET = 0x80100068
REMOVED = 0x80100069
DENIED = 0x8010006A
UNKNOWN_READER = 0x80100009
TIMEOUT = 0x8010000A
SHARING = 0x8010000B
NO_CARD = 0x8010000C
PROTOCOL = 0x8010000F
NOT_TRANSACTED = 0x80100016
UNPLUGGED = 0x80100017
NO_SERVICE = 0x8010001D
SERVICE_STOPPED = 0x8010001E
NO_ACCESS = 0x80100027
NO_READERS = 0x8010002E
COMM_ERROR = 0x8010002F

# The card is gone, or the reader has lost its link to it: the card has to be found again.
CARD_GONE = (NOT_RESPONDING, UNPOWERED, RESET, REMOVED, NO_CARD, NOT_TRANSACTED, PROTOCOL, COMM_ERROR)

_MODULES = Path("/proc/modules")
_THIEVES = ("pn533_usb", "pn533", "port100")

_NO_READER = "no card reader is connected; plug it in and look with: wattpurse reader list"
_WORDS = {
    NO_SERVICE: "the PC/SC service does not run; install it with: sudo apt-get install pcscd; start it with: sudo"
    " systemctl start pcscd.socket",
    DENIED: "polkit refuses this user the reader; allow it with a rule for org.debian.pcsc-lite.access_pcsc and"
    " org.debian.pcsc-lite.access_card: see docs/readers.md",
    SHARING: "another program holds the reader; end it (often gpg's scdaemon: gpgconf --kill scdaemon) and try again",
    NO_READERS: _NO_READER,
    UNKNOWN_READER: "the reader is not connected any more; plug it in and look with: wattpurse reader list",
    UNPLUGGED: "the reader was unplugged; plug it in and try again",
    NO_CARD: "no card lies on the reader; lay one on it",
}
_SAME = {
    SERVICE_STOPPED: NO_SERVICE,
    NO_ACCESS: DENIED,
    REMOVED: NO_CARD,
    UNPOWERED: NO_CARD,
    NOT_RESPONDING: NO_CARD,
}
PYSCARD_MISSING = (
    "PC/SC readers need pyscard; install it with: sudo apt-get install gcc swig libpcsclite-dev python3-dev;"
    " pip install 'wattpurse[readers]'"
)
SILENT_READER = "the reader does not answer; unplug it, plug it in and try again"


class ReaderTrouble(OSError):
    """A reader cannot be used. The text names the remedy. `code` is that of PC/SC, or 0."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.code = code


def trouble_of(code: int) -> ReaderTrouble:
    """Return the trouble behind a code of PC/SC."""
    code &= 0xFFFFFFFF
    code = _SAME.get(code, code)
    if code == NO_READERS:
        return ReaderTrouble(module_words() or _NO_READER, code)
    return ReaderTrouble(_WORDS.get(code) or f"the reader fails with code {code:#010x}; unplug it and plug it in", code)


def module_words(modules: Path = _MODULES) -> str:
    """Return the words about a kernel module that takes a reader away from pcscd, or an empty text."""
    try:
        loaded = {
            line.split()[0] for line in modules.read_text(encoding="ascii", errors="replace").splitlines() if line
        }
    except OSError:
        return ""
    for module in _THIEVES:
        if module in loaded:
            return (
                f"the kernel module {module} has taken the reader; free it with: sudo modprobe -r {module}; keep it"
                f" free with: echo 'blacklist {module}' | sudo tee /etc/modprobe.d/{module}.conf; then plug the reader"
                " in again"
            )
    return ""
