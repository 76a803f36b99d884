"""waggle-monitord as a service: it starts, answers, reloads, says what it is, and leaves."""

import os

from harness import main, refused
from monitord import PATH, Monitord, equal


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


def test_unknown_method_and_object():
    with Monitord() as d:
        c = d.caller()
        refused("org.freedesktop.DBus.Error.UnknownMethod", c.call, "Nothing")
        refused("org.freedesktop.DBus.Error.UnknownObject", c.call, "Ping", path=PATH + "/nothing")


if __name__ == "__main__":
    main(globals())
