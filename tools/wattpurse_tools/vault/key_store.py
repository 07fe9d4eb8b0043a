"""The sealed key file of a vault: keys, policy and generation, in one document under the passphrase.

    {"format": 1, "generation": 7, "issuer": 0, "keys": [...], "module": null or its place, "policy": {...},
        "log_key": 64 hex digits}

The generation rises with each writing.
"""

from typing import Self

from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.hsm import Module, ModulePlace
from wattpurse_tools.vault.key_sets import KeyRing, RootKey, read_keys, without_keys
from wattpurse_tools.vault.policy import Policy, read_policy
from wattpurse_tools.vault.sealed_document import Sealer

NAME = "keys"
FORMAT = 1


class KeyStore:
    """The key file in a folder: its key `ring`, `policy`, `generation`, `module` of vending keys, `log_key`."""

    def __init__(
        self,
        folder: Folder,
        sealer: Sealer,
        ring: KeyRing,
        policy: Policy,
        generation: int,
        module: Module | None,
        log_key: bytes,
    ) -> None:
        self._folder = folder
        self._sealer = sealer
        self.ring = ring
        self.policy = policy
        self.generation = generation
        self.module = module
        self.log_key = log_key

    @classmethod
    def open(cls, folder: Folder, passphrase: str) -> Self:
        """Read the file. Raise ValueError, with the remedy, if it is missing or broken or the passphrase is wrong."""
        path = folder.path / NAME
        if not folder.has(NAME):
            raise ValueError(f"{path}: there is no vault here; make one with: wattpurse vault init")
        try:
            sealer, document = Sealer.open(folder.read(NAME), passphrase)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        form = document.get("format")
        if form != FORMAT:
            raise ValueError(f"{path}: is of format {form}, and this program knows {FORMAT}: use a newer program")
        place = document["module"]
        module = None if place is None else Module(ModulePlace(**place))

        def find(label: str) -> RootKey:
            if module is None:
                raise ValueError(f"the key {label} is in a module, and this file names none")
            return module.key(label)

        try:
            ring = read_keys({"issuer": document["issuer"], "keys": document["keys"]}, find)
        except ValueError as error:
            raise ValueError(f"{path}: {without_keys(error)}") from None
        policy, log_key = read_policy(document["policy"]), bytes.fromhex(document["log_key"])
        return cls(folder, sealer, ring, policy, document["generation"], module, log_key)

    def save(self, ring: KeyRing | None = None, policy: Policy | None = None) -> None:
        """Write the file with other keys or another policy. It is on the disk when this returns."""
        ring = self.ring if ring is None else ring
        policy = self.policy if policy is None else policy
        self._folder.replace(NAME, self._sealer.seal(self._document(ring, policy, self.generation + 1)))
        self.ring, self.policy, self.generation = ring, policy, self.generation + 1

    def change_passphrase(self, sealer: Sealer) -> None:
        """Write the file under another passphrase."""
        self._folder.replace(NAME, sealer.seal(self._document(self.ring, self.policy, self.generation)))
        self._sealer = sealer

    def close(self) -> None:
        """Sign off from the module."""
        if self.module is not None:
            self.module.close()

    def _document(self, ring: KeyRing, policy: Policy, generation: int) -> dict:
        return {
            "format": FORMAT,
            "generation": generation,
            **ring.document(),
            "module": None if self.module is None else self.module.place.document(),
            "policy": policy.document(),
            "log_key": self.log_key.hex(),
        }
