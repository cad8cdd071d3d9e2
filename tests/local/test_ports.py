"""A port is chosen once and kept; a stranger on it is named."""

import os
import socket

import pytest

from local.paths import Paths
from local.ports import HOST, Ports, PortTaken


def test_a_port_is_kept(paths: Paths) -> None:
    assert Ports(paths.ports).get("emulator") == Ports(paths.ports).get("emulator")


def test_names_get_different_ports(paths: Paths) -> None:
    ports = Ports(paths.ports)
    assert ports.get("emulator") != ports.get("image_processing")


def test_a_listening_stranger_is_named_with_the_way_on(paths: Paths) -> None:
    ports = Ports(paths.ports)
    with socket.socket() as stranger:
        stranger.bind((HOST, ports.get("emulator")))
        stranger.listen()
        with pytest.raises(PortTaken, match=f"process {os.getpid()}") as found:
            ports.require_free("emulator", "the emulator")
        assert "down --volumes" in found.value.fix
    assert ports.require_free("emulator", "the emulator") == ports.get("emulator")
