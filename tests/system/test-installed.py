#!/usr/bin/python3
"""What the package puts on a machine, before anybody has asked for anything."""

import re

from harness import tap
from harness.host import SERVICE, SOCKET

EXPOSURE = 1.5


def test_nothing_enabled(m):
    """the installation enables and starts nothing, in neither scope"""
    for unit in ("waggle.target", SOCKET):
        for scope in ("--system", "--global"):
            state = m.run("systemctl", scope, "is-enabled", unit, check=False).stdout.strip()
            assert state == "disabled", f"{unit} {scope}: {state}"
        assert m.show(unit, "ActiveState") == "inactive", unit
    assert m.show(SERVICE, "ActiveState") == "inactive"
    assert m.run("test", "-e", "/run/waggle/messaging", check=False).returncode != 0


def test_presets(m):
    """`systemctl preset-all` leaves it that way"""
    m.run("systemctl", "preset", "waggle.target", SOCKET, SERVICE)
    assert m.run("systemctl", "is-enabled", SOCKET, check=False).stdout.strip() == "disabled"


def test_user(m):
    """the service's user is a locked system user without home or shell, the group is there"""
    name, _, uid, _, _, home, shell = m.out("getent", "passwd", "_waggle-messaged").split(":")
    assert 0 < int(uid) < 1000, uid
    assert home == "/" and shell.endswith("nologin"), (home, shell)
    assert m.out("getent", "shadow", name).split(":")[1].startswith("!")
    assert m.out("getent", "group", "waggle-admin").endswith(":"), "the group has members"


def test_verify_system(m):
    """systemd-analyze verify has nothing to say about the system units"""
    done = m.run("systemd-analyze", "verify", "--man=no", SERVICE, SOCKET, "waggle.target")
    assert done.stdout + done.stderr == "", done.stdout + done.stderr


def test_verify_user(m):
    """systemd-analyze verify has nothing to say about the user units"""
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    done = m.run("systemd-analyze", "--user", "verify", "--man=no", SERVICE, SOCKET, "waggle.target", user="alice")
    assert done.stdout + done.stderr == "", done.stdout + done.stderr


def test_security(m):
    """the sandbox leaves an exposure of 1.5 or less"""
    report = m.out("systemd-analyze", "security", "--no-pager", SERVICE)
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report).group(1))
    print(f"# exposure {level}")
    assert level <= EXPOSURE, report


def test_bus_policy(m):
    """nobody but the service's user may own the name, not even root"""
    for user in (None, "alice"):
        done = m.run(
            "busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            "RequestName", "su", "org.waggle.Messaging1", "4", user=user, check=False,
        )  # fmt: skip
        assert done.returncode != 0 and "Access denied" in done.stderr, done


def test_activatable(m):
    """both buses know how to start the service"""
    m.wait_state("user@2001.service", "active")
    for scope, user in (("--system", None), ("--user", "alice")):
        listed = m.out("busctl", scope, "list", "--activatable", "--no-pager", user=user)
        assert "org.waggle.Messaging1" in listed, listed


def test_polkit_actions(m):
    """polkit knows the five actions, and who may ask about them"""
    if m.run("test", "-x", "/usr/bin/pkaction", check=False).returncode != 0:
        raise tap.Skip("there is no pkaction")
    for action in ("manage-agents", "read-mail", "manage-messages", "manage-service", "import"):
        text = m.out("pkaction", "--verbose", "--action-id", "org.waggle.messaging." + action)
        assert re.search(r"implicit any:\s+auth_admin\n", text), text
        assert re.search(r"implicit active:\s+auth_admin_keep\n", text), text
        assert "unix-user:_waggle-messaged" in text, text


def test_catalog(m):
    """the journal's catalog has the texts"""
    listed = m.out("journalctl", "--no-pager", "--list-catalog")
    assert listed.count(" Waggle: ") >= 30, listed


def test_client(m):
    """the command line is there and tells its version"""
    assert "waggle" in m.out("waggle", "--version").lower()


if __name__ == "__main__":
    tap.main(globals())
