"""A deployment over D-Bus from its manifest to its end: a good one, a bad one that goes back by
itself, one that waits to be confirmed, one that is cancelled, and those that are refused."""

import json
import os
import shutil

from deployd import Deployd, check, equal, vardict, wait_for
from harness import main, refused

CONFIRM = 60 * 1000000


def test_good_release_is_committed():
    with Deployd() as d:
        d.target("shop", domain="web")
        c = d.caller()
        result, status, number = c.run(d.release("1.0"), reason="the first")
        equal((result, status), ("done", 0))
        equal(d.word(), "good")
        equal(c.states(number)[-2:], ["cleaning", "done"], "its last states")
        check("verifying" in c.states(number), f"it was never verified: {c.states(number)}")
        target = c.targets()["shop"]
        equal(target["current"], os.path.basename(d.current()), "current of List")
        equal(target["good"], target["current"], "the last good release")
        equal(target["domain"], "web")
        shown = c.show(number)
        equal((shown["state"], shown["reason"], shown["verdict"]), ("done", "the first", "pass"))
        equal(shown["results"]["checks"][0]["name"], "the right word")
        check(json.loads(c.client.of("Result")[0][1])["verdict"] == "pass", "no result was told")


def test_bad_release_goes_back_by_itself():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0"))[:2], ("done", 0))
        before = d.current()
        result, status, number = c.run(d.release("2.0", word="broken"))
        equal((result, status), ("rolled-back", 5))
        equal(d.current(), before, "the link")
        check("rolling-back" in c.states(number), "no roll-back was told")
        equal(c.list(target="shop")[0]["verdict"], "fail")
        check("the right word" in c.list(max=1)[0]["failure"], "the failure names no check")
        equal([x["state"] for x in c.list()], ["rolled-back", "done"], "newest first")
        wait_for(lambda: d.served()[1:] and d.served()[-1] == "good", "the old release to serve")


def test_first_deployment_that_fails_leaves_none():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0", word="broken"))[:2], ("rolled-back", 5))
        equal(d.current(), None, "the link")


def test_confirm():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        equal(c.get("NActive"), 1)
        equal(c.job(job, "State"), "running")
        c.call("Confirm", "(ta{sv})", number, {})
        equal(c.completed(job), ("done", 0))
        refused("UnknownDeployment", c.call, "Confirm", "(ta{sv})", number, {})


def test_unconfirmed_goes_back():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0"))[:2], ("done", 0))
        before = d.current()
        equal(c.run(d.release("2.0", word="good two"), confirm=1000000)[:2], ("rolled-back", 5))
        equal(d.current(), before, "the link")


def test_cancel_takes_it_back():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        c.call("Cancel", "(ta{sv})", number, {})
        equal(c.completed(job), ("rolled-back", 5))
        equal(d.current(), None, "the link")
        refused("UnknownDeployment", c.call, "Cancel", "(ta{sv})", number, {})


def test_a_target_takes_one_at_a_time():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        refused("TargetBusy", c.deploy, d.release("2.0"), text=f"deployment {number}")
        against = json.loads(c.manifest("Plan", d.release("2.1")))["reasons-against"]
        check(any(f"is held by deployment {number}" in each for each in against), str(against))
        c.call("Cancel", "()", path=job, interface="org.waggle.Deployment1.Job")
        equal(c.completed(job)[1], 5)


def test_rollback_by_hand():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        refused("InvalidState", c.call, "Rollback", "(sa{sv})", "shop", {})
        equal(c.run(d.release("1.0"))[0], "done")
        first = d.current()
        equal(c.run(d.release("2.0", word="good two"))[0], "done")
        job = c.call("Rollback", "(sa{sv})", "shop", vardict({"reason": "slow"}))[0]
        equal(c.completed(job), ("rolled-back", 5), "a roll-back is never a success")
        equal(d.current(), first, "the link")
        equal(c.targets()["shop"]["good"], os.path.basename(first))


def test_a_second_rollback_goes_further_back():
    """and never to the release that the first one left"""
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        links = []
        for version in ("1.0", "2.0", "3.0"):
            equal(c.run(d.release(version, word=f"good {version}"))[0], "done")
            links.append(d.current())
        for link in (links[1], links[0]):
            equal(c.completed(c.call("Rollback", "(sa{sv})", "shop", {})[0])[1], 5)
            equal(d.current(), link)
        refused("InvalidState", c.call, "Rollback", "(sa{sv})", "shop", {}, text="before the present one")
        to = vardict({"to": os.path.basename(links[2])})
        equal(c.completed(c.call("Rollback", "(sa{sv})", "shop", to)[0])[1], 5)
        equal(d.current(), links[2], "the one that is named")
        equal(c.completed(c.call("Rollback", "(sa{sv})", "shop", {})[0])[1], 5)
        equal(d.current(), links[1], "before it was deployed")


