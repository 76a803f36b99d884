#!/usr/bin/python3
"""The same service in a user manager: no root needed, and one uid only."""

from harness import tap
from harness.host import SERVICE, SOCKET

COURIER = "waggle-courier.service"


def test_enable(m):
    """a lingering user enables it for herself"""
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    m.run("systemctl", "--user", "enable", "--now", "waggle.target", user="alice")
    m.wait_state(SOCKET, "active", user="alice")
    assert m.show(SERVICE, "ActiveState", user="alice") == "inactive"
    assert m.show(SERVICE, "ActiveState") == "inactive", "the system's own was touched"


def test_first_use(m):
    """the first call starts it"""
    m.register("home", user="alice", door="user-socket")
    number = m.send("home", "a note", user="alice", door="user-socket")
    got = m.receive("home", "'detach': <true>", user="alice", door="user-bus")
    assert [row[0] for row in got] == [number]
    assert m.show(SERVICE, "ActiveState", user="alice") == "active"


def test_bus_activation(m):
    """so does a call on her session bus"""
    m.run("systemctl", "--user", "stop", SERVICE, user="alice")
    assert m.call("Ping", user="alice", door="user-bus") == []


def test_client(m):
    """the command line finds it when there is no socket of the system"""
    text = m.out("waggle", "--no-pager", "status", user="alice")
    assert "/run/user/2001/waggle/messaging" in text, text


def test_nobody_else(m):
    """another user cannot reach her socket; root is refused too, for the scope is one uid's"""
    done = m.run("ls", "/run/user/2001/waggle", user="bob", check=False)
    assert done.returncode != 0


def test_reload(m):
    """systemctl --user reload works"""
    m.run("systemctl", "--user", "reload", SERVICE, user="alice")
    assert m.show(SERVICE, "ActiveState", user="alice") == "active"


def test_state(m):
    """the state lies below her home"""
    directory = m.out("systemctl", "--user", "show-environment", user="alice")
    assert directory
    found = m.out("find", "/home/alice", "-path", "*waggle/messaged", "-type", "d")
    assert found.startswith("/home/alice/"), found


def test_courier(m):
    """mail for an agent that has a policy starts her courier by its bus name, which delivers it"""
    door = {"user": "alice", "door": "user-socket"}
    assert m.show(COURIER, "ActiveState", user="alice") == "inactive", "it runs although there is no mail"
    policy = '{"backends": [{"use": "inbox", "directory": "~/own-mail"}]}'
    m.call("RegisterAgent", f"('boxed', {{'policy': <'{policy}'>}})", **door)
    number = m.send("boxed", "from her own service", **door)
    m.wait_receipt(number, "announced", **door)
    assert m.show(COURIER, "ActiveState", user="alice") == "active"
    assert m.out("sh", "-c", "grep -l 'from her own service' /home/alice/own-mail/new/*")
    got = m.receive("boxed", "'detach': <true>", **door)
    m.ack(got[0][1], **door)
    m.wait("no file", lambda: not m.out("ls", "/home/alice/own-mail/new"))


def test_courier_killed(m):
    """a courier that is killed is started again, and reloaded in place"""
    m.run("systemctl", "--user", "kill", "--kill-whom=main", "--signal=KILL", COURIER, user="alice")
    m.wait("a restart", lambda: m.show(COURIER, "NRestarts", user="alice") == "1")
    m.wait_state(COURIER, "active", user="alice")
    pid = m.show(COURIER, "MainPID", user="alice")
    m.run("systemctl", "--user", "reload", COURIER, user="alice")
    assert m.show(COURIER, "MainPID", user="alice") == pid


def test_courier_with_both(m):
    """it carries the mail of the system's service as well as that of her own"""
    m.run("systemctl", "start", "waggle.target")
    policy = '{"backends": [{"use": "inbox", "directory": "~/other-mail"}]}'
    m.call("RegisterAgent", f"('public', {{'policy': <'{policy}'>}})", user="alice")
    m.wait_receipt(m.send("public", "from the system's", user="bob"), "announced")
    assert m.out("sh", "-c", "grep -l \"from the system's\" /home/alice/other-mail/new/*")
    door = {"user": "alice", "door": "user-socket"}
    m.wait_receipt(m.send("boxed", "and from hers", **door), "announced", **door)


def test_restart(m):
    """mail survives the end of her user manager"""
    number = m.send("home", "over night", user="alice", door="user-socket")
    m.run("systemctl", "restart", "user@2001.service")
    m.wait_state(SOCKET, "active", user="alice")
    got = m.receive("home", "'detach': <true>", user="alice", door="user-socket")
    assert [row[0] for row in got][-1:] == [number], got


if __name__ == "__main__":
    tap.main(globals())
