#!/usr/bin/python3
"""Commands that handle mail, as transient units of a user's real systemd: how they end and what the
receipts say, what dies with them, and what they are given."""

import json

from harness import tap

COURIER = "waggle-courier.service"
LOG = "/home/alice/handled"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

# The command: notes what it was given, then does what the body says.
PROGRAM = """
import json, os, signal, subprocess, sys, time
message = json.load(sys.stdin)
with open("/proc/self/status") as f:
    status = dict(line.split(":\\t", 1) for line in f.read().splitlines() if ":\\t" in line)
with open("/proc/self/cgroup") as f:
    cgroup = f.read()
note = {"number": message["message"], "text": message["text"], "pid": os.getpid(), "cgroup": cgroup,
        "privileges": status["NoNewPrivs"], "directory": os.getcwd(), "env": dict(os.environ)}
with open(os.environ["LOG"], "a") as f:
    f.write(json.dumps(note) + chr(10))
what = message["text"].split()
print("now:", message["text"])
if what[0] == "exit":
    sys.exit(int(what[1]))
if what[0] == "signal":
    os.kill(os.getpid(), int(what[1]))
if what[0] == "hang":
    # in a session of its own, and deaf: only a cgroup still has it
    subprocess.Popen([sys.executable, "-c", "import signal, time; "
                      "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(4711)"],
                     start_new_session=True)
    time.sleep(4711)
"""


def _agent(m, name, then=(), **keys):
    entry = {"use": "exec", "command": ["/usr/bin/python3", "-c", PROGRAM],
             "environment": {"LOG": LOG, "OWN": "$HOME 100%n"}, "retry": "1s", "kill-after": "300ms",
             **{key.replace("_", "-"): value for key, value in keys.items()}}  # fmt: skip
    policy = json.dumps({"backends": [entry, *then]}).replace("\\", "\\\\").replace("'", "\\'")
    m.call("RegisterAgent", f"('{name}', {{'policy': <'{policy}'>}})", user="alice")


def _handled(m, number=None):
    notes = [json.loads(line) for line in m.run("cat", LOG, check=False).stdout.splitlines()]
    return [note for note in notes if number in (None, note["number"])]


def _cause(m, number, part, timeout=30):
    """Waits for a receipt that tells it; the state of that receipt."""

    def there():
        return [r[1] for r in m.receipts(number) if part in r[3]]

    try:
        return m.wait(part, there, timeout)[0]
    except AssertionError as error:
        raise AssertionError(f"{error}; there are {m.receipts(number)}") from None


def _unit(agent, number):
    return f"waggle-exec-{agent}-{number}.service"


def _loaded(m, unit):
    listed = m.out("systemctl", "--user", "list-units", "--all", "--plain", "--no-legend", unit, user="alice")
    return unit in listed


def test_unit(m):
    """a message is handled in a unit of its own, of which nothing stays"""
    m.run("systemctl", "start", "waggle.target")
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    _agent(m, "worker")
    number = m.send("worker", "exit 0", user="bob")
    m.wait("acked", lambda: "acked" in m.states(number), 30)
    (note,) = _handled(m, number)
    assert _unit("worker", number) in note["cgroup"], note["cgroup"]
    assert "user@2001.service" in note["cgroup"], note["cgroup"]
    assert m.show(COURIER, "ActiveState", user="alice") == "active"
    m.wait("no unit", lambda: not _loaded(m, _unit("worker", number)))


def test_given(m):
    """its environment is the manager's and the message's, texts are not expanded; it has no way to rights"""
    number = m.send("worker", "exit 0", "'priority': <byte 8>, 'traceparent': <'" + TRACE + "'>", user="bob")
    m.wait("acked", lambda: "acked" in m.states(number))
    (note,) = _handled(m, number)
    env = note["env"]
    given = {"WAGGLE_AGENT": "worker", "WAGGLE_MESSAGE": str(number), "WAGGLE_FROM": "uid:2002",
             "WAGGLE_PRIORITY": "8", "TRACEPARENT": TRACE, "OWN": "$HOME 100%n", "HOME": "/home/alice"}  # fmt: skip
    assert {key: env.get(key) for key in given} == given, env
    assert int(env["WAGGLE_TOKEN"]) > 0
    assert note["privileges"] == "1" and note["directory"] == "/home/alice", note


def test_journal(m):
    """what it writes is in the journal, under its unit"""
    number = m.send("worker", "exit 0 and good-bye", user="bob")
    m.wait("acked", lambda: "acked" in m.states(number))
    lines = m.journal(f"_SYSTEMD_USER_UNIT={_unit('worker', number)}")
    assert "now: exit 0 and good-bye" in [line["MESSAGE"] for line in lines], lines