def test_rollback_goes_to_what_retention_has_left():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        back = lambda **options: c.completed(c.call("Rollback", "(sa{sv})", "shop", vardict(options))[0])
        ids = []
        for version in ("1.0", "2.0", "3.0", "4.0"):
            equal(c.run(d.release(version, word=f"good {version}", retention={"count": 3}))[0], "done")
            ids.append(os.path.basename(d.current()))
        check(not os.path.exists(f"{d.srv}/shop/releases/{ids[0]}"), "retention kept all of them")
        equal((back(), os.path.basename(d.current())), (("rolled-back", 5), ids[2]))
        shutil.rmtree(f"{d.srv}/shop/releases/{ids[1]}")
        before = len(c.list())
        for method in ("Rollback", "Rehearse"):  # nothing is begun that cannot end well
            refused("InvalidState", c.call, method, "(sa{sv})", "shop", {},
                    text=f"before the present one is left, so there is nowhere to go back to; there are {ids[3]}")
            refused("InvalidState", c.call, method, "(sa{sv})", "shop", vardict({"to": ids[0]}),
                    text=f"the release {ids[0]} is not at shop")
        equal(len(c.list()), before, "deployments")
        refused("UnknownTarget", c.call, "Rollback", "(sa{sv})", "shpo", {}, text="did you mean shop?")
        equal((back(to="4.0"), os.path.basename(d.current())), (("rolled-back", 5), ids[3]), "by its version")
        equal((back(), os.path.basename(d.current())), (("rolled-back", 5), ids[2]))


def test_several_targets_by_domain():
    with Deployd() as d:
        for name in ("a", "b", "c"):
            d.target(name, domain="web")
        d.target("other", domain="db")
        base = d.release("1.0", target={"domain": "web"}, units=None)
        c = d.caller()
        job = c.deploy(base, parallel=2)
        equal(sorted(c.job(job, "Targets")), ["a", "b", "c"])
        equal(c.completed(job), ("done", 0))
        equal([d.word(t) for t in ("a", "b", "c")], ["good"] * 3)
        equal(d.current("other"), None, "a target of another domain")
        percent, _text, ended = c.job(job, "Progress")
        equal((percent, ended), (100, 3), "progress")


def test_refused_manifests():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        base = d.release("1.0", colour="red", budgets={"deploy": "soon"})
        problems = c.manifest("Validate", base)
        equal({p[1] for p in problems}, {"/colour", "/budgets/deploy"}, "pointers")
        refused("InvalidArgument", c.deploy, base, text="/colour")
        good = d.release("1.1")
        equal(c.manifest("Validate", good), [], "problems of a good one")
        refused("InvalidState", c.deploy, good, manifest_hash="0" * 64, text="another one")
        refused("InvalidArgument", c.deploy, good, manifest_hash="0", text="64 hexadecimal digits")
        refused("UnknownOption", c.deploy, good, colour="red")
        refused("InvalidArgument", c.deploy, good, targets=["shop", "shpo"])
        error = refused("InvalidArgument", c.call, "Deploy", "(hsa{sv})", 0, "here", {},
                        fds=[os.open(os.path.join(good, "shop.json"), os.O_RDONLY)])
        check("absolute" in error.text, error.text)
        equal(c.list(), [], "deployments")
        refused("UnknownDeployment", c.call, "Show", "(t)", 1)


def test_manifest_that_is_no_file():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        reader, writer = os.pipe()
        refused("InvalidArgument", c.call, "Validate", "(hsa{sv})", 0, "/", {}, fds=[reader])
        os.close(writer)
        memfd = os.memfd_create("manifest")
        os.truncate(memfd, 5 * 1024 * 1024)
        refused("BodyTooLarge", c.call, "Validate", "(hsa{sv})", 0, "/", {}, fds=[memfd])


def test_restart_goes_on_with_what_waits():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        d.restart()
        again = d.caller()
        equal(again.list(active=True)[0]["state"], "verified")
        again.call("Confirm", "(ta{sv})", number, {})
        wait_for(lambda: again.list()[0]["state"] == "done", "the end")


def test_leaves_when_idle_but_never_with_a_deployment():
    with Deployd(idle="300ms") as d:
        d.target("shop")
        awake = d.client()
        c = d.caller(over_bus=True)
        job = c.deploy(d.release("1.0"), confirm=2 * 1000000)
        awake.close()
        equal(c.completed(job), ("rolled-back", 5))
        equal(d.process.wait(60), 0, "exit status")
        d.process = None


if __name__ == "__main__":
    main(dict(globals()))
