#!/usr/bin/python3
"""The typist as a service of a user's graphical session: Xvfb, a window manager and a terminal, all of them
units of alice's manager."""

import json

from harness import tap
from harness.host import CallError

NAME = "org.waggle.Typing1"
TYPIST = "waggle-typist.service"
COURIER = "waggle-courier.service"
DISPLAY = ":7"
TYPED = "/home/alice/typed"
# The map of the keys before anything was typed: what it has to be again, soon after each text.
MAP = []
# it belongs to the session as a desktop's own target would
SESSION = "[Unit]\nBindsTo=graphical-session.target\nBefore=graphical-session.target\n"
# Raw, so that each character is in the file as soon as it has arrived. Return is read here as a newline.
TERMINAL = f"stty raw -echo; exec cat >>{TYPED}"


def _start(m, name, *argv):
    m.run("systemd-run", "--user", "--quiet", "--collect", f"--unit={name}", f"--setenv=DISPLAY={DISPLAY}",
          "--setenv=LANG=C.UTF-8", *argv, user="alice")  # fmt: skip


def _display(m):
    shown = m.run("/usr/bin/python3", "/srv/waggle-tests/display.py", user="alice", env={"DISPLAY": DISPLAY}, check=False)
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def _type(m, text, target="{'class': <'XTerm'>}", options="@a{sv} {}"):
    arguments = f"({json.dumps(text, ensure_ascii=False)}, {target}, {options})"
    return m.call("Type", arguments, user="alice", door="user-bus", interface=NAME)


def _typed(m):
    return m.run("cat", TYPED, user="alice", check=False).stdout


def _wait_typed(m, text):
    """Until all of `text` is there; what was typed wrong is told."""
    try:
        m.wait("the text", lambda: _typed(m) == text)
    except AssertionError as error:
        raise AssertionError(f"typed {_typed(m)!r} instead of {text!r}") from error


def _clear(m):
    m.run("truncate", "-s", "0", TYPED)


def _pids(m):
    """Of typist and hand."""
    return m.out("sh", "-c", "cat $(find /sys/fs/cgroup -path '*waggle-typist.service/cgroup.procs' | head -1)").split()


def test_without_display(m):
    """without a graphical session it answers at once, with an error that names what would work"""
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    m.run("systemctl", "--user", "start", "waggle.target", user="alice")
    try:
        _type(m, "into the void")
    except CallError as error:
        assert error.name.endswith(".NoDisplay"), error
        assert "tmux" in error.text and "inbox" in error.text, error
    else:
        raise AssertionError("it typed without a display")
    m.run("systemctl", "--user", "stop", TYPIST, user="alice")


def test_session(m):
    """a session begins: a display, a window manager, a terminal"""
    m.run("install", "-d", "-m", "1777", "/tmp/.X11-unix")
    _start(m, "display", "Xvfb", DISPLAY, "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset")
    m.wait("the display", lambda: _display(m))
    m.run("systemctl", "--user", "set-environment", f"DISPLAY={DISPLAY}", user="alice")
    m.run("install", "-d", "/run/systemd/user")
    m.run("tee", "/run/systemd/user/test-session.target", stdin=SESSION)
    m.run("systemctl", "--user", "daemon-reload", user="alice")
    m.run("systemctl", "--user", "start", "test-session.target", user="alice")
    m.wait_state("graphical-session.target", "active", user="alice")
    _start(m, "manager", "openbox", "--sm-disable")
    m.wait("the window manager", lambda: "window id # 0x" in m.run(
        "xprop", "-root", "_NET_SUPPORTING_WM_CHECK", user="alice", env={"DISPLAY": DISPLAY}, check=False
    ).stdout)  # fmt: skip
    MAP.append(_display(m)["map"])
    _start(m, "terminal", "xterm", "-u8", "-T", "agent one", "-e", "sh", "-c", TERMINAL)
    listed = m.wait("the window", lambda: m.call("ListWindows", "({'class': <'XTerm'>},)", user="alice", door="user-bus", interface=NAME)[0])
    assert [w["title"] for w in listed] == ["agent one"], listed
    assert listed[0]["unit"] == "terminal.service", listed
    assert m.show(TYPIST, "ActiveState", user="alice") == "active"


