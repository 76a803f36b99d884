#!/usr/bin/python3
"""Who may deploy: each action of org.waggle.deployment, asked of the real polkitd for a second uid, refused
and allowed; and the same calls on the private socket, where nobody is asked.

bob is the second uid; what he may comes from rules that the tests write.
"""

import json
import re

from harness import roots, tap
from harness.access import Access
from harness.shop import HOLD, Shop

NAME = "org.waggle.Deployment1"
JOB = NAME + ".Job"
JOB_PATH = "/org/waggle/Deployment1/job/1"
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
        ("Explain", "(uint64 1,)", {}), ("Stats", f"({EMPTY},)", {}), ("CheckDrift", f"(@as [], {EMPTY})", {}),
        ("ListPoisoned", "()", {}),
        ("AuditRead", "(uint64 1, uint32 1)", {}), ("AuditVerify", "()", {}),
    ],
    "manage": [("Forgive", f"('{'0' * 64}',)", {}), ("Reload", "()", {})],
}  # fmt: skip
OPEN = ("Validate", "Ping")
ACCESS = Access(NAME, "org.waggle.deployment", CALLS)


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
    walked = ACCESS.methods() | {(NAME, method) for method in OPEN}
    assert methods == walked, methods ^ walked


def test_open(m):
    """everybody may ask whether a manifest is good, on both doors"""
    m.run("tee", "/srv/bad.json", stdin='{"name": "shop", "colour": "red"}')
    for door in ("socket", "bus"):
        assert ACCESS.call(m, ("Ping", "()", {}), door=door) == []
        assert ACCESS.call(m, ("Validate", WITH_FILE, {"file": MANIFEST}), door=door) == [[]]
        problems = ACCESS.call(m, ("Validate", WITH_FILE, {"file": "/srv/bad.json"}), door=door)[0]
        assert any("colour" in p[3] for p in problems), problems


def test_refused(m):
    """without a rule each call is refused on the bus, and on the socket with the word that the bus is to be asked"""
    ACCESS.all_refused(m)
    Shop(m).serves("good-1")
    assert len(Shop(m).history()) == 1


def test_each_action_allows_its_own(m):
    """a rule for one action opens the calls of that one on the bus, nothing else, and nothing on the socket"""
    ACCESS.each_opens_its_own(m)
    assert len(Shop(m).history()) == 1, "a call that names nothing deployed something"


def test_root_on_both_doors(m):
    """root is not asked on either door"""
    for door in ("socket", "bus"):
        for action in ("inspect", "manage"):
            for call in CALLS[action]:
                assert not ACCESS.is_refused(m, call, door=door, user=None), (door, call)


def test_deploy(m):
    """who may deploy does, and the audit log says who it was"""
    shop = Shop(m)
    ACCESS.allow(m, "deploy")
    path = ACCESS.call(m, ("Deploy", WITH_FILE, {"file": MANIFEST}), door="bus")[0]
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
    ACCESS.allow(m, "rollback")
    ACCESS.call(m, ("Rollback", f"('shop', {EMPTY})", {}), door="bus")
    shop.wait_newest("done")
    shop.serves("good-1")


def test_confirm(m):
    """who may confirm does, and not by the rule for another action"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-3"), "--confirm=5min", "--no-wait")
    assert status == 0, text
    row = shop.wait_newest("verified")
    confirm = ("Confirm", f"(uint64 {row['id']}, {EMPTY})", {})
    ACCESS.allow(m, "deploy", "rollback", "cancel", "inspect", "manage")
    assert ACCESS.is_refused(m, confirm, door="bus")
    assert shop.newest()["state"] == "verified"
    ACCESS.allow(m, "confirm")
    ACCESS.call(m, confirm, door="bus")
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
        ACCESS.allow(m, "deploy", "rollback", "confirm", "inspect", "manage")
        assert ACCESS.is_refused(m, call, door="bus"), kind
        ACCESS.allow(m, "cancel")
        ACCESS.call(m, call, door="bus")
        shop.wait_newest("rolled-back")
        shop.serves("good-3")


def test_without_polkit(m):
    """without polkitd nothing is allowed but what is open, and root goes on"""
    with ACCESS.without_polkit(m):
        assert ACCESS.call(m, ("Validate", WITH_FILE, {"file": MANIFEST}), door="bus") == [[]]
        assert not ACCESS.is_refused(m, CALLS["inspect"][0], door="bus", user=None)


if __name__ == "__main__":
    tap.main(globals())
