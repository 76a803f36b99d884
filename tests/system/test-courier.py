#!/usr/bin/python3
"""The courier of a user without a session, and the one of a user who has one.

The system's messaging service wakes it; alice and bob have nothing to do with each other.
"""

import json

from harness import tap
from harness.host import EMPTY

INSTANCE = "waggle-courier@2001.service"
TEMPLATE = "waggle-courier@.service"
OWN = "waggle-courier.service"


def _policy(*backends, **more):
    return json.dumps({"backends": list(backends), **more})


def _inbox(directory):
    return {"use": "inbox", "directory": directory, "retry": "1s"}


def _agent(m, name, policy, user="alice"):
    m.call("RegisterAgent", f"('{name}', {{'policy': <{json.dumps(policy)}>}})", user=user)


def _files(m, directory):
    return m.run("find", f"{directory}/new", "-type", "f", check=False).stdout.split()


def _announced(m, number):
    m.wait_receipt(number, "announced")


def test_woken(m):
    """mail for an agent whose owner has no session starts a courier with that owner's rights, which delivers it"""
    m.run("systemctl", "start", "waggle.target")
    _agent(m, "porter", _policy(_inbox("~/mail")))
    assert m.show(INSTANCE, "ActiveState") == "inactive", "it runs although there is no mail"
    number = m.send("porter", "up to the third floor", user="bob")
    _announced(m, number)
    (path,) = _files(m, "/home/alice/mail")
    assert m.out("stat", "-c", "%a %U %G", path) == "600 alice alice"
    assert "up to the third floor" in m.out("cat", path)
    assert m.show(INSTANCE, "User") == "2001" and m.show(INSTANCE, "ActiveState") == "active"


