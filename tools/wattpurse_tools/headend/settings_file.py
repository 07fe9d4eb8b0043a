"""The settings of the head-end's senders: the file `headend.toml` in the folder of the office.

It has a section for each channel in use. A wrong setting is refused with its section, its name and the remedy. The
password of the mail server and the secret of the web hook are in files of their own, which only their owner reads.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from wattpurse_tools import private_files
from wattpurse_tools.headend import outbox, smtp, web_hook
from wattpurse_tools.headend.delivery import Transport
from wattpurse_tools.headend.sms_gammu import Folders, Sms
from wattpurse_tools.headend.smtp import Mail, MailServer
from wattpurse_tools.headend.web_hook import HookRules, WebHook
from wattpurse_tools.record.office_folder import OfficeFolder

_PORTS = range(1, 65_536)
_TIMEOUTS_S = range(1, 61)
_COUNTRY_CODE = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class Settings:
    """The channels that the file sets up. One that it does not name is None."""

    mail: Mail | None = None
    sms: Sms | None = None
    hook: WebHook | None = None


class Section:
    """A section of the file. Each setting is taken once; `end` refuses those that nobody took."""

    def __init__(self, file: Path, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{file}: {name}: is no section; write [{name}]")
        self._file = file
        self._name = name
        self._values = dict(values)

    def text(self, name: str, default: str | None = None) -> str:
        """Take a text. Without a default it is needed."""
        value = self._values.pop(name, default)
        if value is None:
            raise self.wrong(name, "is missing; write one")
        if not isinstance(value, str) or not value.isprintable():
            raise self.wrong(name, 'is no text of one line; write it in quotes, such as "mail.example.org"')
        return value

    def number(self, name: str, default: int, limits: range) -> int:
        """Take a whole number within limits."""
        value = self._values.pop(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value not in limits:
            raise self.wrong(name, f"write a whole number from {limits.start} to {limits.stop - 1}")
        return value

    def one_of(self, name: str, default: str, words: tuple[str, ...]) -> str:
        """Take one of the words."""
        value = self.text(name, default)
        if value not in words:
            raise self.wrong(name, f"is {value!r}; write one of {', '.join(words)}")
        return value

    def texts(self, name: str) -> list[str]:
        """Take a list of texts, empty by default."""
        value = self._values.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, 'write a list of texts, such as ["10.0.0.0/8"]')
        return value

    def address(self, name: str, default: str | None = None) -> str:
        """Take a mail address, which may have a name in front."""
        value = self.text(name, default)
        mailbox, _, domain = parseaddr(value)[1].rpartition("@")
        if value and not (mailbox and domain and value.isascii()):
            raise self.wrong(name, 'write an address such as "Shop <shop@example.org>"')
        return value

    def path(self, name: str, default: str | None = None) -> Path | None:
        """Take the name of a file or a folder. A relative one is in the folder of the office."""
        value = self.text(name, default)
        return self._file.parent / value if value else None

    def secret(self, name: str) -> str:
        """Take the name of a file and return the secret in it, or "" without the setting."""
        path = self.path(name, "")
        if path is None:
            return ""
        try:
            secret = private_files.read(path).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self.wrong(name, f"{path} cannot be read: {error}") from None
        if not secret:
            raise self.wrong(name, f"{path} is empty; write the secret into it")
        return secret

    def end(self) -> None:
        """Refuse the settings that nobody took."""
        for name in self._values:
            raise self.wrong(name, "is no setting of this section; see docs/headend-notify.md")

    def wrong(self, name: str, remedy: str) -> ValueError:
        """Return the refusal of a setting."""
        return ValueError(f"{self._file}: [{self._name}] {name}: {remedy}")


def read(folder: OfficeFolder) -> Settings:
    """Return the settings of an office. Without the file no channel is set up. Raise ValueError for a wrong one."""
    file = folder.headend_settings
    try:
        document = tomllib.loads(private_files.read(file).decode())
    except FileNotFoundError:
        return Settings()
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{file}: is no TOML: {error}") from None
    return _settings(file, document)


def transports(settings: Settings) -> dict[str, Transport]:
    """Return the transports of the channels that are set up."""
    found: dict[str, Transport | None] = {
        outbox.MAIL: settings.mail,
        outbox.SMS: settings.sms,
        outbox.HOOK: settings.hook,
    }
    return {channel: transport for channel, transport in found.items() if transport is not None}


def _settings(file: Path, document: Mapping[str, object]) -> Settings:
    found = {}
    for name, values in document.items():
        if name not in _SECTIONS:
            raise ValueError(f"{file}: {name}: is unknown; the sections are {', '.join(_SECTIONS)}")
        section = Section(file, name, values)
        found[name] = _SECTIONS[name](section)
        section.end()
    return Settings(**found)


def _mail(section: Section) -> Mail:
    security = section.one_of("security", smtp.STARTTLS, (smtp.STARTTLS, smtp.TLS, smtp.NO_TLS))
    user = section.text("user", "")
    ca_file = section.path("ca_file", "")
    if ca_file is not None and not ca_file.is_file():
        raise section.wrong("ca_file", f"{ca_file} is no file")
    server = MailServer(
        host=section.text("host"),
        port=section.number("port", 465 if security == smtp.TLS else 587, _PORTS),
        security=security,
        user=user,
        password=section.secret("password_file"),
        ca_file=str(ca_file or ""),
        timeout_s=section.number("timeout_s", 30, _TIMEOUTS_S),
    )
    if bool(user) != bool(server.password):
        raise section.wrong("user", "write both user and password_file, or none of them")
    if user and security == smtp.NO_TLS:
        raise section.wrong("security", "a password is never sent without TLS; write starttls or tls")
    return Mail(server, section.address("sender"), section.address("reply_to", ""))


def _sms(section: Section) -> Sms:
    folders = Folders(*(_folder(section, name) for name in ("outbox", "sent", "errors", "inbox", "taken")))
    country_code = section.text("country_code", "")
    if country_code and not _COUNTRY_CODE.fullmatch(country_code):
        raise section.wrong("country_code", 'write its digits without a sign in front, such as "254"')
    return Sms(folders, country_code)


def _folder(section: Section, name: str) -> Path:
    path = section.path(name)
    if path is None or not path.is_dir():
        raise section.wrong(name, f"{path} is no folder; make it, and let gammu-smsd write to it")
    return path


def _hook(section: Section) -> WebHook:
    try:
        secret = web_hook.secret_of(section.secret("secret_file"))
    except ValueError as error:
        raise section.wrong("secret_file", str(error)) from None
    try:
        permitted = tuple(ipaddress.ip_network(one) for one in section.texts("permitted_networks"))
    except ValueError as error:
        raise section.wrong("permitted_networks", f'{error}; write a list such as ["10.0.0.0/8"]') from None
    rules = HookRules(permitted, str(section.path("ca_file", "") or ""), section.number("timeout_s", 15, _TIMEOUTS_S))
    return WebHook(secret, rules)


_SECTIONS = {"mail": _mail, "sms": _sms, "hook": _hook}
