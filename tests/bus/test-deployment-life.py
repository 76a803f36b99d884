"""waggle-deployd as a service: job objects and their end, connections that hold a deployment, the
configuration's bounds, reload, a kill, and work that waits for the message bus."""

import os
import signal

from client import MANAGER, Error
from deployd import JOB, PATH, Deployd, check, equal, wait_for
from harness import main, refused

CONFIRM = 60 * 1000000
SLOW = [{"command": "slow", "argv": ["/bin/sleep", "30"], "timeout": "40s",
         "expect": {"exit-status": 0}}]


def managed(c):
    return c.call("GetManagedObjects", interface=MANAGER)[0]


def test_job_object_stays_for_a_while():
    with Deployd(config="[Deploy]\nKeepJobsSec=3s\n") as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        listed = managed(c)[job][JOB]
        equal((listed["Kind"], listed["State"], listed["Targets"]), ("deploy", "running", ["shop"]))
        check(job in [s[1][0] for s in c.client.signals if s[0] == "InterfacesAdded"],
              "its object was not announced")
        c.call("Confirm", "(ta{sv})", number, {})
        c.completed(job)
        equal((c.job(job, "Result"), c.job(job, "Exit")), ("done", 0))
        wait_for(lambda: job in [s[1][0] for s in c.client.signals if s[0] == "InterfacesRemoved"],
                 "the end of the object")
        check(job not in managed(c), "the object is still listed")
        equal([x["id"] for x in c.list(job=int(job.rsplit("/", 1)[1]))], [number], "the history")
        try:
            c.job(job, "State")
            check(False, "the object is still there")
        except Error:
            pass


def test_connection_that_holds_takes_it_back():
    with Deployd() as d:
        d.target("shop")
        watcher, holder = d.caller(), d.caller()
        job = holder.deploy(d.release("1.0"), hold=True, confirm=CONFIRM)
        number = watcher.job(job, "Deployments")[0]
        watcher.wait_state(number, "verified")
        holder.client.close()
        equal(watcher.completed(job), ("rolled-back", 5))
        check("connection" in watcher.list()[0]["failure"], watcher.list()[0]["failure"])


def test_configuration_bounds_what_is_asked_for():
    with Deployd(config="[Deploy]\nConfirmMaxSec=1s\nPoisonSec=0\n") as d:
        d.target("shop")
        c = d.caller()
        base = d.release("1.0")
        refused("InvalidArgument", c.deploy, base, confirm=CONFIRM, text="at most 1s")
        equal(c.run(base, confirm=1000000)[0], "rolled-back", "nobody confirmed it")
        equal(c.run(d.release("2.0", word="broken"))[0], "rolled-back")
        equal(c.call("ListPoisoned")[0], [], "refused releases")


def kept(d, directory):
    return [x for x in os.listdir(os.path.join(d.srv, "shop", directory)) if not x.endswith(".tree")]


def test_retention_is_the_configurations_where_the_manifest_is_silent():
    with Deployd(config="[Retention]\nCount=2\nFailed=1\n[Deploy]\nPoisonSec=0\n") as d:
        d.target("shop")
        c = d.caller()
        for n in range(3):
            equal(c.run(d.release(f"1.{n}", word=f"good {n}"))[0], "done")
        equal(len(kept(d, "releases")), 2, "releases by the configuration")
        for n in range(2):
            equal(c.run(d.release(f"2.{n}", word=f"broken {n}"))[0], "rolled-back")
        equal(len(kept(d, "failed")), 1, "failed ones by the configuration, after a failure")
        equal(c.run(d.release("3.0", word="good 3", retention={"count": 3, "failed": 0}))[0], "done")
        equal((len(kept(d, "releases")), kept(d, "failed")), (3, []), "by the manifest")


def test_reload():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        d.configure("[Deploy]\nConfirmMaxSec=soon\n")
        refused("Configuration", c.call, "Reload", text="ConfirmMaxSec")
        d.configure("[Deploy]\nKeys=here\n")
        refused("Configuration", c.call, "Reload", text="no absolute path")
        d.configure(f"[Programs]\nUnitDirectory={d.units}\n[Deploy]\nConfirmMaxSec=1s\n")
        c.call("Reload")
        base = d.release("1.0")
        refused("InvalidArgument", c.deploy, base, confirm=CONFIRM, text="ConfirmMaxSec")
        equal(c.run(base, confirm=1000000)[0], "rolled-back", "nobody confirms")


def test_targets_are_read_anew():
    with Deployd() as d:
        c = d.caller()
        base = d.release("1.0")
        refused("InvalidArgument", c.deploy, base, text="/target")
        d.target("shop")
        equal(c.run(base)[0], "done")


def test_killed_while_it_verifies():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0"))[0], "done")
        before = d.current()
        job = c.deploy(d.release("2.0", word="good two", checks=SLOW))
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verifying")
        d.stop(sig=signal.SIGKILL)
        d.start()
        c = d.caller()
        wait_for(lambda: c.list(max=1)[0]["state"] == "rolled-back", "the end")
        equal(d.current(), before, "the link")
        d.wait_log("1 deployment was cut off and is finished or undone")
        text = c.call("Explain", "(t)", number)[0]
        check("the daemon was ended while this was verifying" in text, text)


def test_leaving_cuts_and_the_next_start_undoes():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0"))[0], "done")
        before = d.current()
        job = c.deploy(d.release("2.0", word="good two", checks=SLOW))
        c.wait_state(c.job(job, "Deployments")[0], "verifying")
        d.restart()
        c = d.caller()
        wait_for(lambda: c.list(max=1)[0]["state"] == "rolled-back", "the end")
        equal(d.current(), before, "the link")


def test_open_work_waits_for_the_bus():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        d.stop(sig=signal.SIGKILL)
        address = d.bus.address
        d.bus.address = "unix:path=" + os.path.join(d.directory, "no-bus")
        d.start()
        c = d.caller()
        check(any("wait for the message bus" in why for why in c.get("Degraded")), c.get("Degraded"))
        refused("InvalidState", c.deploy, d.release("2.0"), text="message bus")
        equal(c.list(max=1)[0]["state"], "verified", "it is left as it is")
        d.stop()
        d.bus.address = address
        d.start()
        c = d.caller()
        c.call("Confirm", "(ta{sv})", number, {})
        wait_for(lambda: c.list(max=1)[0]["state"] == "done", "the end")
        equal(c.get("Degraded"), [])
        equal(c.call("Ping", path=PATH), ())


if __name__ == "__main__":
    main(dict(globals()))
