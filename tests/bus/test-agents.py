"""Agents: register, update, list, show, pause, remove; their objects and signals."""

import time

from client import AGENT, MANAGER, PATH, ROOT, GLib
from harness import Daemon, check, equal, main, refused, wait_for


def test_register_is_idempotent():
    with Daemon() as d:
        c = d.client()
        path, created = c.call("RegisterAgent", "builder", description="builds", roles=["maker"])
        equal((path, created), (PATH + "/agent/builder", True))
        equal(c.call("RegisterAgent", "builder", tags=["x"])[1], False, "created")
        agent = c.call("GetAgent", "builder")[0]
        equal(agent["description"], "builds", "description after registering again")
        equal((agent["roles"], agent["tags"]), (["maker"], ["x"]))
        equal(agent["path"], path, "path in GetAgent")


def test_names_are_checked():
    with Daemon() as d:
        c = d.client()
        for name in ("", "a/b", "role:x", "-x", "x" * 65, "ä", "a b"):
            refused("InvalidName", c.call, "RegisterAgent", name)
        refused("InvalidName", c.call, "RegisterAgent", "ok", roles=["a:b"])
        c.call("RegisterAgent", "x" * 64)


def test_unknown_agent_names_near_ones():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "builder")
        refused("UnknownAgent", c.call, "GetAgent", "bilder", text="builder")
        refused("UnknownAgent", c.call, "Send", "bulider", b"", text="builder")
        refused("UnknownAgent", c.call, "Receive", "buildr", text="builder")


def test_unknown_option_names_the_nearest():
    with Daemon() as d:
        c = d.client()
        refused("UnknownOption", c.call, "RegisterAgent", "a", desciption="x", text="description")
        refused("UnknownOption", c.call, "ListAgents", roel="x", text="role")
        refused("UnknownOption", c.call, "ResumeAgent", "a", until=1)
        refused("InvalidArgument", c.call, "RegisterAgent", "a",
                description=GLib.Variant("u", 1), text="'s'")


def test_update_and_unset():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a", description="one", tags=["t"], lease=7000000)
        c.call("UpdateAgent", "a", description="two", unset=["tags"])
        agent = c.call("GetAgent", "a")[0]
        equal((agent["description"], agent["tags"], agent["lease"]), ("two", [], 7000000))
        refused("UnknownAgent", c.call, "UpdateAgent", "b", description="x")


def test_list_filters():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "one", roles=["r"], topics=["t"])
        c.call("RegisterAgent", "two", tags=["g"], capabilities=["c"])

        def names(**given):
            return sorted(a["name"] for a in c.call("ListAgents", **given)[0])

        equal(names(), ["one", "two"])
        equal(names(role="r"), ["one"])
        equal(names(topic="t"), ["one"])
        equal(names(tag="g"), ["two"])
        equal(names(capability="c"), ["two"])
        equal(names(name="t*"), ["two"])
        equal(names(uid=4242), [])


def test_address_survives_restart():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a", description="stays", metadata={"k": "v"}, policy="{}")
        d.restart()
        agent = d.client().call("GetAgent", "a")[0]
        equal((agent["description"], agent["metadata"], agent["policy"]), ("stays", {"k": "v"}, "{}"))


def test_unregister_with_mail_needs_force():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        m = c.send("a", b"x")
        refused("AgentBusy", c.call, "UnregisterAgent", "a")
        equal(c.call("UnregisterAgent", "a", force=True), (1,), "dead letters")
        check("dead" in c.states(m), "the message became a dead letter")
        refused("UnknownAgent", c.call, "GetAgent", "a")


def test_pause_and_resume():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        c.call("PauseAgent", "a", reason="lunch")
        check(c.call("GetAgent", "a")[0]["paused"], "paused")
        c.send("a", b"x")
        equal(c.receive("a"), [], "mail of a paused agent")
        c.call("ResumeAgent", "a")
        equal(len(c.receive("a", wait=60000000)), 1, "messages after the pause")


def test_pause_ends_by_itself():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        c.send("a", b"x")
        now = time.time_ns() // 1000
        c.call("PauseAgent", "a", until=now + 2000000)
        equal(c.receive("a"), [], "mail of a paused agent")
        equal(len(c.receive("a", wait=60000000)), 1, "messages after the pause")


def test_agent_is_an_object():
    with Daemon(bus=True) as d:
        c = d.client(over_bus=True)
        c.call("RegisterAgent", "a.b-c", description="dots")
        path = c.call("GetAgent", "a.b-c")[0]["path"]
        equal(c.get("Name", path, AGENT), "a.b-c")
        equal(c.get("Description", path, AGENT), "dots")
        equal(c.get("Queued", path, AGENT), 0)
        objects = c.raw("GetManagedObjects", "()", interface=MANAGER)[0]
        equal(objects[path][AGENT]["Name"], "a.b-c")
        equal(c.get("NAgents"), 1)


def test_object_manager_signals():
    with Daemon(bus=True) as d:
        c = d.client(over_bus=True)
        c.call("Ping")
        c.call("RegisterAgent", "new")
        wait_for(lambda: c.of("InterfacesAdded"), "InterfacesAdded")
        path, interfaces = c.of("InterfacesAdded")[0]
        equal(path, PATH + "/agent/new")
        equal(interfaces[AGENT]["Name"], "new")
        c.call("UnregisterAgent", "new")
        wait_for(lambda: c.of("InterfacesRemoved"), "InterfacesRemoved")
        removed, names = c.of("InterfacesRemoved")[0]
        equal(removed, path)
        check(AGENT in names, f"the interface is among the removed: {names}")


def test_properties_changed_is_coalesced():
    with Daemon(bus=True) as d:
        c = d.client(over_bus=True)
        c.call("RegisterAgent", "a")
        begin = time.monotonic()
        for _ in range(200):
            c.send("a", b"x")

        def queued():
            return [p[1].get("Queued") for p in c.of("PropertiesChanged")
                    if p[0] == AGENT and "Queued" in p[1]]

        wait_for(lambda: queued() and queued()[-1] == 200, "Queued = 200")
        most = (time.monotonic() - begin) / 0.25 + 2  # so long is the pause between two
        check(len(queued()) <= most, f"{len(queued())} signals for 200 messages")
        wait_for(lambda: any(p[0] == ROOT and p[1].get("NQueued") == 200
                             for p in c.of("PropertiesChanged")), "NQueued = 200 at the root")


main(globals())
