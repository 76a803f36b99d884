"""Units that come and go with releases, and unit files that several targets have."""

import json
import os

from deployd import Deployd, check, equal, vardict
from harness import main, refused, wait_for

CONFIRM = 60 * 1000000
BOTH = {"install": ["units/shop.service", "units/worker.service"],
        "start": ["shop.service", "worker.service"], "enable": ["worker.service"]}


def with_worker(d, name, target="shop", text=None, units=None, **manifest):
    """A release with a second unit file; `units` is the manifest's."""
    base = d.release(name, target=target, units=units or BOTH, **manifest)
    with open(os.path.join(base, "tree", "units", "worker.service"), "w", encoding="utf-8") as f:
        f.write(text or "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=a.target\n")
    return base


def state(d, unit):
    """ActiveState, by the manager."""
    path = d.manager_client.raw("LoadUnit", "(s)", unit, path="/org/freedesktop/systemd1",
                                interface="org.freedesktop.systemd1.Manager")[0]
    return d.manager_client.raw("Get", "(ss)", "org.freedesktop.systemd1.Unit", "ActiveState",
                                path=path, interface="org.freedesktop.DBus.Properties")[0]


def begun(d):
    d.target("shop")
    d.manager_client = d.client(over_bus=True)
    d.manager_client.destination = "org.freedesktop.systemd1"
    return d.caller()


def installed(d, name):
    return os.path.exists(os.path.join(d.units, name))


def plan_of(c, base):
    return json.loads(c.manifest("Plan", base))


def test_unit_that_is_gone():
    with Deployd() as d:
        c = begun(d)
        equal(c.run(with_worker(d, "1.0"))[0], "done")
        equal((state(d, "worker.service"), installed(d, "worker.service")), ("active", True))
        new = d.release("2.0", word="good two")
        plan = plan_of(c, new)
        removed = {u["unit"] for u in plan["units"] if u["change"] == "removed"}
        equal(removed, {"worker.service", "worker.service.d/50-waggle.conf"}, "what the plan removes")
        equal((plan["restarts"]["stop"], plan["restarts"]["disable"]),
              (["worker.service"], ["worker.service"]))
        equal((state(d, "worker.service"), installed(d, "worker.service")), ("active", True))
        equal(c.run(new)[0], "done")
        wait_for(lambda: not installed(d, "worker.service"), "the unit file to go")
        equal(state(d, "worker.service"), "inactive")
        check(not installed(d, "worker.service.d"), "its drop-in stayed")
        job = c.call("Rollback", "(sa{sv})", "shop", vardict({}))[0]
        equal(c.completed(job)[1], 5)
        equal((state(d, "worker.service"), installed(d, "worker.service")), ("active", True))
        equal(state(d, "shop.service"), "active")


