#!/usr/bin/python3
"""The service starts when somebody calls, whichever way."""

import re

from harness import tap
from harness.host import SERVICE, SOCKET


def _all_off(m):
    m.run("systemctl", "stop", "waggle.target", SOCKET, SERVICE)
    m.run("systemctl", "reset-failed", check=False)


def test_enable(m):
    """enabling waggle.target opens the socket and starts no service"""
    m.run("systemctl", "enable", "--now", "waggle.target")
    m.wait_state(SOCKET, "active")
    assert m.show(SERVICE, "ActiveState") == "inactive"
    assert m.out("stat", "-c", "%a %U", "/run/waggle/messaging", "/run/waggle") == "666 root\n755 root"


def test_first_use(m):
    """the first connection to the socket starts the service and is answered"""
    assert m.show(SERVICE, "ActiveState") == "inactive"
    assert m.call("Ping", user="alice") == []
    assert m.show(SERVICE, "ActiveState") == "active"
    assert m.show(SERVICE, "User") == "_waggle-messaged"


def test_ready_means_ready(m):
    """once the unit is active the bus name answers and STATUS= tells what is there"""
    assert m.call("Ping", door="bus", user="alice") == []
    assert m.show(SERVICE, "StatusText") != ""
    m.register("status", user="alice")
    m.send("status", "hello", user="bob")
    told = re.compile(r"[1-9]\d* agents?, [1-9]\d* messages? queued, \d+ dead letters?")
    m.wait("STATUS= with its figures", lambda: told.fullmatch(m.show(SERVICE, "StatusText")))


def test_state_directory(m):
    """the state belongs to the service alone, and nothing is written elsewhere"""
    assert m.out("stat", "-c", "%a %U", "/var/lib/waggle/messaged") == "700 _waggle-messaged"
    m.register("alpha", user="alice")
    m.send("alpha", "hello", user="bob")
    found = m.out("find", "/", "-xdev", "-user", "_waggle-messaged", "-not", "-path", "/proc/*",
                  "-not", "-path", "/var/lib/waggle/messaged*", "-not", "-path", "/tmp/*", "-not", "-path", "/var/tmp/*")  # fmt: skip
    assert found == "", found


def test_stop_target(m):
    """stopping waggle.target stops it all and takes the socket away"""
    m.run("systemctl", "stop", "waggle.target")
    m.wait_state(SERVICE, "inactive")
    m.wait_state(SOCKET, "inactive")
    assert m.run("test", "-e", "/run/waggle/messaging", check=False).returncode != 0


def test_bus_activation(m):
    """a call on the bus starts a service that nobody has enabled, with its socket"""
    m.run("systemctl", "disable", "waggle.target")
    _all_off(m)
    reply = m.out("busctl", "call", "org.waggle.Messaging1", "/org/waggle/Messaging1", "org.waggle.Messaging1", "Ping", user="bob")
    assert reply == "", reply
    assert m.show(SERVICE, "ActiveState") == "active"
    assert m.call("Ping", door="socket", user="bob") == []


def test_masked(m):
    """what an administrator has masked stays off"""
    _all_off(m)
    m.run("systemctl", "mask", "--runtime", SERVICE)
    m.refused(("ServiceUnknown", "org.freedesktop.systemd1.UnitMasked"), "Ping", door="bus", user="bob")
    m.run("systemctl", "unmask", "--runtime", SERVICE)


def test_client_finds_it(m):
    """the command line finds the system's socket by itself"""
    _all_off(m)
    m.run("systemctl", "start", "waggle.target")
    text = m.out("waggle", "--no-pager", "status", user="alice")
    assert "/run/waggle/messaging" in text, text
    assert m.show(SERVICE, "ActiveState") == "active"


if __name__ == "__main__":
    tap.main(globals())
