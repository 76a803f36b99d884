"""What is kept of deployments: the plan before, the explanation after, figures, the audit chain,
releases that are refused; and that no secret of a manifest is in any of them."""

import fcntl
import hashlib
import json
import os
import sqlite3

from deployd import Deployd, check, equal, vardict, wait_for
from harness import Error, main, refused

CANARY = "c4n4ry-0f-th3-t3st"


def good_and_bad(d, c):
    d.target("shop")
    equal(c.run(d.release("1.0"))[0], "done")
    return c.run(d.release("2.0", word="broken"), reason="try it")[2]


def test_plan_changes_nothing():
    with Deployd() as d:
        root = d.target("shop")
        c = d.caller()
        plan = json.loads(c.manifest("Plan", d.release("1.0")))
        equal((plan["target"], plan["version"]), ("shop", "1.0"))
        check(not os.path.exists(root), "a plan has made the target's root")
        equal(c.list(), [], "deployments")
        equal(c.run(d.release("1.1"))[0], "done")
        plan = json.loads(c.manifest("Plan", d.release("1.2", word="good two")))
        equal([f["path"] for f in plan["files"]["changed"]], ["word"], "changed files")
        equal(plan["expected"]["samples"], 1, "deployments that the times are from")
        equal(plan["current"], os.path.basename(d.current()))
        for name in ("a", "b"):
            d.target(name, domain="two")
        both = json.loads(c.manifest("Plan", d.release("1.3", target={"domain": "two"}, units=None)))
        equal([p["target"] for p in both], ["a", "b"])


def test_plan_tells_what_stands_in_the_way():
    """and run refuses just that"""
    with Deployd() as d:
        root = d.target("shop")
        c = d.caller()

        def both(base, text):
            try:
                against = str(json.loads(c.manifest("Plan", base))["reasons-against"])
            except Error as error:  # what cannot be made at all has no plan
                against = str(error)
            check(text in against, against)
            result, _, number = c.run(base)
            equal(result, "aborted")
            check(text in c.show(number)["failure"], c.show(number)["failure"])

        os.makedirs(os.path.join(root, "shared"))
        base = d.release("1.0", shared={"directories": ["log"]})
        both(base, "was never the root of")
        with open(os.path.join(root, ".waggle-target"), "w", encoding="utf-8") as f:
            f.write("shop\n")
        equal(json.loads(c.manifest("Plan", base))["reasons-against"], [], "a root that was only marked")
        place = os.path.join(root, "shared", "log")
        with open(place, "w", encoding="utf-8") as f:
            f.write("a file of the administrator")
        both(base, "is no directory in shared/ of the target")
        os.unlink(place)
        os.mkdir(os.path.join(root, "shared", "elsewhere"))
        os.symlink("elsewhere", place)  # which leads to one
        equal(c.run(base)[0], "done")


def test_explanation():
    with Deployd() as d:
        c = d.caller()
        bad = good_and_bad(d, c)
        text = c.call("Explain", "(t)", bad)[0]
        for part in ("try it", "while verifying", "was put back", "the right word", "expected",
                     "observed", "broken", "What was done", "rolling-back"):
            check(part in text, f"'{part}' is not in the explanation:\n{text}")
        text = c.call("Explain", "(t)", bad - 1)[0]
        check("is in force since then" in text and "did not" not in text, text)
        refused("UnknownDeployment", c.call, "Explain", "(t)", 99)


def test_explanation_has_what_the_unit_wrote_or_how_it_ended():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        serve = "#!/bin/sh\necho no such database\nexit 3\n"
        result, status, number = c.run(d.release("1.0", serve=serve,
                                                       settle={"for": "1s", "units": ["shop.service"]}))
        equal((result, status), ("rolled-back", 5))
        text = c.call("Explain", "(t)", number)[0]
        check("shop.service" in text, f"the unit is not in the explanation:\n{text}")
        check("none is current now" in text, text)


