#!/usr/bin/python3
"""Configuration, log level and journal, as an administrator meets them."""

from harness import tap
from harness.host import SERVICE, SOCKET, CallError

STARTED = "cf61cea1e6974d1685416ccf5de24b69"
RELOADED = "9fbacc466a774c99801e4d437df4c9b3"
RELOAD_REFUSED = "c8eaf29d7b3d4ec6b124aa308e848106"
CONFIG_REFUSED = "02f857f162fc4ac89f379dbe1160de36"
GOOD = "[Service]\nIdleExitSec=5min\n"
BAD = "[Service]\nIdleExitSecs=5min\n"


def _entry(m, message_id):
    # The target starts every service, in any order: only the lines of this one are looked at.
    found = m.journal(f"MESSAGE_ID={message_id}", "SYSLOG_IDENTIFIER=waggle-messaged")
    assert found, f"no line with MESSAGE_ID={message_id}"
    return found[-1]


def test_started(m):
    """the start is a line with MESSAGE_ID, service and code place, from the unit itself"""
    m.run("systemctl", "start", "waggle.target")
    m.call("Ping")
    entry = _entry(m, STARTED)
    assert entry["_SYSTEMD_UNIT"] == SERVICE, entry
    assert entry["CODE_FILE"] and entry["CODE_FUNC"], entry
    assert entry["PRIORITY"] in ("5", "6"), entry


def test_catalog_text(m):
    """journalctl -x explains it"""
    m.run("systemctl", "restart", SERVICE)
    text = m.out("journalctl", "--no-pager", "-x", "-n", "5", f"MESSAGE_ID={STARTED}")
    assert "Subject: A Waggle service has started" in text, text


def test_reload(m):
    """systemctl reload returns when the new configuration is in force"""
    pid = m.show(SERVICE, "MainPID")
    m.configure(GOOD)
    m.run("systemctl", "reload", SERVICE)
    assert m.show(SERVICE, "ActiveState") == "active" and m.show(SERVICE, "MainPID") == pid
    _entry(m, RELOADED)


def test_reload_refused(m):
    """a reload with an unknown key fails, names the key and the nearest one, and changes nothing"""
    pid = m.show(SERVICE, "MainPID")
    m.configure(BAD)
    done = m.run("systemctl", "reload", SERVICE, check=False)
    assert done.returncode != 0, "the reload was reported as done"
    entry = _entry(m, RELOAD_REFUSED)
    for word in ("IdleExitSecs", "IdleExitSec", "50-test.conf"):
        assert word in entry["MESSAGE"], entry["MESSAGE"]
    assert m.show(SERVICE, "ActiveState") == "active" and m.show(SERVICE, "MainPID") == pid
    assert m.call("Ping") == []


def test_reload_refused_on_the_bus(m):
    """the caller of Reload is told the same"""
    try:
        m.call("Reload", door="bus")
    except CallError as error:
        assert "IdleExitSecs" in error.text and "IdleExitSec" in error.text, error
    else:
        raise AssertionError("Reload was answered as done")


def test_start_refused(m):
    """a start with it fails at once, is not repeated for ever, and says why"""
    m.run("systemctl", "stop", SERVICE)
    m.run("systemctl", "start", SERVICE, check=False)
    assert m.show(SERVICE, "Result") == "exit-code"
    assert m.show(SERVICE, "NRestarts") == "0"
    assert "IdleExitSecs" in _entry(m, CONFIG_REFUSED)["MESSAGE"]


def test_start_after_correction(m):
    """once it is corrected it starts again"""
    m.configure("")
    m.run("systemctl", "reset-failed", SERVICE, SOCKET, check=False)
    m.run("systemctl", "start", SOCKET)
    assert m.call("Ping") == []


def test_log_level(m):
    """systemctl service-log-level sets and shows the level, service-log-target the target"""
    m.run("systemctl", "service-log-level", SERVICE, "debug")
    assert m.out("systemctl", "service-log-level", SERVICE) == "debug"
    m.call("Ping")
    m.run("systemctl", "service-log-level", SERVICE, "info")
    assert m.out("systemctl", "service-log-level", SERVICE) == "info"
    assert m.out("systemctl", "service-log-target", SERVICE) in ("journal", "auto")


def test_log_level_is_roots(m):
    """nobody else may set it"""
    done = m.run(
        "busctl", "set-property", "org.waggle.Messaging1", "/org/freedesktop/LogControl1",
        "org.freedesktop.LogControl1", "LogLevel", "s", "debug", user="alice", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert m.out("systemctl", "service-log-level", SERVICE) == "info"


def test_agent_in_journal(m):
    """what happens to an agent can be found by its field, and the text says who did it"""
    m.register("walter", user="alice")
    found = [e for e in m.journal("WAGGLE_AGENT=walter") if e.get("MESSAGE_ID")]
    assert found and "uid 2001" in found[0]["MESSAGE"], found
    assert found[0]["_SYSTEMD_UNIT"] == SERVICE


def test_refusal_in_journal(m):
    """so can a caller who was refused, by his uid"""
    m.refused("NotAuthorized", "Send", "('walter', @ay [], {'from': <'walter'>})", user="bob", door="bus")
    found = [e for e in m.journal("WAGGLE_UID=2002") if e.get("MESSAGE_ID")]
    assert found, "the journal does not know of it"


if __name__ == "__main__":
    tap.main(globals())
