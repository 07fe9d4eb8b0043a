"""The post of a rehearsal: the telephones and the mail of all customers, and the office's settings for both."""

from pathlib import Path

from wattpurse_tools import private_files
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.rehearsal.mailbox import Mailbox
from wattpurse_tools.rehearsal.telephones import Telephones


class Post:
    """The post, with the folders of texts in `folder`. Call `close` at the end."""

    def __init__(self, folder: Path) -> None:
        self.telephones = Telephones(folder)
        self.mailbox = Mailbox()
        self.mailbox.start()

    def set_up(self, office: OfficeFolder) -> None:
        """Let the sender of an office use both."""
        mail = ["[mail]", 'host = "127.0.0.1"', f"port = {self.mailbox.port}", 'security = "none"']
        lines = [*mail, 'sender = "Office <office@example.org>"', "[sms]", *self.telephones.settings(), ""]
        private_files.create(office.headend_settings, "\n".join(lines).encode())

    def close(self) -> None:
        """End the mail server."""
        self.mailbox.close()
