"""waggle-monitord as a service: it starts, answers, reloads, says what it is, and leaves."""

import json
import os

from harness import main, refused
from monitord import ALERTS, NAME, PATH, REGISTRY, Monitord, equal


def test_ping_on_both_roads():
    with Monitord() as d:
        for over_bus in (False, True):
            c = d.caller(over_bus)
            equal(c.call("Ping"), (), "Ping")
            equal(c.get("Scope"), "user")
            equal(c.get("StoreState"), "ok")
            equal(c.get("Degraded"), [])


def test_without_a_bus():
    with Monitord(bus=False) as d:
        equal(d.caller().call("Ping"), (), "Ping")


def test_state_is_kept():
    with Monitord() as d:
        equal(os.path.exists(os.path.join(d.state, "monitord.db")), True, "the store")
        d.restart()
        equal(d.caller().call("Ping"), (), "Ping after a restart")


def test_reload_keeps_the_old_configuration():
    with Monitord(config="[Units]\nCallTimeoutSec=5s\n") as d:
        c = d.caller()
        c.call("Reload")
        d.configure("[Units]\nCallTimeOutSec=5s\n")
        refused("Configuration", c.call, "Reload", text="CallTimeoutSec")
        d.configure("")
        c.call("Reload")


SHOP = {"services": [{"name": "shop"}]}
RULES = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "vector(1)"}]}]}
TOLD = {"receivers": [{"name": "log", "journal": [{}]}], "route": {"receiver": "log"}}


def names(caller):
    """What is in force of each room: services, rules, receivers, sockets."""
    services = json.loads(caller.with_options(REGISTRY, "List")[1])
    rules = json.loads(caller.with_options(ALERTS, "ListRules")[0])
    receivers = caller.with_options(NAME + ".Notify", "ListReceivers")[0]
    return ([s["name"] for s in services], [r["rule"] for r in rules],
            sorted({r["receiver"] for r in receivers}))


def test_reload_is_all_or_nothing():
    """Whichever room refuses, none keeps the new files; and the problems of all are told at once."""
    bad = {"services.d/s.yaml": {"services": [{"nmae": "shop"}]},
           "rules.d/r.yaml": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "1 >"}]}]},
           "alerting.yaml": {"receivers": [], "route": {"receiver": "lgo"}}}
    good = {"services.d/s.yaml": {"services": [{"name": "shop2"}]},
            "rules.d/r.yaml": {"groups": [{"name": "g2", "rules": RULES["groups"][0]["rules"]}]},
            "alerting.yaml": {"receivers": [{"name": "log2", "journal": [{}]}],
                              "route": {"receiver": "log2"}}}
    old = (["shop"], ["g/A"], ["log"])
    with Monitord(files={"services.d/s.yaml": SHOP, "rules.d/r.yaml": RULES,
                         "alerting.yaml": TOLD}) as d:
        c = d.caller()
        equal(names(c), old)
        for refused_one in bad:
            for name, text in {**good, refused_one: bad[refused_one]}.items():
                d.write(name, text)
            refused("Configuration", c.call, "Reload", text=os.path.basename(refused_one))
            equal(names(c), old, f"after {refused_one} was refused")
        d.read_notify()
        for name, text in good.items():  # sockets come last: they are refused, too
            d.write(name, text)
        d.configure("[Http]\nListen=127.0.0.1:http\n")
        refused("Configuration", c.call, "Reload", text="127.0.0.1:http")
        equal(names(c), old, "after the sockets were refused")
        for name, text in bad.items():
            d.write(name, text)
        d.configure("")
        for name in bad:
            refused("Configuration", c.call, "Reload", text=os.path.basename(name))
        for name, text in good.items():
            d.write(name, text)
        c.call("Reload")
        equal(names(c), (["shop2"], ["g2/A"], ["log2"]))


def test_unknown_method_and_object():
    with Monitord() as d:
        c = d.caller()
        refused("org.freedesktop.DBus.Error.UnknownMethod", c.call, "Nothing")
        refused("org.freedesktop.DBus.Error.UnknownObject", c.call, "Ping", path=PATH + "/nothing")


if __name__ == "__main__":
    main(globals())
