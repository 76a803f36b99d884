#!/usr/bin/python3
"""Deployments of a real web service by the installed service, under a real systemd: good ones, bad ones,
and what is left when the service or the machine dies in the middle."""

import json
import re

from harness import roots, tap
from harness.shop import DEPLOYD, HOLD, UNIT, Shop

NOT_MINE = ("NotAuthorized", "InteractiveAuthorizationRequired", "AccessDenied")
IDS = dict(re.findall(
    r"#define (WG_MSG_\w+) \"([0-9a-f]{32})\"",
    (roots.TOP / "src/common/message-ids.h").read_text(encoding="utf-8"),
))  # fmt: skip
MASS = 20
SERVES_AGAIN = 3  # seconds until a roll-back serves; judged with what a busy machine may take longer
BUSY = 5


def _told(m, name):
    """Entries of the journal with this message ID."""
    return m.journal("MESSAGE_ID=" + IDS["WG_MSG_" + name])


def _judge_time(shop, word):
    """The roll-back that was the newest deployment had this release serve soon."""
    took = shop.serves_after(word)
    print(f"# from the beginning of the roll-back to serving: {took:.2f} s")
    assert 0 < took < SERVES_AGAIN * BUSY, took


def test_good(m):
    """a good release is deployed, verified and told in the journal, by a service that the call started"""
    shop = Shop(m)
    shop.target()
    assert m.show(DEPLOYD, "ActiveState") == "inactive"
    m.run("systemctl", "start", "waggle.target")
    assert m.show("waggle-deployd.socket", "ActiveState") == "active"
    status, text = shop.deploy(shop.release("good-1"))
    assert status == 0, (status, text)
    shop.serves("good-1")
    assert m.show(UNIT, "UnitFileState") == "enabled"
    for name in ("DEPLOYMENT_STARTED", "DEPLOYMENT_COMMITTED"):
        told = _told(m, name)
        assert len(told) == 1 and told[0]["WAGGLE_TARGET"] == "shop", (name, told)
        assert told[0]["_SYSTEMD_UNIT"] == DEPLOYD, told


def test_next(m):
    """the next release takes the place of the one before"""
    shop = Shop(m)
    before = m.show(UNIT, "InvocationID")
    status, text = shop.deploy(shop.release("good-2"))
    assert status == 0, (status, text)
    shop.serves("good-2")
    assert m.show(UNIT, "InvocationID") != before


def test_crash_at_start(m):
    """a release that crashes when it starts is undone, and its last words are in the explanation"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-crash", "crash"))
    assert status == 5, (status, text)
    shop.serves("good-2")
    assert len(_told(m, "DEPLOYMENT_ROLLED_BACK")) == 1
    why = m.out("waggle", "deploy", "explain", shop.newest()["id"])
    assert "no such table: basket" in why, why


def test_wrong_answer(m):
    """a release that starts and answers wrongly is undone, and refused the next time"""
    shop = Shop(m)
    manifest = shop.release("bad-answer")
    status, text = shop.deploy(manifest)
    assert status == 5 and "it answers" in text, (status, text)
    shop.serves("good-2")
    _judge_time(shop, "good-2")
    status, text = shop.deploy(manifest)
    assert status == 1, (status, text)
    shop.serves("good-2")


def test_slow(m):
    """a release that is not ready within its budget is undone"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-slow", "slow", budgets={"deploy": "15s", "rollback": "5s"}))
    assert status == 5, (status, text)
    shop.serves("good-2")


def test_old_process_answers(m):
    """that the process of the release before goes on answering is no success of the new one"""
    shop = Shop(m)
    keys = ["KillMode=process"]
    status, text = shop.deploy(shop.release("good-tidy", "tidy", keys))
    assert status == 0, (status, text)
    status, text = shop.deploy(shop.release("good-careless", "careless", keys))
    assert status == 5 and "it answers" in text, (status, text)
    shop.serves("good-tidy")
    # its unit file is there before the old one is stopped, so the stop is that of a whole control group
    status, text = shop.deploy(shop.release("good-3"))
    assert status == 0, (status, text)
    shop.serves("good-3")


