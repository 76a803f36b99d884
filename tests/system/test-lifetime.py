#!/usr/bin/python3
"""Mail and addresses outlive the process, whatever ends it."""

import json

from harness import tap
from harness.host import INSIDE, SERVICE


def test_restart(m):
    """a restart with mail waiting loses neither the agent nor the mail"""
    m.run("systemctl", "enable", "--now", "waggle.target")
    m.register("restart", user="alice")
    number = m.send("restart", "before the restart", user="bob")
    pid = m.show(SERVICE, "MainPID")
    m.run("systemctl", "restart", SERVICE)
    assert m.show(SERVICE, "MainPID") not in (pid, "0")
    got = m.receive("restart", "'detach': <true>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(number, "before the restart")], got
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")


def test_killed(m):
    """a killed service is started again, and a lease that it had granted ends as a message to deliver"""
    m.register("killed", user="alice")
    number = m.send("killed", "before the kill", user="bob")
    pid = m.show(SERVICE, "MainPID")
    m.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", SERVICE)
    m.wait("a new process", lambda: m.show(SERVICE, "MainPID") not in (pid, "0"))
    m.wait_state(SERVICE, "active")
    got = m.receive("killed", "'detach': <true>", user="alice")
    assert [row[0] for row in got] == [number], got
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")


def test_reboot(m):
    """the address and the mail survive a reboot of the machine"""
    m.register("reboot", user="alice")
    number = m.send("reboot", "before the reboot", user="bob")
    m.reboot()
    assert m.show(SERVICE, "ActiveState") == "inactive", "nobody has called yet"
    got = m.receive("reboot", "'detach': <true>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(number, "before the reboot")], got
    assert m.show(SERVICE, "ActiveState") == "active"
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")


def test_lease_over_reboot(m):
    """a detached lease that was taken before a reboot still ends by its time-out"""
    m.register("lease", user="alice")
    number = m.send("lease", "leased", user="bob")
    got = m.receive("lease", "'detach': <true>, 'lease': <uint64 3000000>", user="alice")
    assert [row[0] for row in got] == [number]
    m.reboot()
    again = m.wait(
        "the message is offered again",
        lambda: m.receive("lease", "'detach': <true>, 'wait': <uint64 5000000>", user="alice"),
        40,
    )
    assert again[0][0] == number and again[0][4].get("acquired") == 2, again
    m.refused(("LeaseExpired", "UnknownLease"), "Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")
    m.call("Ack", f"(uint64 {again[0][1]}, @a{{sv}} {{}})", user="alice")


def test_watchdog(m):
    """a service that hangs (SIGSTOP) is found by the watchdog and replaced; its mail is there"""
    m.register("watchdog", user="alice")
    m.drop_in(SERVICE, "[Service]\nWatchdogSec=2s\n")
    m.run("systemctl", "restart", SERVICE)
    number = m.send("watchdog", "before it hangs", user="bob")
    pid = m.show(SERVICE, "MainPID")
    m.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", SERVICE)
    m.wait("a new process", lambda: m.show(SERVICE, "MainPID") not in (pid, "0"), 30)
    m.wait_state(SERVICE, "active")
    found = [e for e in m.journal(f"UNIT={SERVICE}") if "Watchdog timeout" in e["MESSAGE"]]
    assert found, "the journal has no line of the watchdog"
    assert m.show(SERVICE, "NRestarts") != "0"
    got = m.receive("watchdog", "'detach': <true>", user="alice")
    assert [row[0] for row in got] == [number], got
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")


def test_watchdog_is_fed(m):
    """a service that works is left alone by a short watchdog"""
    pid = m.show(SERVICE, "MainPID")
    fed = m.show(SERVICE, "WatchdogTimestampMonotonic")
    for _ in range(3):
        m.wait("a sign of life", lambda: m.show(SERVICE, "WatchdogTimestampMonotonic") != fed, 10)
        fed = m.show(SERVICE, "WatchdogTimestampMonotonic")
    assert m.show(SERVICE, "MainPID") == pid
    m.drop_in(SERVICE, "")


def test_idle_exit(m):
    """without a caller the service leaves, the socket stays, and the next call starts it"""
    m.drop_in(SERVICE, "[Service]\nEnvironment=WAGGLE_IDLE_EXIT=200ms\n")
    m.run("systemctl", "restart", SERVICE)
    m.wait_state(SERVICE, "inactive")
    assert m.show(SERVICE, "Result") == "success"
    assert m.call("Ping", user="bob") == []
    m.wait_state(SERVICE, "inactive")


def _under_load(m, door, calls):
    report = m.run("/usr/bin/python3", f"{INSIDE}/idle.py", door, calls, "0.003", user="bob", timeout=300).stdout
    result = json.loads(report)
    print(f"# {door}: {result}")
    assert result["lost"] == 0, result
    assert result["answered"] == calls, result
    return result


def test_idle_exit_under_load(m):
    """calls that arrive while the service leaves are all answered, on the socket and on the bus"""
    m.drop_in(
        SERVICE,
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironment=WAGGLE_IDLE_EXIT=3ms\n",
    )
    m.drop_in("waggle-messaged.socket", "[Socket]\nTriggerLimitIntervalSec=0\n[Unit]\nStartLimitIntervalSec=0\n")
    m.run("systemctl", "restart", "waggle-messaged.socket")
    for door, calls in (("socket", 300), ("bus", 300)):
        before = len(m.journal(f"UNIT={SERVICE}", "JOB_TYPE=start"))
        _under_load(m, door, calls)
        starts = len(m.journal(f"UNIT={SERVICE}", "JOB_TYPE=start")) - before
        print(f"# {door}: {starts} starts of the service")
        assert starts > 10, "the load never met a service that was leaving"
    m.drop_in(SERVICE, "")
    m.drop_in("waggle-messaged.socket", "")


if __name__ == "__main__":
    tap.main(globals())
