#!/usr/bin/python3
"""Who may deploy: each action of org.waggle.deployment, asked of the real polkitd for a second uid, refused
and allowed; and the same calls on the private socket, where nobody is asked.

bob is the second uid; what he may comes from rules that the tests write.
"""

import json
import re

from harness import roots, tap
from harness.host import CallError
from harness.shop import HOLD, Shop

NAME = "org.waggle.Deployment1"
JOB = NAME + ".Job"
JOB_PATH = "/org/waggle/Deployment1/job/1"
NOT_MINE = ("NotAuthorized", "InteractiveAuthorizationRequired", "AccessDenied")
EMPTY = "@a{sv} {}"
MANIFEST = "/srv/other/shop.json"
WITH_FILE = f"(handle 0, '/srv/other', {EMPTY})"
# action -> what may be called with it: (method, arguments, more). What the arguments name is not there, so
# that a call which is let through changes nothing; what it does is shown by tests of their own.
CALLS = {
    "deploy": [
        ("Plan", WITH_FILE, {"file": MANIFEST}), ("Deploy", WITH_FILE, {"file": "/dev/null"}),
        ("Rehearse", f"('nowhere', {EMPTY})", {}),
    ],
    "rollback": [("Rollback", f"('nowhere', {EMPTY})", {})],
    "confirm": [("Confirm", f"(uint64 999, {EMPTY})", {})],
    "cancel": [("Cancel", f"(uint64 999, {EMPTY})", {}), ("Cancel", "()", {"interface": JOB, "path": JOB_PATH})],
    "inspect": [
        ("List", f"({EMPTY},)", {}), ("ListDeployments", f"({EMPTY},)", {}), ("Show", "(uint64 1,)", {}),
        ("Explain", "(uint64 1,)", {}), ("Stats", f"({EMPTY},)", {}), ("ListPoisoned", "()", {}),
        ("AuditRead", "(uint64 1, uint32 1)", {}), ("AuditVerify", "()", {}),
    ],
    "manage": [("Forgive", f"('{'0' * 64}',)", {}), ("Reload", "()", {})],
}  # fmt: skip
OPEN = ("Validate", "Ping")


def _call(m, call, **options):
    method, arguments, more = call
    return m.call(method, arguments, **{"interface": NAME, "user": "bob", **more, **options})


def _is_refused(m, call, names=NOT_MINE, **options):
    """FALSE: it was let through, whatever came of it then."""
    try:
        _call(m, call, **options)
    except CallError as error:
        return error.name.rsplit(".", 1)[1] in names
    return False


def _refusals(m, door, names=NOT_MINE):
    """(action, method) of all calls -> whether bob was refused it, over one connection."""
    walk = [(action, call) for action, calls in CALLS.items() for call in calls]
    rows = [[c[2].get("interface", NAME), c[0], c[1], c[2].get("path"), c[2].get("file")] for _a, c in walk]
    answers = m.call_all(rows, door=door, user="bob")
    return {(a, c[2].get("interface", NAME), c[0]): e in names for (a, c), e in zip(walk, answers)}


def _allow(m, *actions):
    """bob may these, and nothing else."""
    listed = json.dumps(["org.waggle.deployment." + a for a in actions])
    rule = f'if (subject.user == "bob" && {listed}.indexOf(action.id) >= 0) return polkit.Result.YES;'
    m.run("mkdir", "-p", "/etc/polkit-1/rules.d")
    m.run("tee", "/etc/polkit-1/rules.d/10-test.rules", stdin=f"polkit.addRule(function (action, subject) {{ {rule} }});\n")
    # polkitd sees the change by itself, but when is not known
    m.run("systemctl", "reset-failed", "polkit.service")  # of being started that often
    m.run("systemctl", "restart", "polkit.service")


def test_prepare(m):
    """there is a target with a release, and the tests know each action and each method there is"""
    m.run("systemctl", "start", "waggle.target")
    shop = Shop(m)
    shop.target()
    status, text = shop.deploy(shop.release("good-1"))
    assert status == 0, text
    shop.release("good-2")
    m.run("cp", "-r", "/root/releases/good-2", "/srv/other")
    policy = (roots.TOP / "polkit/org.waggle.deployment.policy.in").read_text(encoding="utf-8")
    assert set(re.findall(r'action id="org\.waggle\.deployment\.(\w+)"', policy)) == set(CALLS)
    methods = set()
    for name in (NAME, JOB):
        xml = (roots.TOP / f"dbus/{name}.xml").read_text(encoding="utf-8")
        methods |= {(name, found) for found in re.findall(r'<method name="(\w+)"', xml)}
    walked = {(c[2].get("interface", NAME), c[0]) for calls in CALLS.values() for c in calls}
    assert methods == walked | {(NAME, method) for method in OPEN}, methods ^ walked