def test_rights(m):
    """typist and hand have the owner's uid, no capability and a sandbox, and write nowhere but in their own places"""
    pids = _pids(m)
    assert len(pids) == 2, pids
    for pid in pids:
        status = dict(line.split(":\t", 1) for line in m.out("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
        assert status["Uid"].split() == ["2001"] * 4, status
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and int(status["CapEff"], 16) == 0, status


def test_doorbell(m):
    """from `waggle send` to the last key: the courier has the typist type a doorbell into the terminal"""
    m.run("systemctl", "start", "waggle.target")
    # a display that has just begun counts as touched, hence idle
    policy = {"backends": [{"use": "type", "target": {"unit": "terminal.service"}, "idle": "0s"}], "digest": {"text": "{waiting} für {agent}"}}
    m.call("RegisterAgent", f"('one', {{'policy': <{json.dumps(json.dumps(policy))}>}})", user="alice")
    m.wait("the terminal reads", lambda: m.run("test", "-e", TYPED, check=False).returncode == 0)
    begun = m.out("waggle", "send", "one", "--from=uid:2002", "your turn", user="bob", check=False)
    number = int(begun) if begun.isdigit() else m.send("one", "your turn", user="bob")
    m.wait_receipt(number, "announced")
    _wait_typed(m, "1 für one\n")
    assert m.show(COURIER, "ActiveState", user="alice") == "active"
    assert _display(m)["down"] == []
    m.wait("the map as it was", lambda: _display(m)["map"] == MAP[0])


def test_any_text(m):
    """a text of many scripts arrives as it was sent, and the map is as it was"""
    _clear(m)
    text = "Grüße, žluťoučký kůň, Привет, 你好, ∑ → 🐝"
    result, details = _type(m, text, options="{'submit': <false>}")
    assert result == "typed", (result, details)
    _wait_typed(m, text)
    m.wait("the map as it was", lambda: _display(m)["map"] == MAP[0])


def _type_and_kill(m, every):
    """Kills while it types; what was typed until then."""
    _clear(m)
    text = "äöü→你好" * 1500
    m.run(
        "systemd-run", "--user", "--quiet", "--collect", "--unit=typing", "/usr/bin/python3", "/srv/waggle-tests/call.py",
        "user-bus", NAME, "Type", f"('{text}', {{'class': <'XTerm'>}}, {{'submit': <false>, 'idle': <uint64 0>}})", user="alice",
    )  # fmt: skip
    m.wait("the first characters", lambda: len(_typed(m)) > 20)
    assert _display(m)["map"] != MAP[0], "nothing was mapped, so that nothing is shown here"
    pids = _pids(m) if every else [m.show(TYPIST, "MainPID", user="alice")]
    m.run("sh", "-c", "kill -KILL " + " ".join(pids))
    m.wait("the map as it was", lambda: _display(m)["map"] == MAP[0])
    m.wait("no key down", lambda: _display(m)["down"] == [], 10)
    typed = _typed(m)
    assert len(typed) < len(text), "it was killed too late to show anything"
    assert text.startswith(typed), "something was typed twice or wrong"
    m.wait_state(TYPIST, "active", user="alice")


def test_typist_killed(m):
    """SIGKILL of the typist in the middle: keys are released, the map is put back, it is started again"""
    restarts = m.show(TYPIST, "NRestarts", user="alice")
    _type_and_kill(m, every=False)
    m.wait("a restart", lambda: m.show(TYPIST, "NRestarts", user="alice") != restarts)


def test_all_killed(m):
    """SIGKILL of typist and hand at once: the next start puts the map back"""
    _type_and_kill(m, every=True)
    _clear(m)
    # to the new process what the old one typed was typed by somebody
    assert _type(m, "and on", options="{'submit': <false>, 'idle': <uint64 0>}")[0] == "typed"
    _wait_typed(m, "and on")


def test_reload(m):
    """systemctl --user reload keeps the process"""
    pid = m.show(TYPIST, "MainPID", user="alice")
    m.run("systemctl", "--user", "reload", TYPIST, user="alice")
    assert m.show(TYPIST, "MainPID", user="alice") == pid


def test_nobody_else(m):
    """nobody else can have anything typed"""
    for door in ("unix:path=/run/user/2001/waggle/typing", "unix:path=/run/user/2001/bus"):
        done = m.run("busctl", f"--address={door}", "call", NAME, "/org/waggle/Typing1", NAME, "Ping", user="bob", check=False)
        assert done.returncode != 0, door


def test_idle_exit(m):
    """it leaves when idle, and the next call starts it"""
    m.run("install", "-d", "/run/systemd/user/waggle-typist.service.d")
    m.run("tee", "/run/systemd/user/waggle-typist.service.d/50-test.conf", stdin="[Service]\nEnvironment=WAGGLE_IDLE_EXIT=200ms\n")
    m.run("systemctl", "--user", "daemon-reload", user="alice")
    m.run("systemctl", "--user", "restart", TYPIST, user="alice")
    m.wait_state(TYPIST, "inactive", user="alice")
    assert m.show(TYPIST, "Result", user="alice") == "success"
    _clear(m)
    assert _type(m, "again", options="{'submit': <false>, 'idle': <uint64 0>}")[0] == "typed"


def test_display_lost(m):
    """when the display goes in the middle of a message's announcement the mail is still there"""
    m.run("systemctl", "--user", "stop", "display.service", user="alice")
    number = m.send("one", "nobody sees it", user="bob")
    m.wait("the attempt's end", lambda: {"attempt-failed", "attempt-held"} & set(m.states(number)), 30)
    assert "announced" not in m.states(number)
    got = m.receive("one", "'detach': <true>, 'max': <uint32 10>", user="alice")
    assert number in [row[0] for row in got], got


def test_session_ends(m):
    """it goes with the graphical session"""
    m.run("systemctl", "--user", "unset-environment", "DISPLAY", user="alice")
    m.run("systemctl", "--user", "stop", "test-session.target", user="alice")
    m.wait_state("graphical-session.target", "inactive", user="alice")
    m.wait_state(TYPIST, "inactive", user="alice")


if __name__ == "__main__":
    tap.main(globals())
