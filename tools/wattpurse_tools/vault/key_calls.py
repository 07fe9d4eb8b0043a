"""The calls by which keys are made, or leave the vault."""

from collections.abc import Sequence

from boards.host.chips.aes import aes
from wattpurse.core.messages import release as releases
from wattpurse.core.money.token_windows import ISSUERS, OFFICE
from wattpurse.core.seals import keys
from wattpurse_tools.vault import actions
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import approval_of, meter_of
from wattpurse_tools.vault.hsm import module_label
from wattpurse_tools.vault.interface import KEYS, Refused
from wattpurse_tools.vault.key_sets import KEY_VERSION_LIMIT, OfficeKeys, new_keys

VENDING_POINT_METERS = 5_000


class KeyCalls(VaultBase):
    """New keys, and keys for meters and vending points."""

    def meter_keys(
        self, ticket: str, meter_number: int, key_version: int, site_version: int, approval: str | None = None
    ) -> tuple[bytes, bytes]:
        """Return meter key and site key to commission a meter."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            key_of_meter = self._ring.of(key_version).meter_key(meter_of(meter_number))
            site_key = self._ring.of(site_version).site_key
            document = {"meter": meter_number, "key_version": key_version, "site_version": site_version}
            in_service = self._counters.count(meter_number) > 0
            why = "the meter has tokens already, and its key would make more of them" if in_service else ""
            used = self._second_person(acting, actions.METER_KEYS, document, approval, why)
            self._use_up(used)
            self._note(acting.number, actions.METER_KEYS, document | approval_of(used))
            return key_of_meter, site_key

    def event_keys(self, ticket: str, meter_number: int) -> list[bytes]:
        """Return the keys that check the event log of a meter, the newest version first."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            found = [keys.event_key(aes, one.meter_key(meter_of(meter_number))) for one in self._ring.newest_first]
            self._note(acting.number, "event keys", {"meter": meter_number})
            return found

    def release(
        self, ticket: str, former: int, former_version: int, number: int, key_version: int, site_version: int
    ) -> bytes:
        """Return the release of meter `former`, which takes `number` and its keys."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            former_key = self._ring.of(former_version).meter_key(meter_of(former))
            new_key = self._ring.of(key_version).meter_key(meter_of(number))
            site_key = self._ring.of(site_version).site_key
            self._note(acting.number, "release", {"meter": former, "number": number, "key_version": key_version})
            return releases.make_release(aes, former_key, number, new_key, site_key)

    def roll(self, ticket: str, approval: str | None = None) -> int:
        """Make the next key version and return its number.

        It is higher than every version ever made here, even one whose keys are lost.
        """
        with self._work:
            acting = self._acting(ticket, KEYS)
            self._ring.of_office()
            made = max([*self._ring.versions, *self._counters.versions()]) + 1
            if made > KEY_VERSION_LIMIT:
                raise Refused(f"version {KEY_VERSION_LIMIT} is the last possible one")
            used = self._second_person(acting, actions.ROLL, {"key_version": made}, approval, "new keys are made")
            self._use_up(used)
            ring = self._ring.with_next(self._new_keys(made))
            details = {"key_version": made, "fingerprint": ring.fingerprints()[made]}
            self._note(acting.number, actions.ROLL, details | approval_of(used))
            self._save(ring=ring)
            return made

    def vending_point(self, ticket: str, issuer: int, meters: Sequence[int], approval: str | None = None) -> dict:
        """Return the key document of a vending point."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            if not OFFICE < issuer < ISSUERS:
                raise Refused(f"a vending point is an issuer from 1 to {ISSUERS - 1}")
            if not 1 <= len(meters) <= VENDING_POINT_METERS or len(set(meters)) != len(meters):
                raise Refused(f"a vending point sells to 1 to {VENDING_POINT_METERS} meters, each named once")
            numbers = [meter_of(number) for number in meters]
            self._ring.of_office()
            document = {"issuer": issuer, "meters": numbers}
            used = self._second_person(acting, actions.VENDING_POINT, document, approval, "keys leave the vault")
            self._use_up(used)
            self._note(acting.number, actions.VENDING_POINT, document | approval_of(used))
            return self._ring.vending_point(issuer, numbers)

    def _new_keys(self, key_version: int) -> OfficeKeys:
        new = new_keys(key_version)
        if self._store.module is None:
            return new
        label = module_label(key_version)
        return OfficeKeys(key_version, self._store.module.make_key(label), new.site_key)