def test_open(m):
    """everybody may ask whether a manifest is good, on both doors"""
    m.run("tee", "/srv/bad.json", stdin='{"name": "shop", "colour": "red"}')
    for door in ("socket", "bus"):
        assert _call(m, ("Ping", "()", {}), door=door) == []
        assert _call(m, ("Validate", WITH_FILE, {"file": MANIFEST}), door=door) == [[]]
        problems = _call(m, ("Validate", WITH_FILE, {"file": "/srv/bad.json"}), door=door)[0]
        assert any("colour" in p[3] for p in problems), problems


def test_refused(m):
    """without a rule each call is refused on the bus, and on the socket with the word that the bus is to be asked"""
    for door, names in (("bus", NOT_MINE), ("socket", ("InteractiveAuthorizationRequired",))):
        refusals = _refusals(m, door, names)
        assert all(refusals.values()), (door, refusals)
    Shop(m).serves("good-1")
    assert len(Shop(m).history()) == 1


def test_each_action_allows_its_own(m):
    """a rule for one action opens the calls of that one on the bus, nothing else, and nothing on the socket"""
    for action in CALLS:
        _allow(m, action)
        wrong = {c for c, is_refused in _refusals(m, "bus").items() if is_refused != (c[0] != action)}
        assert not wrong, (action, wrong)
        assert all(_refusals(m, "socket").values()), action
    assert len(Shop(m).history()) == 1, "a call that names nothing deployed something"


def test_root_on_both_doors(m):
    """root is not asked on either door"""
    for door in ("socket", "bus"):
        for action in ("inspect", "manage"):
            for call in CALLS[action]:
                assert not _is_refused(m, call, door=door, user=None), (door, call)


def test_deploy(m):
    """who may deploy does, and the audit log says who it was"""
    shop = Shop(m)
    _allow(m, "deploy")
    path = _call(m, ("Deploy", WITH_FILE, {"file": MANIFEST}), door="bus")[0]
    assert path.startswith("/org/waggle/Deployment1/job/"), path
    row = shop.wait_newest("done")
    shop.serves("good-2")
    assert row["uid"] == 2002, row
    entries = m.call("AuditRead", "(uint64 1, uint32 1000)", interface=NAME)[0]
    mine = [json.loads(e[2]) for e in entries if "uid:2002" in e[2]]
    assert [w for w in mine if w.get("call") == "Deploy" and w.get("by") == "polkit"], mine
    assert [w for w in mine if w.get("result") == "refused"], mine


def test_rollback(m):
    """who may roll back does"""
    shop = Shop(m)
    _allow(m, "rollback")
    _call(m, ("Rollback", f"('shop', {EMPTY})", {}), door="bus")
    shop.wait_newest("done")
    shop.serves("good-1")


def test_confirm(m):
    """who may confirm does, and not by the rule for another action"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-3"), "--confirm=5min", "--no-wait")
    assert status == 0, text
    row = shop.wait_newest("verified")
    confirm = ("Confirm", f"(uint64 {row['id']}, {EMPTY})", {})
    _allow(m, "deploy", "rollback", "cancel", "inspect", "manage")
    assert _is_refused(m, confirm, door="bus")
    assert shop.newest()["state"] == "verified"
    _allow(m, "confirm")
    _call(m, confirm, door="bus")
    shop.wait_newest("done")
    shop.serves("good-3")


def test_cancel(m):
    """who may cancel does, the deployment and the job"""
    shop = Shop(m)
    for kind in ("deployment", "job"):
        status, text = shop.deploy(shop.release(f"good-{kind}", checks=[HOLD]), "--no-wait")
        assert status == 0, text
        row = shop.wait_newest("verifying")
        call = ("Cancel", f"(uint64 {row['id']}, {EMPTY})", {})
        if kind == "job":
            call = ("Cancel", "()", {"interface": JOB, "path": f"/org/waggle/Deployment1/job/{row['job']}"})
        _allow(m, "deploy", "rollback", "confirm", "inspect", "manage")
        assert _is_refused(m, call, door="bus"), kind
        _allow(m, "cancel")
        _call(m, call, door="bus")
        shop.wait_newest("rolled-back")
        shop.serves("good-3")


def test_without_polkit(m):
    """without polkitd nothing is allowed but what is open, and root goes on"""
    _allow(m, *CALLS)
    m.run("systemctl", "mask", "--runtime", "--now", "polkit.service")
    for calls in CALLS.values():
        assert _is_refused(m, calls[0], names=NOT_MINE + ("PolkitFailed", "Failed"), door="bus"), calls[0]
    assert _call(m, ("Validate", WITH_FILE, {"file": MANIFEST}), door="bus") == [[]]
    assert not _is_refused(m, CALLS["inspect"][0], door="bus", user=None)
    m.run("systemctl", "unmask", "--runtime", "polkit.service")


if __name__ == "__main__":
    tap.main(globals())