def test_statuses(m):
    """75 gives it back, another status is its failure, with the status in the receipt"""
    later = m.send("worker", "exit 75", user="bob")
    assert _cause(m, later, "exit status 75") != "acked"
    m.call("Cancel", f"(uint64 {later}, @a{{sv}} {{}})", user="bob")
    failed = m.send("worker", "exit 3", user="bob")
    _cause(m, failed, "exit status 3")
    assert "acked" not in m.states(failed)
    m.call("Cancel", f"(uint64 {failed}, @a{{sv}} {{}})", user="bob")


def test_signals(m):
    """a signal is told by its name"""
    _agent(m, "killed")
    for signal, name in ((9, "KILL"), (11, "SEGV"), (15, "TERM")):
        number = m.send("killed", f"signal {signal}", user="bob")
        _cause(m, number, f"killed by signal {signal} ({name})")
        assert "acked" not in m.states(number)
    m.call("UnregisterAgent", "('killed', {'force': <true>})", user="alice")


def _sleepers(m):
    return m.run("sh", "-c", "grep -las 'sleep[(]4711' /proc/[0-9]*/cmdline", check=False).stdout.split()


def test_time(m):
    """when its time is up the whole cgroup ends, also what left the process group"""
    _agent(m, "sleeper", timeout="4s")
    number = m.send("sleeper", "hang", user="bob")
    m.wait("both to run", lambda: len(_sleepers(m)) == 2)
    _cause(m, number, "ran longer than 4s")
    (note, *_) = _handled(m, number)
    m.call("UnregisterAgent", "('sleeper', {'force': <true>})", user="alice")
    m.wait("all to end", lambda: not _sleepers(m))
    assert _unit("sleeper", number) in note["cgroup"]


def test_watchdog(m):
    """one that gives no sign of life is ended by its watchdog"""
    _agent(m, "mute", timeout="1min", watchdog="500ms")
    number = m.send("mute", "hang", user="bob")
    _cause(m, number, "watchdog")
    m.call("UnregisterAgent", "('mute', {'force': <true>})", user="alice")
    m.wait("all to end", lambda: not _sleepers(m))


def test_limits(m):
    """limits are systemd's"""
    _agent(m, "bound", timeout="1min", memory_max="64M", tasks_max=20, cpu_quota=50, unit_slice="agents.slice")
    number = m.send("bound", "hang", user="bob")
    m.wait("both to run", lambda: len(_sleepers(m)) == 2)
    unit = _unit("bound", number)
    keys = {"MemoryMax": str(64 << 20), "TasksMax": "20", "CPUQuotaPerSecUSec": "500ms", "Slice": "agents.slice",
            "KillMode": "control-group", "OOMPolicy": "kill"}  # fmt: skip
    assert {key: m.show(unit, key, user="alice") for key in keys} == keys
    m.call("UnregisterAgent", "('bound', {'force': <true>})", user="alice")
    m.run("systemctl", "--user", "stop", unit, user="alice")
    m.wait("all to end", lambda: not _sleepers(m))


def test_not_started(m):
    """what cannot be started is a failure of the way: the message goes to the next one, unharmed"""
    _agent(m, "lost", [{"use": "inbox", "directory": "~/lost"}], directory="/not/here")
    number = m.send("lost", "exit 0", user="bob")
    _cause(m, number, "its directory cannot be entered")
    m.wait("announced", lambda: "announced" in m.states(number), 30)
    assert not _handled(m, number)
    ((_, _, _, _, fields),) = m.receive("lost", "'detach': <true>", user="alice")
    assert "failed" not in fields, fields
    m.call("UnregisterAgent", "('lost', {'force': <true>})", user="alice")


def test_courier_dies(m):
    """a courier that is killed leaves the unit; the next one ends it, and it is handled again, once at a time"""
    _agent(m, "orphan", timeout="1min")
    number = m.send("orphan", "hang", user="bob")
    m.wait("both to run", lambda: len(_sleepers(m)) == 2)
    m.run("systemctl", "--user", "kill", "--kill-whom=main", "--signal=KILL", COURIER, user="alice")
    m.wait("a second run", lambda: len(_handled(m, number)) == 2, 60)
    m.wait("one of them", lambda: len(_sleepers(m)) == 2)
    assert "acked" not in m.states(number)
    m.call("UnregisterAgent", "('orphan', {'force': <true>})", user="alice")
    m.run("systemctl", "--user", "stop", "waggle-exec-*", user="alice")
    m.wait("all to end", lambda: not _sleepers(m))


def test_no_session(m):
    """without a session it is a process of the courier's own, and its whole group ends with its time"""
    m.run("loginctl", "disable-linger", "alice")
    m.run("systemctl", "stop", "user@2001.service")
    _agent(m, "plain", timeout="4s")
    number = m.send("plain", "exit 0", user="bob")
    m.wait("acked", lambda: "acked" in m.states(number), 30)
    (note,) = _handled(m, number)
    assert "waggle-courier@2001.service" in note["cgroup"], note["cgroup"]
    slow = m.send("plain", "hang", user="bob")
    _cause(m, slow, "ran longer than 4s")


if __name__ == "__main__":
    tap.main(globals())