def test_figures():
    with Deployd() as d:
        c = d.caller()
        equal(c.call("Stats", "(a{sv})", {})[0]["deployments"], 0)
        check("success-rate" not in c.call("Stats", "(a{sv})", {})[0], "a share of nothing")
        good_and_bad(d, c)
        s = c.call("Stats", "(a{sv})", {})[0]
        equal((s["deployments"], s["done"], s["rolled-back"], s["open"]), (2, 1, 1, 0))
        equal(s["success-rate"], 0.5)
        equal(s["targets"], {"shop": (2, 1)})
        count, mean, p50, p95 = s["recovery"]
        equal(count, 1, "recoveries")
        check(0 < mean == p50 == p95, f"one recovery has one duration: {s['recovery']}")
        equal(s["phases"]["verifying"][0], 2, "verifications")
        order = ["validated", "staging", "switching", "starting", "verifying", "committed"]
        equal([name for name in s["phases"] if name in order], order, "as they come, not by name")
        check(s["phases"]["verifying"][2] <= s["phases"]["verifying"][3], "p50 over p95")
        equal(c.call("Stats", "(a{sv})", vardict({"target": "other"}))[0]["deployments"], 0)


def test_a_release_that_failed_is_refused_until_it_is_forgiven():
    with Deployd() as d:
        c = d.caller()
        bad = good_and_bad(d, c)
        poisoned = c.call("ListPoisoned")[0]
        equal([(p["deployment"], p["target"]) for p in poisoned], [(bad, "shop")])
        base = os.path.join(d.directory, "from", "2.0")
        result, status, number = c.run(base)
        equal((result, status), ("aborted", 1))
        check("refused" in c.show(number)["failure"] or "fail" in c.show(number)["failure"],
              c.show(number)["failure"])
        refused("InvalidState", c.call, "Forgive", "(s)", "0" * 64)
        c.call("Forgive", "(s)", poisoned[0]["digest"])
        equal(c.call("ListPoisoned")[0], [])
        equal(c.run(base)[:2], ("rolled-back", 5), "it is tried again")


# ---- the audit chain
def entries(c):
    return c.call("AuditRead", "(tu)", 1, 0)[0]


def test_audit_chain():
    with Deployd() as d:
        c = d.caller()
        bad = good_and_bad(d, c)
        refused("UnknownDeployment", c.call, "Cancel", "(ta{sv})", 77, {})
        wait_for(lambda: any("UnknownDeployment" in e[2] for e in entries(c)), "the entry of the refusal")
        before = bytes(32)
        for n, (number, time, what, digest) in enumerate(entries(c), 1):
            equal(number, n, "number of an entry")
            before = hashlib.sha256(before + number.to_bytes(8, "big") + time.to_bytes(8, "big")
                                    + what.encode()).digest()
            equal(bytes(digest), before, f"hash of entry {n}")
        words = [json.loads(e[2]) for e in entries(c)]
        call = next(w for w in words if w.get("call") == "Deploy")
        equal((call["who"], call["pid"], call["action"]),
              (f"uid:{os.getuid()}", os.getpid(), "org.waggle.deployment.deploy"))
        end = next(w for w in words if w.get("deployment") == bad and w.get("to") == "rolled-back")
        check(end["digest"] and end["release"], f"what it was about: {end}")
        check("org.waggle.Error.UnknownDeployment" in [w.get("error") for w in words], f"{words}")
        equal(c.call("AuditVerify"), (True, len(words), ""))
        d.wait_log("the hash of the newest is ")


def memfd(text, sealed):
    fd = os.memfd_create("manifest", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, text)
    if sealed:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return fd


def handed(c, base, text, sealed=True):
    """Deploy of a manifest that no directory has."""
    fd = memfd(text, sealed)
    try:
        return c.call("Deploy", "(hsa{sv})", 0, base, {}, fds=[fd])[0]
    finally:
        os.close(fd)