def test_rights(m):
    """it has the owner's uid, no capability, no way to new rights, and its own sandbox"""
    pid = m.show(INSTANCE, "MainPID")
    status = dict(line.split(":\t", 1) for line in m.out("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["2001"] * 4 and status["Gid"].split() == ["2001"] * 4, status
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    assert m.show(INSTANCE, "DropInPaths") == ""


def test_cleaned_up(m):
    """once its message is acked the file goes"""
    got = m.receive("porter", "'detach': <true>", user="alice")
    assert [row[3] for row in got] == ["up to the third floor"], got
    m.ack(got[0][1], user="alice")
    m.wait("no file", lambda: not _files(m, "/home/alice/mail"))


def test_home_of_another(m):
    """an inbox in somebody else's home is not written to, and the attempt fails with its cause"""
    m.run("install", "-d", "-o", "bob", "-g", "bob", "-m", "755", "/home/bob/open")
    m.run("install", "-d", "-o", "bob", "-g", "bob", "-m", "777", "/home/bob/mail")
    for directory in ("/home/bob/open/mail", "/home/bob/mail"):
        _agent(m, "thief", _policy(_inbox(directory)))
        number = m.send("thief", "not for bob's home", user="alice")
        m.wait_receipt(number, "attempt-failed")
        assert m.out("find", "/home/bob", "-type", "f", "-newer", "/home/bob/open") == ""
        m.call("UnregisterAgent", "('thief', {'force': <true>})", user="alice")


def test_mail_of_another(m):
    """two users' couriers run at a time, each with its own mail, and what one writes the other cannot read"""
    _agent(m, "bobs", _policy(_inbox("~/mail")), user="bob")
    m.run("rm", "-rf", "/home/bob/mail")
    mine, his = m.send("porter", "for alice", user="bob"), m.send("bobs", "for bob", user="alice")
    for number, uid in ((mine, 2001), (his, 2002)):
        _announced(m, number)
        (actor,) = {r[4] for r in m.receipts(number) if r[1] == "announced"}
        assert f"uid:{uid}" in actor, actor
    assert m.show("waggle-courier@2002.service", "User") == "2002"
    (path,) = _files(m, "/home/bob/mail")
    assert m.out("stat", "-c", "%a %U", path) == "600 bob"
    assert m.run("cat", path, user="alice", check=False).returncode != 0
    # inside of the courier's own sandbox it is no different
    pid = m.show(INSTANCE, "MainPID")
    inside = ["nsenter", "-t", pid, "--mount", "setpriv", "--reuid=2001", "--regid=2001", "--clear-groups"]
    assert m.run(*inside, "cat", path, check=False).returncode != 0
    assert m.run(*inside, "touch", "/etc/waggle-was-here", check=False).returncode != 0


def test_start_is_all(m):
    """the service's user may start this unit and do nothing else to any"""

    def as_service(method, signature, *arguments):
        return m.run(
            "setpriv", "--reuid=_waggle-messaged", "--regid=_waggle-messaged", "--clear-groups", "busctl", "call",
            "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
            method, signature, *arguments, check=False,
        )  # fmt: skip

    assert as_service("StartUnit", "ss", "waggle-courier@2002.service", "fail").returncode == 0
    for method, unit in (
        ("StopUnit", "waggle-courier@2002.service"),
        ("RestartUnit", "waggle-courier@2002.service"),
        ("StartUnit", "systemd-journal-flush.service"),
        ("StartUnit", "waggle-courier@root.service"),
        ("StartUnit", "waggle-courier@bob.service"),
    ):
        done = as_service(method, "ss", unit, "fail")
        assert done.returncode != 0, f"{method} {unit} was allowed"
    m.run("systemctl", "stop", "waggle-courier@2002.service")


def test_commands(m):
    """without a manager of the user's a command runs inside the instance, as the owner, and acks by its status"""
    _agent(m, "worker", _policy({"use": "exec", "command": ["/bin/sh", "-c", "id -un >~/who; cat >~/what"]}))
    number = m.send("worker", "do it", user="bob")
    m.wait_receipt(number, "acked")
    assert m.out("cat", "/home/alice/who") == "alice"
    assert json.loads(m.out("cat", "/home/alice/what"))["message"] == number


def test_idle_exit(m):
    """it leaves when nothing is to be done, and mail wakes it again"""
    m.drop_in(TEMPLATE, "[Service]\nEnvironment=WAGGLE_IDLE_EXIT=300ms\n")
    m.run("systemctl", "stop", INSTANCE)
    for text in ("first", "second"):
        number = m.send("porter", text, user="bob")
        _announced(m, number)
        m.wait_state(INSTANCE, "inactive")
        assert m.show(INSTANCE, "Result") == "success"
    m.drop_in(TEMPLATE, "")


def test_watchdog(m):
    """one that hangs is replaced, and what it had under way is delivered"""
    m.drop_in(TEMPLATE, "[Service]\nWatchdogSec=2s\n")
    _announced(m, m.send("porter", "wake up", user="bob"))
    pid = m.show(INSTANCE, "MainPID")
    m.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", INSTANCE)
    number = m.send("porter", "while it hangs", user="bob")
    m.wait("a new process", lambda: m.show(INSTANCE, "MainPID") not in (pid, "0"), 30)
    _announced(m, number)
    assert [e for e in m.journal(f"UNIT={INSTANCE}") if "Watchdog timeout" in e["MESSAGE"]]
    m.drop_in(TEMPLATE, "")


def test_reload(m):
    """it is reloaded in place; a bad configuration is refused and told, and the old one stays"""
    m.run("systemctl", "restart", INSTANCE)
    pid = m.show(INSTANCE, "MainPID")
    for text, identifier in (
        ("[Service]\nIdleExitSec=5min\n", "9fbacc466a774c99801e4d437df4c9b3"),
        ("[Service]\nIdleExitSecs=5min\n", "c8eaf29d7b3d4ec6b124aa308e848106"),
    ):
        m.configure(text, daemon="courier")
        m.run("systemctl", "reload", INSTANCE, check=False)
        m.wait("its line", lambda: m.journal(f"MESSAGE_ID={identifier}", f"_SYSTEMD_UNIT={INSTANCE}"))
        assert m.show(INSTANCE, "MainPID") == pid and m.show(INSTANCE, "ActiveState") == "active"
    m.configure("", daemon="courier")


def test_hand_over(m):
    """where the user's own manager runs, the courier there is woken, and the instance leaves"""
    m.run("systemctl", "stop", INSTANCE)
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    number = m.send("porter", "to the one with a session", user="bob")
    _announced(m, number)
    m.wait_state(INSTANCE, "inactive")
    assert m.show(INSTANCE, "Result") == "success"
    assert m.show(OWN, "ActiveState", user="alice") == "active"
    assert number in [json.loads(m.out("cat", path))["message"] for path in _files(m, "/home/alice/mail")]


def test_commands_of_a_session(m):
    """there a command is a unit of its own, outside of the courier's sandbox"""
    _agent(m, "worker", _policy({"use": "exec", "command": ["/bin/sh", "-c", "cat /proc/self/cgroup >~/where"]}))
    number = m.send("worker", "do it again", user="bob")
    m.wait_receipt(number, "acked")
    where = m.out("cat", "/home/alice/where")
    assert "/user@2001.service/" in where and OWN not in where, where


def test_nobody_elses_bus(m):
    """the user's courier answers nobody else, root neither"""
    done = m.run("busctl", "--address=unix:path=/run/user/2001/bus", "call", "org.waggle.Delivery1",
                 "/org/waggle/Delivery1", "org.waggle.Delivery1", "Wake", user="bob", check=False)  # fmt: skip
    assert done.returncode != 0


def test_session_ends(m):
    """when the session is gone, the instance carries on"""
    m.run("loginctl", "disable-linger", "alice")
    m.run("systemctl", "stop", "user@2001.service")
    number = m.send("porter", "without a session again", user="bob")
    _announced(m, number)
    assert m.show(INSTANCE, "ActiveState") == "active"


if __name__ == "__main__":
    tap.main(globals())