def test_not_confirmed(m):
    """a release that nobody confirms in time is undone"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-unconfirmed"), "--confirm=3s")
    assert status == 5, (status, text)
    shop.serves("good-3")
    assert len(_told(m, "DEPLOYMENT_WAITS")) == 1


def test_confirmed(m):
    """one that is confirmed stays"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-confirmed"), "--confirm=5min", "--no-wait")
    assert status == 0, (status, text)
    row = shop.wait_newest("verified")
    shop.serves("good-confirmed")
    m.run("waggle", "deploy", "confirm", row["id"])
    shop.wait_newest("done")
    shop.serves("good-confirmed")


def test_killed(m):
    """when the service is killed in the middle of a verification, systemd starts it and it undoes the release"""
    shop = Shop(m)
    status, text = shop.deploy(shop.release("good-killed", checks=[HOLD]), "--no-wait")
    assert status == 0, (status, text)
    shop.wait_newest("verifying")
    pid = m.show(DEPLOYD, "MainPID")
    m.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", DEPLOYD)
    m.wait("it is back", lambda: m.show(DEPLOYD, "MainPID") not in ("0", pid))
    shop.wait_newest("rolled-back")
    shop.serves("good-confirmed")
    assert _told(m, "DEPLOYMENT_RECOVERED")
    left = m.out("systemctl", "list-units", "--plain", "--no-legend", "--state=running", "waggle-*.service")
    # the monitoring service is one of waggle.target's
    assert {line.split()[0] for line in left.splitlines()} <= {DEPLOYD, "waggle-monitord.service"}, left


def test_rights(m):
    """who has no rights may not deploy; the group waggle-admin may look and roll back, but not deploy"""
    shop = Shop(m)
    manifest = shop.release("good-other")
    m.run("cp", "-r", "/root/releases/good-other", "/srv/other")
    manifest = "/srv/other/shop.json"
    m.run("gpasswd", "--add", "carol", "waggle-admin")
    for user in ("bob", "carol"):
        status, text = shop.deploy(manifest, user=user)
        assert status == 1 and "polkit does not allow" in text, (user, status, text)
    assert m.run("waggle", "deploy", "list", user="bob", check=False).returncode != 0
    assert "shop" in m.out("waggle", "deploy", "list", user="carol")
    assert m.run("waggle", "deploy", "rollback", "shop", user="bob", check=False).returncode == 1
    shop.serves("good-confirmed")
    done = m.run("waggle", "deploy", "rollback", "shop", "--reason=a try", user="carol", check=False, timeout=120)
    assert done.returncode == 5, done
    shop.serves("good-3")
    assert shop.newest()["kind"] == "rollback", shop.newest()
    _judge_time(shop, "good-3")


def test_power_cut(m):
    """when the machine dies in the middle of a verification, the old release is the only one that the next boot starts"""
    shop = Shop(m)
    before = m.out("cat", "/srv/shop/current/word").split()[0]
    status, text = shop.deploy(shop.release("good-cut", checks=[HOLD]), "--no-wait")
    assert status == 0, (status, text)
    shop.wait_newest("verifying")
    shop.serves("good-cut")
    m.power_cut()
    assert m.show("waggle-deployd-recover.service", "Result") == "success"
    shop.wait_newest("rolled-back")
    shop.serves(before)
    # the unit is enabled, so the boot has started it, and the service once more in the end
    assert set(shop.starts()) == {before}, shop.starts()