def test_audit_says_what_was_handed_over():
    """A manifest of a memfd has no name but its own"""
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        base = d.release("1.0")
        with open(os.path.join(base, "shop.json"), "rb") as f:
            text = f.read()
        for sealed in (True, False):
            c.completed(handed(c, base, text, sealed))
        refused("InvalidArgument", handed, c, base, b"no manifest at all")
        refused("InvalidArgument", handed, c, base, text.replace(b'"version": "1.0"', b'"version": "1.1", "x": 1'))
        wait_for(lambda: "refused" in entries(c)[-1][2], "the entry of the refusal")
        words = [json.loads(e[2]) for e in entries(c)]
        asked = [w for w in words if w.get("call") == "Deploy" and "result" not in w]
        digest = c.list()[0]["manifest-hash"]
        equal([(w.get("subject"), w.get("manifest"), w["base"]) for w in asked[:2]],
              [("shop 1.0", digest, base)] * 2, "what was handed over")
        equal([w["manifest"] for w in words if w.get("to") == "validated"], [digest] * 2,
              "what came of it")
        equal((asked[2].get("subject"), asked[2]["document"]),
              (None, hashlib.sha256(b"no manifest at all").hexdigest()), "what is no manifest")
        equal(len([w for w in words if w.get("result") == "refused"]), 2, "refusals")


def damage(d, sql):
    """Changes the log while the service is not there."""
    d.stop()
    db = sqlite3.connect(os.path.join(d.state, "deployments.db"))
    db.execute(sql)
    db.commit()
    db.close()
    d.start()
    return d.caller().call("AuditVerify")


def test_changed_audit_log_is_found():
    with Deployd() as d:
        good_and_bad(d, d.caller())
        good, n, problem = damage(d, "UPDATE audit SET what = replace(what, 'uid:', 'uid:9')"
                                     " WHERE n = 1")
        equal((good, n), (False, 0))
        check("entry 1 was changed" in problem, problem)
        d.wait_log("The audit log does not hold: entry 1")


def test_missing_audit_entry_is_found():
    with Deployd() as d:
        good_and_bad(d, d.caller())
        good, n, problem = damage(d, "DELETE FROM audit WHERE n = 4")
        equal((good, n), (False, 3))
        check("entry 4 is missing" in problem, problem)


def test_audit_log_that_ends_too_early_is_found():
    with Deployd() as d:
        bad = good_and_bad(d, d.caller())
        good, n, problem = damage(d, "DELETE FROM audit WHERE n > (SELECT max(n) - 2 FROM audit)")
        check(not good and n > 0, "good")
        check(f"none tells that deployment {bad} became rolled-back" in problem, problem)


# ---- secrets
def test_no_secret_is_told():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        leak = ["/bin/sh", "-c", "echo the word is $WORD; exit 1"]
        manifest = {
            "configuration": [{"file": "etc/shop.conf", "content": f"password = {CANARY}-file\n"}],
            "hooks": {"post-start": [{"command": leak, "environment": [f"WORD={CANARY}-hook"]}]},
        }
        bad = c.run(d.release("1.0", **manifest))
        equal(bad[0], "rolled-back")
        manifest["hooks"] = {}
        manifest["checks"] = [{"file": "${target.root}/current/etc/shop.conf", "name": "conf",
                               "expect": {"content": {"contains": "nothing of it"}}}]
        seen = c.run(d.release("1.1", **manifest))
        equal(seen[0], "rolled-back")
        told = [c.call("Show", "(t)", n)[0] + c.call("Explain", "(t)", n)[0]
                for n in (bad[2], seen[2])]
        told += [str(c.list()), str(c.call("ListPoisoned")), str(entries(c)), str(c.client.signals),
                 "".join(d.log_lines())]
        for n, text in enumerate(told):
            where = max(0, text.find(CANARY) - 200)
            check(CANARY not in text, f"a secret is told ({n}): ...{text[where:][:300]}")
        check("(hidden)" in told[0] and "(hidden)" in told[1], "nothing was hidden")
        check("the word is (hidden)" in told[0], "what the hook wrote is not told at all")


if __name__ == "__main__":
    main(dict(globals()))
