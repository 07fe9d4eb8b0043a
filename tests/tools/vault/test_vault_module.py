"""Vending keys in a hardware module, tried on SoftHSM2: the same tokens as with keys in software; no key comes out."""

import os
import subprocess

import pytest

from boards.host.chips.aes import aes
from tests.house.places import ROOT
from tests.tools.vault import vault_bench
from tests.tools.vault.vault_bench import METER, PASSPHRASE, PINS, VENDING_KEYS, money, open_vault, opened, ticket_of
from wattpurse.core.seals import keys
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.hsm import Module, ModulePlace
from wattpurse_tools.vault.key_sets import read_key_file
from wattpurse_tools.vault.sealed_document import Cost

LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
USER_PIN = "271828"
UID = bytes.fromhex("04a1b2c3d4e5f6")


@pytest.fixture(scope="module")
def token_place(tmp_path_factory):
    """Return the place of a new token. A process reads its configuration of SoftHSM2 once, so there is one for all."""
    folder = tmp_path_factory.mktemp("softhsm")
    need = [ROOT / "tools/toolchain/debian-packages", "softhsm2-util=softhsm2"]
    if subprocess.run(need, capture_output=True).returncode:
        pytest.skip("SoftHSM2 is not installed, and only root installs it")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "site", "--so-pin", "314159", "--pin", USER_PIN]
    subprocess.run(command, check=True, capture_output=True)
    library = next(one for one in LIBRARIES if os.path.exists(one))
    yield ModulePlace(library, "site", USER_PIN)
    del os.environ["SOFTHSM2_CONF"]


@pytest.fixture(scope="module")
def in_module(token_place, tmp_path_factory):
    """Return the folder of a vault whose vending keys were brought into the token."""
    folder = tmp_path_factory.mktemp("module") / "vault"
    people = setup.People([(setup.first_operator(), PINS[1])])
    source = setup.Source(read_key_file(vault_bench.key_file_document()))
    setup.create(folder, PASSPHRASE, people, source, token_place, Cost(n=1 << 10), 1 << 10)
    return folder


def test_a_vending_key_in_the_token_derives_as_the_same_key_in_software(token_place):
    module = Module(token_place)
    root = module.bring_in("same value", VENDING_KEYS[1])
    for words in (b"a", b"meter\x01\0\0\0", bytes(15), bytes(16), bytes(30), bytes(31)):
        assert root.diversify(words) == vault_bench.cmac_key(VENDING_KEYS[1], words)
    assert keys.meter_key(root.aes, root.handle, METER) == keys.meter_key(aes, VENDING_KEYS[1], METER)
    with pytest.raises(ValueError, match="not overwritten"):
        module.bring_in("same value", VENDING_KEYS[2])
    module.close()


def test_the_token_gives_no_key_out_and_decrypts_nothing(token_place):
    import pkcs11

    module = Module(token_place)
    root = module.make_key("new key")
    handle = root.handle.key
    with pytest.raises(pkcs11.AttributeSensitive):
        _ = handle[pkcs11.Attribute.VALUE]
    assert not hasattr(handle, "decrypt")
    with pytest.raises(ValueError, match="decrypts nothing"):
        root.aes(root.handle, 1).decrypt(bytes(16))
    assert not handle[pkcs11.Attribute.EXTRACTABLE]
    assert handle[pkcs11.Attribute.NEVER_EXTRACTABLE]
    module.close()


def test_a_key_that_the_token_would_give_out_is_no_vending_key(token_place):
    import pkcs11

    module = Module(token_place)
    module._session.generate_key(
        pkcs11.KeyType.AES, 128, label="open key", store=True, template={pkcs11.Attribute.EXTRACTABLE: True}
    )
    with pytest.raises(ValueError, match="would give the key"):
        module.key("open key")
    with pytest.raises(ValueError, match="has 0 keys"):
        module.key("no such key")
    module.close()


def test_a_vault_with_a_module_makes_the_same_as_one_without(in_module, tmp_path):
    vault_bench.make(tmp_path / "plain")
    with open_vault(tmp_path / "plain") as plain, open_vault(in_module) as vault:
        assert vault.status()["module"] == "site"
        assert vault.fingerprint() == plain.fingerprint()
        ticket, other = ticket_of(vault), ticket_of(plain)
        sealed = vault.issue(ticket, METER, 2, [money(5)], 0, "sale")
        assert sealed == plain.issue(other, METER, 2, [money(5)], 0, "sale")
        assert opened(sealed[0].sealed, version=2).fields() == (5,)
        assert vault.vending_point(ticket, 2, [METER]) == plain.vending_point(other, 2, [METER])
        owner = vault.operators()[0]
        for one, session in ((vault, ticket), (plain, other)):
            one.set_operator(session, vault_bench.Operator(1, owner.name, owner.rights, uid=UID))
        made = vault.seal_operator_pass(ticket, UID, 1, 1_900_000_000)
        assert made == plain.seal_operator_pass(other, UID, 1, 1_900_000_000)
        assert vault.open_operator_pass(UID, made) == (1, 1_900_000_000)


def test_a_rolled_key_is_made_in_the_token_and_found_after_a_restart(in_module):
    with open_vault(in_module) as vault:
        version = vault.roll(ticket_of(vault))
        made = vault.meter_keys(ticket_of(vault), METER + 1, version, version)
    with open_vault(in_module) as again:
        assert again.meter_keys(ticket_of(again), METER + 1, version, version) == made
        document = again._ring.document()
    assert all("vending_key" not in one and "module_key" in one for one in document["keys"])


def test_a_wrong_pin_or_library_of_the_module_is_named(token_place, tmp_path):
    for place in (
        ModulePlace(token_place.library, "site", "000000"),
        ModulePlace(token_place.library, "other", USER_PIN),
        ModulePlace(str(tmp_path / "nothing.so"), "site", USER_PIN),
    ):
        with pytest.raises(ValueError, match="cannot be used"):
            Module(place)
