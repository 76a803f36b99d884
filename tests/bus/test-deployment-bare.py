"""A bus without a service manager on it, as in a container: what needs none is deployed and verified,
what needs one says so and is undone."""

from deployd import Deployd, check, equal
from harness import main

FILE = {"file": "${target.root}/current/word", "name": "the right word",
        "expect": {"content": {"contains": "good"}}}
PLAIN = [FILE, {"command": "true", "name": "a command"},
         {"dbus": "org.freedesktop.DBus", "name": "the bus itself"}]


def bare(d, name, checks, **given):
    """A release without units."""
    return d.release(name, units=None, checks=checks, **given)


def results(c, number):
    return {x["name"]: (x["verdict"], x.get("text", "")) for x in c.show(number)["results"]["checks"]}


def test_what_needs_no_systemd_is_verified():
    with Deployd(manager=False) as d:
        d.target("shop")
        c = d.caller()
        result, status, number = c.run(bare(d, "1.0", PLAIN))
        equal((result, status), ("done", 0))
        equal({name: verdict for name, (verdict, _) in results(c, number).items()},
              {"the right word": "pass", "a command": "pass", "the bus itself": "pass"})
        equal(c.run(bare(d, "2.0", PLAIN, word="broken"))[:2], ("rolled-back", 5))
        equal(d.word(), "good", "what is current")


def test_what_needs_systemd_says_so():
    with Deployd(manager=False) as d:
        d.target("shop")
        c = d.caller()
        checks = [FILE, {"unit": "shop.service", "name": "the unit"},
                  {"preset": "service-availability", "services": ["shop.service"]},
                  {"command": "true", "name": "with a limit", "memory-max": "64M"}]
        result, _, number = c.run(bare(d, "1.0", checks))
        equal(result, "rolled-back")
        seen = results(c, number)
        equal(seen["the right word"][0], "pass", "what needs none")
        for name in ("the unit", "service-availability: shop.service", "with a limit"):
            verdict, text = seen[name]
            equal(verdict, "error", name)
            check("no systemd" in text, f"{name}: {text}")
        equal(c.list()[0]["verdict"], "error", "whole")
        settled = c.run(bare(d, "2.0", [FILE], settle={"for": "1s", "units": ["shop.service"]}))
        equal(settled[0], "rolled-back")
        verdict, text = results(c, settled[2])["settle"]
        equal(verdict, "error", "settle")
        check("no systemd" in text, f"settle: {text}")


def test_units_cannot_be_started_without():
    with Deployd(manager=False) as d:
        d.target("shop")
        c = d.caller()
        result, status, _ = c.run(d.release("1.0"))
        check(result != "done" and status != 0, "started by nobody")
        check("systemd" in c.list()[0]["failure"], c.list()[0]["failure"])


if __name__ == "__main__":
    main(dict(globals()))
