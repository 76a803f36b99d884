#!/usr/bin/python3
"""Who may do what to monitoring: each action of org.waggle.monitoring, asked of the real polkitd for a second
uid, refused and allowed; and the same calls on the private socket, where nobody is asked.

What everybody may is walked, too, and which methods those are: a new one has to be put somewhere here.
"""

import json
import re

from harness import roots, tap
from harness.access import NOT_MINE, Access

MONITOR = "waggle-monitord.service"
NAME = "org.waggle.Monitoring1"
REGISTRY, METRICS, ALERTS, NOTIFY = (NAME + "." + word for word in ("Registry", "Metrics", "Alerts", "Notify"))
EMPTY = "@a{sv} {}"
RULES = "/srv/rules.json"
UP = {"groups": [{"name": "g", "rules": [{"alert": "Up", "expr": "waggle_manager_up == 1", "labels": {"severity": "info"}}]}]}
SERVICES = {"services": [{"name": "backup", "probes": [{"push": "night", "every": "1d"}]}]}


def _of(interface, **more):
    return {"interface": interface, **more}


# What the arguments name is not there, or is no document: a call that is let through changes nothing.
CALLS = {
    "register": [
        ("Register", f"('{{', {EMPTY})", _of(REGISTRY)), ("Unregister", f"('nowhere', {EMPTY})", _of(REGISTRY)),
        ("Push", f"('nowhere', 'x', {EMPTY})", _of(REGISTRY)),
    ],
    "inspect": [
        ("Probe", "('nowhere', 'x')", _of(REGISTRY)), ("ListReceivers", f"({EMPTY},)", _of(NOTIFY)),
        ("ListNotifications", f"({EMPTY},)", _of(NOTIFY)),
    ],
    "maintain": [
        ("SetMaintenance", f"('nowhere', 'x', uint64 0, {EMPTY})", _of(REGISTRY)),
        ("ClearMaintenance", f"('nowhere', {EMPTY})", _of(REGISTRY)),
    ],
    "silence": [("Silence", f"('=', {EMPTY})", _of(NOTIFY)), ("Unsilence", f"(uint64 999, {EMPTY})", _of(NOTIFY))],
    "acknowledge": [
        ("Acknowledge", f"('nowhere', {EMPTY})", _of(ALERTS)), ("Unacknowledge", f"('nowhere', {EMPTY})", _of(ALERTS)),
    ],
    "manage": [
        ("Reload", "()", {}), ("Diff", f"({EMPTY},)", {}), ("Drill", f"('nowhere', {EMPTY})", _of(ALERTS)),
        ("TestReceiver", f"('nowhere', {EMPTY})", _of(NOTIFY)),
    ],
}  # fmt: skip
# -> the error that bob gets when all is well with his right; None: an answer
OPEN = [
    ("Ping", "()", {}, None), ("Why", f"('{MONITOR}', {EMPTY})", {}, None), ("Top", f"({EMPTY},)", {}, None),
    ("List", f"({EMPTY},)", _of(REGISTRY), None), ("Find", f"('backup', {EMPTY})", _of(REGISTRY), None),
    ("Show", "('backup',)", _of(REGISTRY), None), ("Watch", f"(uint64 0, {EMPTY})", _of(REGISTRY), None),
    ("Query", f"('waggle_manager_up', {EMPTY})", _of(METRICS), None),
    ("QueryRange", f"('waggle_manager_up', uint64 1000000, uint64 9000000, uint64 1000000, {EMPTY})", _of(METRICS), None),
    ("Series", f"('waggle_manager', {EMPTY})", _of(METRICS), None), ("Describe", f"({EMPTY},)", _of(METRICS), None),
    ("List", f"({EMPTY},)", _of(ALERTS), None), ("Show", "('nowhere',)", _of(ALERTS), "NotFound"),
    ("ListRules", f"({EMPTY},)", _of(ALERTS), None), ("History", f"({EMPTY},)", _of(ALERTS), None),
    ("Test", f"(handle 0, {EMPTY})", _of(ALERTS, file="sealed:" + RULES), None),
    ("Backtest", f"(handle 0, {EMPTY})", _of(ALERTS, file="sealed:" + RULES), None),
    ("ListSilences", f"({EMPTY},)", _of(NOTIFY), None),
]  # fmt: skip
ACCESS = Access(NAME, "org.waggle.monitoring", CALLS)


def _reply(m, method, arguments, interface, **options):
    return ACCESS.call(m, (method, arguments, _of(interface)), **{"door": "bus", **options})


def test_prepare(m):
    """a service waits for a sign of life, and the tests know each action and each method there is"""
    m.run("mkdir", "-p", "/etc/waggle/services.d", "/etc/waggle/rules.d")
    m.run("tee", "/etc/waggle/services.d/backup.yaml", stdin=json.dumps(SERVICES))
    m.run("tee", "/etc/waggle/rules.d/up.yaml", RULES, stdin=json.dumps(UP))
    m.run("systemctl", "start", "waggle.target")
    policy = (roots.TOP / "polkit/org.waggle.monitoring.policy.in").read_text(encoding="utf-8")
    assert set(re.findall(r'action id="org\.waggle\.monitoring\.(\w+)"', policy)) == set(CALLS)
    methods = set()
    for path in (roots.TOP / "dbus").glob(NAME + "*.xml"):
        text = path.read_text(encoding="utf-8")
        methods |= {(path.stem, found) for found in re.findall(r'<method name="(\w+)"', text)}
    walked = ACCESS.methods() | {(c[2].get("interface", NAME), c[0]) for c in OPEN}
    assert methods == walked, methods ^ walked


