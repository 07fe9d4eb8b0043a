"""An authority and certificates of brokers on this computer: for measurements and tests of the link with TLS."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Authority:
    """An authority with an EC key, which signs certificates of brokers. Its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        self.certificate = self._sign(self._name, self._key, x509.BasicConstraints(True, None), -1, 30)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def line(self) -> str:
        """Return the console's line with this authority, in a file: see `boards/host/at_broker.py`."""
        der = self.certificate.public_bytes(Encoding.DER)
        (self._folder / "line").write_text(f"mqtt ca {der.hex()}")
        return f"@{self._folder}/line"

    def settings(self, host: str, first_day: int = -1, last_day: int = 30) -> tuple[str, ...]:
        """Return mosquitto's settings for a certificate of `host`. It holds between two days from today."""
        files = self.issue(host, first_day, last_day)
        names = "cafile", "certfile", "keyfile"
        return ("allow_anonymous true", *(f"{name} {file}" for name, file in zip(names, files, strict=True)))

    def issue(self, host: str, first_day: int = -1, last_day: int = 30) -> tuple[Path, Path, Path]:
        """Make a certificate of `host`. Return the files of the authority, of the certificate and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._sign(name, key, names, first_day, last_day)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files = self.file, self._folder / "broker.pem", self._folder / "broker.key"
        files[1].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[2].write_bytes(private)
        return files

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        first_day: int,
        last_day: int,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, True)
        builder = builder.not_valid_before(now + datetime.timedelta(first_day))
        return builder.not_valid_after(now + datetime.timedelta(last_day)).sign(self._key, hashes.SHA256())