def test_unit_that_is_gone_comes_back():
    """A release that is not kept takes nothing away."""
    with Deployd() as d:
        c = begun(d)
        equal(c.run(with_worker(d, "1.0"))[0], "done")
        equal(c.run(d.release("2.0", word="bad"))[0], "rolled-back")
        equal((state(d, "worker.service"), installed(d, "worker.service")), ("active", True))
        base = d.release("3.0", word="good three")
        job = c.deploy(base, confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        equal(state(d, "worker.service"), "inactive", "no old program beside the new one")
        check(installed(d, "worker.service"), "it goes with the commit, not before")
        c.call("Cancel", "(ta{sv})", number, {})
        equal(c.completed(job)[1], 5)
        equal(state(d, "worker.service"), "active")


ONE = {"install": ["units/worker.service"], "start": []}


def test_unit_file_of_two_targets():
    with Deployd() as d:
        c = begun(d)
        d.target("blog")
        same = {"units": ONE}
        equal(c.run(with_worker(d, "1.0", **same))[0], "done")
        other = "[Service]\nExecStart=/bin/sleep 2000\n"
        base = with_worker(d, "2.0", target="blog", text=other, **same)
        reason, = plan_of(c, base)["reasons-against"]
        check("worker.service" in reason and "target shop" in reason, reason)
        result, _status, number = c.run(base)
        equal(result, "aborted")
        check("target shop" in c.show(number)["failure"], c.show(number)["failure"])
        equal(c.run(with_worker(d, "3.0", target="blog", **same))[0], "done", "the same content")
        refused("InvalidArgument", c.deploy, base, targets=["nobody"])
        equal(c.run(d.release("4.0", units={"start": []}))[0], "done", "shop has it no more")
        check(installed(d, "worker.service"), "it is blog's still")
        equal(c.run(base)[0], "done", "nobody else has it now")


def test_undo_leaves_what_another_target_has():
    with Deployd() as d:
        c = begun(d)
        d.target("blog")
        same = {"units": ONE}
        job = c.deploy(with_worker(d, "1.0", **same), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        equal(c.run(with_worker(d, "2.0", target="blog", **same))[0], "done")
        c.call("Cancel", "(ta{sv})", number, {})
        equal(c.completed(job)[1], 5)
        check(installed(d, "worker.service"), "the first deployment's undo took the file of another")


def hardened(d, name, lines, **manifest):
    base = d.release(name, word="good " + name, **manifest)
    with open(os.path.join(base, "tree", "units", "shop.service"), "a", encoding="utf-8") as f:
        f.write(lines)
    return base


HARD = "PrivateNetwork=yes\nPrivateDevices=yes\nProtectSystem=strict\nNoNewPrivileges=yes\n"


def test_exposure():
    """As systemd-analyze counts it: told when it rises, refused above the bound of the manifest."""
    with Deployd() as d:
        c = begun(d)
        equal(c.run(hardened(d, "1.0", HARD))[0], "done")
        soft = hardened(d, "2.0", "", require={"exposure-at-most": 90})
        plan = plan_of(c, soft)
        row, = plan["exposure"]
        check(row["unit"] == "shop.service" and row["before"] < row["after"] > 90, str(row))
        reason, = plan["reasons-against"]
        check("exposure of shop.service" in reason and "above the 9.0" in reason, reason)
        result, _status, number = c.run(soft)
        equal(result, "aborted")
        check("above the 9.0" in c.show(number)["failure"], c.show(number)["failure"])
        equal(d.word(), "good 1.0", "what serves")
        equal(c.run(hardened(d, "3.0", ""))[0], "done", "without a bound it is only told")
        told = [s[2] for s in c.client.of("Progress") if "rises from" in s[2]]
        equal(len(told), 1, f"told: {told}")
        equal(plan_of(c, hardened(d, "4.0", HARD))["exposure"][0]["before"], row["after"])


def test_dependents():
    """Units of others that go down with ours are told before."""
    with Deployd() as d:
        c = begun(d)
        with open(os.path.join(d.units, "proxy.service"), "w", encoding="utf-8") as f:
            f.write("[Unit]\nRequires=shop.service\n[Service]\nExecStart=/bin/sleep 1000\n")
        equal(state(d, "proxy.service"), "inactive")  # it is loaded now, and known
        path = "/org/freedesktop/systemd1"
        base = d.release("1.0")
        equal(c.run(base)[0], "done")
        d.manager_client.raw("StartUnit", "(ss)", "proxy.service", "replace", path=path,
                             interface="org.freedesktop.systemd1.Manager")
        plan = plan_of(c, d.release("2.0", word="good two"))
        equal(plan["dependents"], [{"unit": "proxy.service", "of": "shop.service"}])
        equal(c.run(d.release("3.0", word="good three"))[0], "done")
        check(any("proxy.service depends on shop.service" in s[2] for s in c.client.of("Progress")),
              "the deployment did not tell")


def test_dependents_are_up_again():
    """Where a unit is stopped and not just restarted, systemd stops what requires it, and brings none of it back."""
    with Deployd() as d:
        c = begun(d)
        alive = "[Service]\nExecStart=/bin/sleep 1000\n"
        with open(os.path.join(d.units, "proxy.service"), "w", encoding="utf-8") as f:
            f.write("[Unit]\nRequires=shop.service\nAfter=shop.service\n" + alive)
        with open(os.path.join(d.units, "front.service"), "w", encoding="utf-8") as f:
            f.write("[Unit]\nBindsTo=proxy.service\nAfter=proxy.service\n" + alive)
        with open(os.path.join(d.units, "idle.service"), "w", encoding="utf-8") as f:
            f.write("[Unit]\nRequires=shop.service\n" + alive)
        others = ("proxy.service", "front.service", "idle.service")
        equal([state(d, unit) for unit in others], ["inactive"] * 3)  # they are loaded now, and known
        stopping = {"strategy": {"restart": "stop-start"}}
        equal(c.run(d.release("1.0", **stopping))[0], "done")
        for unit in others[:2]:
            d.manager_client.raw("StartUnit", "(ss)", unit, "replace", path="/org/freedesktop/systemd1",
                                 interface="org.freedesktop.systemd1.Manager")
        wait_for(lambda: [state(d, unit) for unit in others] == ["active", "active", "inactive"], "them to be up")

        def told():
            return [s[2].split()[0] for s in c.client.of("Progress") if "is started again" in s[2]]

        equal(c.run(d.release("2.0", word="good two", **stopping))[0], "done")
        equal(told(), ["proxy.service", "front.service"], "started again, in their order")
        equal([state(d, unit) for unit in others], ["active", "active", "inactive"])
        bad = [{"file": "${target.root}/current/word", "name": "wrong", "expect": {"content": {"contains": "other"}}}]
        equal(c.run(d.release("3.0", word="good three", checks=bad, **stopping))[0], "rolled-back")
        equal(told(), ["proxy.service", "front.service"] * 2, "the way back only restarts, which stops nobody here")
        equal([state(d, unit) for unit in others], ["active", "active", "inactive"])


def test_a_dependent_that_does_not_start_again():
    with Deployd() as d:
        c = begun(d)
        flag = os.path.join(d.directory, "may-start")
        with open(flag, "w", encoding="utf-8"):
            pass
        with open(os.path.join(d.units, "proxy.service"), "w", encoding="utf-8") as f:
            f.write(f"[Unit]\nRequires=shop.service\nAfter=shop.service\n[Service]\nType=oneshot\n"
                    f"RemainAfterExit=yes\nExecStart=/usr/bin/test -e {flag}\n")
        equal(state(d, "proxy.service"), "inactive")
        stopping = {"strategy": {"restart": "stop-start"}}
        equal(c.run(d.release("1.0", **stopping))[0], "done")
        d.manager_client.raw("StartUnit", "(ss)", "proxy.service", "replace", path="/org/freedesktop/systemd1",
                             interface="org.freedesktop.systemd1.Manager")
        wait_for(lambda: state(d, "proxy.service") == "active", "it to be up")
        os.unlink(flag)
        result, _status, number = c.run(d.release("2.0", word="good two", **stopping))
        equal(result, "rolled-back")
        text = json.dumps(c.show(number))
        check("proxy.service did not start" in text, text)
        check(any("it was up before" in s[2] for s in c.client.of("Progress")), "the way back says nothing of it")
        equal(state(d, "shop.service"), "active")


def test_verification_tells_how_far_it_is():
    with Deployd() as d:
        c = begun(d)
        checks = [{"file": "${target.root}/current/word", "name": f"look {i}",
                   "expect": {"content": {"contains": "good"}}} for i in range(4)]
        c.run(d.release("1.0", checks=checks, settle={"for": "200ms", "journal": False}))
        told = [(s[1], s[2]) for s in c.client.of("Progress") if "checks are over" in s[2]]
        equal([text for _percent, text in told], [f"{i + 1} of 5 checks are over" for i in range(5)])
        percents = [percent for percent, _text in told]
        check(percents == sorted(percents) and percents[0] < percents[-1], str(percents))
        settle = [r for r in c.show(1)["results"]["checks"] if r["type"] == "settle"]
        equal([(r["subject"], r["verdict"]) for r in settle], [("shop.service", "pass")],
              "without units it is about those that were started")


if __name__ == "__main__":
    main(dict(globals()))