def test_open(m):
    """everybody may look, on both doors, and judge rules that come as a sealed memory file"""
    rows = [[c[2].get("interface", NAME), c[0], c[1], None, c[2].get("file")] for c in OPEN]
    for door in ("bus", "socket"):
        answers = dict(zip([(c[2].get("interface"), c[0]) for c in OPEN], m.call_all(rows, door=door, user="bob"), strict=True))
        wrong = {c[0]: answers[c[2].get("interface"), c[0]] for c in OPEN if answers[c[2].get("interface"), c[0]] != c[3]}
        assert not wrong, (door, wrong)


def test_descriptors(m):
    """what is no sealed memory file is refused and not read: it might never end, or change meanwhile"""
    for door in ("bus", "socket"):
        for method in ("Test", "Backtest"):
            for file in (RULES, "/dev/zero", "/srv"):
                call = (method, f"(handle 0, {EMPTY})", _of(ALERTS, file=file))
                assert ACCESS.is_refused(m, call, names=("InvalidArgument",), door=door), (door, method, file)
    assert m.call("Ping", interface=NAME) == []


def test_refused(m):
    """without a rule each call is refused on the bus, and on the socket with the word that the bus is to be asked"""
    ACCESS.all_refused(m)


def test_each_action_allows_its_own(m):
    """a rule for one action opens the calls of that one on the bus, nothing else, and nothing on the socket"""
    ACCESS.each_opens_its_own(m)


def test_root_on_both_doors(m):
    """root is not asked on either door"""
    for calls in CALLS.values():
        for call in calls:
            for door in ("socket", "bus"):
                assert not ACCESS.is_refused(m, call, door=door, user=None), (door, call)


def test_register(m):
    """who may register does; the service is bob's, who pushes without being asked; nobody else does"""
    document = json.dumps({"name": "bobs", "probes": [{"push": "alive", "every": "1d"}]})
    ACCESS.allow(m, "register")
    _reply(m, "Register", f"('{document}', {{'owner': <'none'>}})", REGISTRY)
    ACCESS.allow(m)
    for door in ("socket", "bus"):
        _reply(m, "Push", f"('bobs', 'alive', {{'text': <'by {door}'>}})", REGISTRY, door=door)
        shown = json.loads(_reply(m, "Show", "('bobs',)", REGISTRY, door=door)[0])
        assert f"by {door}" in json.dumps(shown), shown
        m.refused(NOT_MINE, "Push", f"('bobs', 'alive', {EMPTY})", interface=REGISTRY, user="alice", door=door)
        # what was pushed is for those who may look deeper
        seen = json.loads(m.call("Show", "('bobs',)", interface=REGISTRY, user="alice", door=door)[0])
        assert seen["state"] == "healthy" and f"by {door}" not in json.dumps(seen), seen
    assert ACCESS.is_refused(m, ("Push", f"('backup', 'night', {EMPTY})", _of(REGISTRY)), door="bus")


def test_maintain(m):
    """who may maintain takes a service out and back"""
    ACCESS.allow(m, "maintain")
    _reply(m, "SetMaintenance", f"('backup', 'a new disk', uint64 0, {EMPTY})", REGISTRY)
    shown = json.loads(_reply(m, "Show", "('backup',)", REGISTRY)[0])
    assert shown["state"] == "maintenance", shown
    _reply(m, "ClearMaintenance", f"('backup', {EMPTY})", REGISTRY)
    assert json.loads(_reply(m, "Show", "('backup',)", REGISTRY)[0])["state"] != "maintenance"


def test_alert(m):
    """who may acknowledge and silence does, and who it was is written down"""
    alerts = m.wait("the alert", lambda: [a for a in json.loads(_reply(m, "List", f"({EMPTY},)", ALERTS)[0])
                                          if a["labels"]["alertname"] == "Up" and a["state"] == "firing"])  # fmt: skip
    which = alerts[0]["fingerprint"]
    ACCESS.allow(m, "acknowledge")
    _reply(m, "Acknowledge", f"('{which}', {{'comment': <'mine'>}})", ALERTS)
    shown = _reply(m, "Show", f"('{which}',)", ALERTS)[0]
    assert "uid:2002" in shown and "mine" in shown, shown
    ACCESS.allow(m, "silence")
    number = _reply(m, "Silence", f"('alertname=Up', {{'duration': <uint64 3600000000>, 'comment': <'known'>}})", NOTIFY)[0]
    rows = [row for row in _reply(m, "ListSilences", f"({EMPTY},)", NOTIFY)[0] if number in row.values()]
    assert len(rows) == 1 and "uid:2002" in map(str, rows[0].values()), rows
    _reply(m, "Unsilence", f"(uint64 {number}, {EMPTY})", NOTIFY)


def test_manage(m):
    """who may manage drills, and a drill says so"""
    ACCESS.allow(m, "manage")
    which = _reply(m, "Drill", f"('Up', {EMPTY})", ALERTS)[0]
    assert json.loads(_reply(m, "Show", f"('{which}',)", ALERTS)[0])["drill"], which


def test_not_ours(m):
    """who may not send to the service's log is kept out by the bus: it is root's alone"""
    argv = ["busctl", "set-property", NAME, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel", "s", "debug"]
    assert m.run(*argv, user="bob", check=False).returncode != 0
    assert m.out("systemctl", "service-log-level", MONITOR) == "info"


def test_without_polkit(m):
    """without polkitd nothing is allowed but what is open, and root goes on"""
    with ACCESS.without_polkit(m):
        assert _reply(m, "Ping", "()", NAME) == []
        assert not ACCESS.is_refused(m, CALLS["inspect"][1], door="bus", user=None)


if __name__ == "__main__":
    tap.main(globals())
