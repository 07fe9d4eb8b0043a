"""The address of a broker: the errors of a wrong address and of a silent broker name the remedy."""

from pathlib import Path

import pytest

from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.meter_link.broker import Access, Broker


@pytest.mark.parametrize(
    ("address", "ca", "expected"),
    [
        ("broker", None, ("broker", 1883)),
        ("broker", Path("ca.pem"), ("broker", 8883)),
        ("127.0.0.1:7", None, ("127.0.0.1", 7)),
    ],
)
def test_an_address_has_a_host_and_a_port(address, ca, expected):
    access = Access(address, ca=ca)
    assert (access.host, access.port) == expected


@pytest.mark.parametrize("address", ["127.0.0.1:abc", "127.0.0.1:0", "127.0.0.1:65536", ":1883", "", "mqtt://broker"])
@pytest.mark.parametrize("link", [Broker, lambda access: BrokerLink(access, "worker", ()).__enter__()])
def test_an_address_that_is_none_is_refused(address, link):
    with pytest.raises(ValueError, match=r"is no HOST\[:PORT\]; write one such as 127.0.0.1:1883"):
        link(Access(address))


@pytest.mark.parametrize("link", [Broker, lambda access: BrokerLink(access, "worker", ()).__enter__()])
def test_a_broker_that_does_not_answer_is_named(link):
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(OSError, match=rf"the broker {address} cannot be reached \(Connection refused\); start it"):
        link(Access(address))
    with pytest.raises(OSError, match=r"the broker nohost.invalid cannot be reached"):
        link(Access("nohost.invalid"))


def test_the_authority_is_a_file(tmp_path):
    with pytest.raises(ValueError, match="there is no such file; name the certificate of the authority with --ca"):
        Broker(Access("127.0.0.1", ca=tmp_path / "none.pem"))