def _cut_in_a_row(m, shop, word, cuts, end):
    """The machine dies `cuts` times in one roll-back, which then ends as `end`; what serves in all of it is what did."""
    before = m.out("cat", "/srv/shop/current/word").split()[0]
    # the way back is held until there was the last cut
    hook = {"command": ["/bin/sh", "-c", f"test $(wc -l </root/cuts) -ge {cuts} || exec sleep 600"], "timeout": "5min"}
    never = {"file": "/run/nobody-makes-this", "name": "never"}
    m.run("tee", "/root/cuts", stdin="")
    manifest = shop.release(word, checks=[never], hooks={"pre-rollback": [hook]})
    status, text = shop.deploy(manifest, "--no-wait")
    assert status == 0, (status, text)
    for n in range(1, cuts + 1):
        row = shop.wait_newest("rolling-back")
        assert m.wait(f"try {n}", lambda: shop.shown()["tries"] == n, 60), row
        m.run("sh", "-c", "echo >>/root/cuts; sync")
        m.power_cut()
        assert m.show("waggle-deployd-recover.service", "Result") == "success"
        if n < cuts:
            m.wait_state(UNIT, "active")
            shop.serves(before)
            assert set(shop.starts()) == {before}, shop.starts()
    # after the last one nothing holds the roll-back, which starts the unit once more
    shop.wait_newest(end)
    m.wait_state(UNIT, "active")
    shop.serves(before)
    assert set(shop.starts()) == {before}, shop.starts()
    m.run("waggle", "audit", "verify")


def test_power_cuts_in_a_row(m):
    """a machine that dies again and again in one roll-back comes up with the old release each time; after the third try
    the roll-back has failed, and nothing is changed until a person says so"""
    shop = Shop(m)
    _cut_in_a_row(m, shop, "good-twice", 2, "rolled-back")
    assert shop.shown()["tries"] == 3
    _cut_in_a_row(m, shop, "good-thrice", 3, "rollback-failed")
    assert m.journal("MESSAGE_ID=" + IDS["WG_MSG_ROLLBACK_FAILED"], since="@0")
    manifest = shop.release("good-after")
    status, text = shop.deploy(manifest)
    assert status == 1 and "roll-back" in text, (status, text)
    status, text = shop.deploy(manifest, "--force")
    assert status == 0, (status, text)
    shop.serves("good-after")


def test_mass(m):
    """of 20 instances of a template those after the first failure are left alone"""
    shop = Shop(m)
    web = "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/srv/web/%i/current/bin/serve 81%i\n"
    m.run("tee", "/etc/systemd/system/web@.service", stdin=web)
    m.run("systemctl", "daemon-reload")
    for i in range(1, MASS + 1):
        text = f"[Target]\nRoot=/srv/web/{i:02}\nDomain=web\nInstance={i:02}\n"
        shop.target(f"web-{i:02}", text)
    m.run("mkdir", "-p", "/srv/web")
    m.run("systemd-run", "--unit=taken", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "8103")
    checks = [{
        "http": "http://127.0.0.1:81${target.instance}/", "name": "it answers", "attempts": 3, "pause": "100ms",
        "unit": "web@${target.instance}.service", "expect": {"status": 200, "body": "good-web"},
    }]  # fmt: skip
    manifest = shop.release(
        "good-web", target={"domain": "web"}, checks=[], units={"start": ["web@${target.instance}.service"]}
    )
    content = json.loads(m.out("cat", manifest))
    m.run("tee", manifest, stdin=json.dumps(content | {"checks": checks}))
    status, text = shop.deploy(manifest, "--parallel=2", "--max-failures=1")
    assert status == 5, (status, text)
    states = {row["target"]: row["state"] for row in shop.history() if row["target"].startswith("web-")}
    assert states.get("web-01") == states.get("web-02") == "done", states
    assert states.get("web-03") == "rolled-back", states
    assert not [name for name, state in states.items() if name > "web-05" and state == "done"], states
    assert m.show("web@01.service", "ActiveState") == "active" and m.show("web@03.service", "ActiveState") != "active"


if __name__ == "__main__":
    tap.main(globals())
