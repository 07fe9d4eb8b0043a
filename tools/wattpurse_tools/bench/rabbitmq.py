"""A cluster of RabbitMQ nodes on this computer with the MQTT plug-in, for tests: Debian's rabbitmq-server.

Each node has its own name, ports and folder, and the cluster has a cookie and a port mapper of its own: it does not see
another RabbitMQ of this computer. A node joins the nodes that its settings name: those that were started before it.
Subscriptions of lasting MQTT sessions are quorum queues (`mqtt.durable_queue_type`), so they outlive a node.
Each node listens without TLS and with it. The nodes share a certificate of the cluster's own authority.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from wattpurse_tools.bench.certificates import Authority
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.places import ROOT

USER = "wattpurse"
START_S = 480.0
STOP_S = 60.0

_PACKAGES = ROOT / "tools/toolchain/debian-packages"
_PROGRAMS = Path("/usr/lib/rabbitmq/bin")
_HOST = "localhost"
_LOOPBACK = "127.0.0.1"
_PLUGINS = "[rabbitmq_mqtt].\n"
# Small schedulers and carriers: three nodes share a computer.
_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"


@dataclass(frozen=True)
class Ports:
    """The ports of a node: MQTT and AMQP without and with TLS, and the one for the other nodes."""

    mqtt: int
    mqtts: int
    amqp: int
    amqps: int
    nodes: int


class Node:
    """A node with its files in `folder`, in the `environment` of its cluster."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.ports = Ports(*(free_port() for _ in range(5)))
        self._folder = folder
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def mqtt_address(self) -> str:
        """The address for meters."""
        return f"{_LOOPBACK}:{self.ports.mqtt}"

    @property
    def amqp_address(self) -> str:
        """The address for workers."""
        return f"{_LOOPBACK}:{self.ports.amqp}"

    @property
    def mqtts_address(self) -> str:
        """The address for meters with TLS, by the name in the certificate."""
        return f"{_HOST}:{self.ports.mqtts}"

    @property
    def amqps_address(self) -> str:
        """The address for workers with TLS, by the name in the certificate."""
        return f"{_HOST}:{self.ports.amqps}"

    @property
    def log(self) -> str:
        """Everything that the node has reported."""
        file = self._folder / "output"
        return file.read_text(errors="replace") if file.exists() else ""

    def write_settings(self, names: list[str], password: str, tls: tuple[Path, Path, Path]) -> None:
        """Write the settings, with the names of the nodes to join.

        `tls` are the files of the authority, of the certificate and of its key.
        """
        self._folder.mkdir()
        ca, certificate, key = tls
        lines = [
            f"listeners.tcp.default = {self.amqp_address}",
            f"mqtt.listeners.tcp.default = {self.mqtt_address}",
            f"listeners.ssl.default = {_LOOPBACK}:{self.ports.amqps}",
            f"mqtt.listeners.ssl.default = {_LOOPBACK}:{self.ports.mqtts}",
            f"ssl_options.cacertfile = {ca}",
            f"ssl_options.certfile = {certificate}",
            f"ssl_options.keyfile = {key}",
            "ssl_options.verify = verify_none",  # clients have passwords, and no certificates
            "ssl_options.fail_if_no_peer_cert = false",
            "mqtt.allow_anonymous = false",
            "mqtt.durable_queue_type = quorum",
            "mqtt.vhost = /",
            "mqtt.exchange = amq.topic",
            f"default_user = {USER}",
            f"default_pass = {password}",
            "cluster_formation.peer_discovery_backend = classic_config",
            *(f"cluster_formation.classic_config.nodes.{place} = {name}" for place, name in enumerate(names, 1)),
            # A part of the cluster without a majority stops: it must not take messages that the others never see.
            "cluster_partition_handling = pause_minority",
            "vm_memory_high_watermark.absolute = 512MB",
            "disk_free_limit.absolute = 100MB",
            "log.console = true",
            "log.console.level = warning",
            "log.default.level = warning",
        ]
        (self._folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self._folder / "advanced.config").write_text("[].\n")
        (self._folder / "enabled_plugins").write_text(_PLUGINS)

    def start(self) -> None:
        """Start the node."""
        with (self._folder / "output").open("ab") as log:
            self._process = subprocess.Popen(
                [_PROGRAMS / "rabbitmq-server"],
                env=self._environment | self._own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_started(self, limit_s: float = START_S) -> None:
        """Wait until the node takes meters and workers. Raise OSError with its words if it ends or does not start."""
        until = time.monotonic() + limit_s
        while not self._is_listening():
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                raise OSError(f"the node {self.name} does not start: {self.log[-1500:]}")
            time.sleep(0.2)

    def _is_listening(self) -> bool:
        try:
            for port in (self.ports.amqp, self.ports.amqps, self.ports.mqtt, self.ports.mqtts):
                socket.create_connection((_LOOPBACK, port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill the node and its helpers without a word."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End the node. It is killed if that takes long."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        self._signal(signal.SIGKILL)

    def control(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `rabbitmqctl` for this node."""
        command = [_PROGRAMS / "rabbitmqctl", "--node", self.name, *words]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=STOP_S)

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait(STOP_S)
        self._process = None

    def _own_environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.ports.nodes),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }


class Cluster:
    """`count` nodes with their files in `folder`, for a `with` block."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        subprocess.run([_PACKAGES, "rabbitmq-server"], check=True)
        self.password = secrets.token_urlsafe(12)
        folder.mkdir(exist_ok=True)
        tls = Authority(folder).issue(_HOST)
        self.ca = tls[0]
        self._environment = self._common_environment(folder)
        tag = secrets.token_hex(3)
        self.nodes = [
            Node(f"wattpurse-{tag}-{place}@{_HOST}", folder / f"node-{place}", self._environment)
            for place in range(1, count + 1)
        ]
        for place, node in enumerate(self.nodes):
            node.write_settings([one.name for one in self.nodes[:place]], self.password, tls)

    def __enter__(self) -> "Cluster":
        try:
            for node in self.nodes:
                node.start()
                node.await_started()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all nodes and the port mapper."""
        for node in self.nodes:
            node.kill()
        subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, timeout=STOP_S)

    @staticmethod
    def _common_environment(folder: Path) -> dict[str, str]:
        home = folder / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        path = os.pathsep.join([os.environ.get("PATH", ""), str(_PROGRAMS)])
        return {
            "PATH": path,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": _LOOPBACK,
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }
