"""The objects of targets: one for each that is known, its properties while deployments go through
it, who is told of changes, and what a restart remembers."""

import json
import os
import time

from client import MANAGER, Error
from deployd import PATH, TARGET, Deployd, check, equal, wait_for
from harness import main

CONFIRM = 60 * 1000000


def path_of(name):
    """sd_bus_path_encode(): what is no letter or digit becomes _ and two hexadecimal digits."""
    return PATH + "/target/" + "".join(
        x if x.isalnum() and not (x.isdigit() and i == 0) else f"_{ord(x):02x}" for i, x in enumerate(name))


def objects(c):
    found = c.call("GetManagedObjects", interface=MANAGER)[0]
    return {path: faces[TARGET] for path, faces in found.items() if TARGET in faces}


def get(c, name, what):
    return c.client.get(what, path=path_of(name), interface=TARGET)


def told(c, name, what):
    """Values of a property by PropertiesChanged, in order."""
    return [s[1][1][what] for s in c.client.signals
            if s[0] == "PropertiesChanged" and s[2] == path_of(name) and what in s[1][1]]


def wait_told(c, name, what, value):
    wait_for(lambda: value in told(c, name, what), f"{what} of {name} to become {value!r}")


def wait_announced(c, name):
    wait_for(lambda: path_of(name) in [s[1][0] for s in c.client.signals if s[0] == "InterfacesAdded"],
             f"{name} to be announced")


def test_each_file_has_its_object():
    with Deployd(start=False) as d:
        root = d.target("shop", domain="web", owner="ann", labels="tier=web stage=test")
        d.target("shop-2.x@a", instance="a")
        d.start()
        c = d.caller()
        equal(set(objects(c)), {path_of("shop"), path_of("shop-2.x@a")}, "objects")
        shop = objects(c)[path_of("shop")]
        equal((shop["Name"], shop["Root"], shop["Domain"], shop["Owner"], shop["Labels"]),
              ("shop", root, "web", "ann", {"tier": "web", "stage": "test"}))
        equal((shop["State"], shop["Current"], shop["Good"], shop["LastState"]), ("empty", "", "", ""))
        equal([shop[x] for x in ("GoodDeployment", "Deployment", "Frozen", "LastDeployment", "Since")],
              [0] * 5, "numbers")
        equal(get(c, "shop-2.x@a", "Instance"), "a")
        try:
            get(c, "nobody", "Name")
            check(False, "an object that nobody made")
        except Error:
            pass


def test_properties_follow_a_deployment():
    with Deployd(start=False) as d:
        d.target("shop")
        d.start()
        c = d.caller()
        before = time.time() * 1e6
        job = c.deploy(d.release("1.0"), confirm=CONFIRM)
        number = c.job(job, "Deployments")[0]
        wait_told(c, "shop", "State", "verified")
        equal((get(c, "shop", "Deployment"), get(c, "shop", "State")), (number, "verified"))
        wait_told(c, "shop", "Current", os.path.basename(d.current()))
        equal(get(c, "shop", "Good"), "", "nothing is committed yet")
        c.call("Confirm", "(ta{sv})", number, {})
        c.completed(job)
        wait_told(c, "shop", "LastState", "done")
        wait_told(c, "shop", "Deployment", 0)
        good = os.path.basename(d.current())
        equal((get(c, "shop", "Good"), get(c, "shop", "GoodDeployment")), (good, number))
        equal((get(c, "shop", "State"), get(c, "shop", "LastDeployment")), ("idle", number))
        check(before <= get(c, "shop", "Since") <= time.time() * 1e6, "Since is no time of this test")
        check("verifying" in told(c, "shop", "State"), "the verification was not told")

        result, _, second = c.run(d.release("2.0", word="broken"))
        equal(result, "rolled-back")
        wait_told(c, "shop", "LastState", "rolled-back")
        wait_for(lambda: get(c, "shop", "Current") == good, "the link to be read")
        equal((get(c, "shop", "Good"), get(c, "shop", "LastDeployment")), (good, second))
        wanted = objects(c)
        d.restart()
        c = d.caller()
        wait_for(lambda: get(c, "shop", "Current") == good, "the link to be read after a start")
        found = objects(c)
        was, since = (o[path_of("shop")].pop("Since") for o in (wanted, found))
        equal(found, wanted, "what a restart remembers")
        # one is the time of the write, the other of its answer
        check(before <= since <= was, f"Since {since} after a restart, {was} before")


def test_targets_come_and_go():
    with Deployd() as d:
        c = d.caller()
        equal(objects(c), {}, "objects")
        d.target("shop", domain="one")
        c.call("Reload")
        wait_for(lambda: path_of("shop") in objects(c), "its object")
        wait_announced(c, "shop")
        d.target("shop", domain="two")
        c.call("List", "(a{sv})", {})
        wait_told(c, "shop", "Domain", "two")
        os.unlink(os.path.join(d.config_dir, "targets.d", "shop.conf"))
        c.call("List", "(a{sv})", {})
        wait_for(lambda: path_of("shop") in [s[1][0] for s in c.client.signals
                                             if s[0] == "InterfacesRemoved"], "its end")
        equal(objects(c), {}, "objects")


def test_a_file_that_is_wrong_is_told():
    with Deployd() as d:
        c = d.caller()

        def lines(key):
            return len([line for line in d.log_lines() if "Nothing is deployed there" in line and key in line])

        d.target("shop", nonsense="1")
        c.call("Reload")
        wait_for(lambda: lines("Nonsense") == 1, "the word about it")
        c.call("List", "(a{sv})", {})
        d.target("more", rubbish="1")
        c.call("List", "(a{sv})", {})
        wait_for(lambda: lines("Rubbish") == 1, "the word about another one")
        equal(lines("Nonsense"), 1, "it is told once")
        listed = c.targets()
        equal(sorted(listed), ["more", "shop"], "both are listed")
        check("Nonsense" in listed["shop"]["refused"] and "Rubbish" in listed["more"]["refused"], listed)
        equal(objects(c), {}, "objects of targets that cannot be used")
        os.unlink(os.path.join(d.config_dir, "targets.d", "more.conf"))
        d.target("shop", domain="one")
        listed = c.targets()
        check(sorted(listed) == ["shop"] and "refused" not in listed["shop"], listed)
        d.target("shop", nonsense="1")
        d.target("more", rubbish="1")
        c.call("Reload")
        wait_for(lambda: (lines("Nonsense"), lines("Rubbish")) == (2, 2), "both to be told to who reloads")


def test_one_that_a_manifest_describes_itself():
    with Deployd() as d:
        c = d.caller()
        base = d.release("1.0")
        path = os.path.join(base, "shop.json")
        with open(path, encoding="utf-8") as f:
            manifest = json.load(f)
        manifest["target"] = {"name": "shop", "root": os.path.join(d.srv, "shop")}
        with open(path, "w", encoding="utf-8") as f:
            json.dump(manifest, f)
        equal(c.run(base)[0], "done")
        wait_for(lambda: get(c, "shop", "Current") == os.path.basename(d.current()), "its link")
        equal((get(c, "shop", "State"), get(c, "shop", "Root")), ("idle", manifest["target"]["root"]))
        wait_announced(c, "shop")


if __name__ == "__main__":
    main(dict(globals()))
