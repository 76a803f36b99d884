"""Who may do what: a second uid on the private socket and on the bus, with and without polkit."""

import os
import re

from client import AGENT, MANAGER, PATH, PROPERTIES, ROOT
from harness import OTHERS, Daemon, check, equal, main, need_root, refused, wait_for
from polkit import Polkit

STRANGER, THIRD = OTHERS
SA = "(sa{sv})"
SEND = "(saya{sv})"
ACTION = "org.waggle.messaging."


def test_user_scope_is_for_its_own_uid():
    need_root()
    with Daemon(scope="user", bus=True) as d:
        d.client().call("RegisterAgent", "a")
        for over_bus in (False, True):
            s = d.as_uid(STRANGER, over_bus)
            refused("NotAuthorized", s.call, "Ping")
            refused("NotAuthorized", s.call, "ListAgents", "(@a{sv} {},)", "(a{sv})")
            refused("NotAuthorized", s.call, "Send", "('a', @ay [], @a{sv} {})", SEND)
        s = d.as_uid(STRANGER)
        denied = "org.freedesktop.DBus.Error.AccessDenied"
        refused(denied, s.call, "Get", f"('{ROOT}', 'NAgents')", "(ss)", PROPERTIES)
        refused(denied, s.call, "GetAll", f"('{AGENT}',)", "(s)", PROPERTIES,
                path=PATH + "/agent/a")
        refused(denied, s.call, "GetManagedObjects", interface=MANAGER)
        d.wait_log("may not call")


def test_anybody_may_send_in_the_system_scope():
    need_root()
    with Daemon(scope="system") as d:
        d.client().call("RegisterAgent", "a")
        s = d.as_uid(STRANGER)
        s.call("Send", "('a', [byte 0x41], @a{sv} {})", SEND)
        got = d.client().receive("a")[0]
        equal((got[2], got[4]["sender-uid"]), (f"uid:{STRANGER}", STRANGER))
        s.call("RegisterAgent", "('mine', @a{sv} {})", SA)
        s.call("Send", "('a', @ay [], {'from': <'mine'>})", SEND)
        refused("NotAuthorized", s.call, "Send", "('a', @ay [], {'from': <'a'>})", SEND)
        equal(d.client().call("GetAgent", "mine")[0]["uid"], STRANGER)


def test_strangers_are_refused_on_the_private_socket():
    need_root()
    with Daemon(scope="system") as d:
        c = d.client()
        c.call("RegisterAgent", "a", metadata={"secret": "x"}, policy="p")
        number = c.send("a", b"x")
        s = d.as_uid(STRANGER)
        interactive = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
        for method, args, signature in (
                ("Receive", "('a', @a{sv} {})", SA),
                ("UpdateAgent", "('a', @a{sv} {})", SA),
                ("UnregisterAgent", "('a', @a{sv} {})", SA),
                ("PauseAgent", "('a', @a{sv} {})", SA),
                ("ResumeAgent", "('a', @a{sv} {})", SA),
                ("Subscribe", "('a', 1, @a{sv} {})", "(sua{sv})"),
                ("GetMessage", f"({number}, @a{{sv}} {{}})", "(ta{sv})"),
                ("GetReceipts", f"({number}, @a{{sv}} {{}})", "(ta{sv})"),
                ("Cancel", f"({number}, @a{{sv}} {{}})", "(ta{sv})"),
                ("Hold", f"({number}, @a{{sv}} {{}})", "(ta{sv})"),
                ("Reload", "()", "()"),
                ("Check", "(@a{sv} {},)", "(a{sv})"),
                ("Import", "(@aa{sv} [], @a{sv} {})", "(aa{sv}a{sv})")):
            refused(interactive, s.call, method, args, signature)
        token = c.receive("a")[0][1]
        refused("NotAuthorized", s.call, "Ack", f"({token}, @a{{sv}} {{}})", "(ta{sv})")
        c.call("Ack", token)
        refused("AgentExists", s.call, "RegisterAgent", "('a', @a{sv} {})", SA)


def test_lists_and_events_show_ones_own_only():
    need_root()
    with Daemon(scope="system") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        s = d.as_uid(STRANGER)
        s.call("RegisterAgent", "('mine', @a{sv} {})", SA)
        s.call("Watch", "(@a{sv} {},)", "(a{sv})")
        c.send("a", b"x", subject="secret")
        c.call("Terminate", c.receive("a")[0][1], "secret too")
        c.send("a", b"y", subject="secret", id="secret-id")
        s.call("Send", "('mine', @ay [], {'subject': <'open'>})", SEND)
        text = s.call("ListMessages", "(@a{sv} {},)", "(a{sv})")
        check("open" in text and "secret" not in text, text)
        text = s.call("ListDead", "(@a{sv} {},)", "(a{sv})")
        check("secret" not in text, text)
        events = s.call("Events")
        check("mine" in events and "'a'" not in events, events)
        # Of somebody else's agent one sees what one has sent it.
        for method in ("ListMessages", "ListDead"):
            equal(s.call(method, "({'agent': <'a'>},)", "(a{sv})"), "([], 0, false)")
        refused("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", s.call,
                "FindMessage", f"('uid:{os.getuid()}', 'secret-id', @a{{sv}} {{}})",
                "(ssa{sv})")


def test_metadata_is_the_owners():
    need_root()
    with Daemon(scope="system", bus=True) as d:
        c = d.client()
        c.call("RegisterAgent", "a", metadata={"secret": "x"}, policy="hidden", description="open")
        path = c.call("GetAgent", "a")[0]["path"]
        equal(c.get("Metadata", path, AGENT), {"secret": "x"})
        for over_bus in (False, True):
            s = d.as_uid(STRANGER, over_bus)
            for method, args, signature in (("GetAgent", "('a',)", "(s)"),
                                            ("ListAgents", "(@a{sv} {},)", "(a{sv})")):
                text = s.call(method, args, signature)
                check("open" in text and "secret" not in text and "hidden" not in text,
                      f"{method}: {text}")
            text = s.call("GetAll", f"('{AGENT}',)", "(s)", PROPERTIES, path=path)
            check("open" in text and "secret" not in text and "hidden" not in text,
                  f"properties: {text}")


def test_sender_may_follow_and_cancel_its_own():
    need_root()
    with Daemon(scope="system") as d:
        d.client().call("RegisterAgent", "a")
        s, other = d.as_uid(STRANGER), d.as_uid(THIRD)
        number = int(s.call("Send", "('a', @ay [], @a{sv} {})", SEND).split(",")[0].split()[-1]
                     .lstrip("("))
        args = f"({number}, @a{{sv}} {{}})"
        check("queued" in s.call("GetReceipts", args, "(ta{sv})"), "receipts")
        check("'a'" in s.call("GetMessage", args, "(ta{sv})"), "message")
        refused("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", other.call, "Cancel",
                args, "(ta{sv})")
        equal(s.call("Cancel", args, "(ta{sv})"), "(1,)")


def test_polkit_decides_on_the_bus():
    need_root()
    with Daemon(scope="system", bus=True) as d:
        polkit = Polkit(d, ACTION)
        c = d.client()
        c.call("RegisterAgent", "a")
        number = c.send("a", b"x")
        s = d.as_uid(STRANGER, over_bus=True)
        one = f"({number}, @a{{sv}} {{}})"
        for action, method, args, signature in (
                ("read-mail", "GetMessage", one, "(ta{sv})"),
                ("manage-messages", "Hold", one, "(ta{sv})"),
                ("manage-agents", "PauseAgent", "('a', @a{sv} {})", SA),
                ("manage-service", "Reload", "()", "()"),
                ("import", "Import", "(@aa{sv} [], @a{sv} {})", "(aa{sv}a{sv})")):
            polkit.allow()
            refused("NotAuthorized", s.call, method, args, signature)
            polkit.allow(action)
            s.call(method, args, signature)
        polkit.allow("manage-messages", "manage-agents")
        s.call("Release", one, "(ta{sv})")
        s.call("ResumeAgent", "('a', @a{sv} {})", SA)
        polkit.allow("read-mail")
        token = re.match(r"\(\[\(\d+, (\d+),", s.call("Receive", "('a', @a{sv} {})", SA))[1]
        polkit.allow()
        s.call("Ack", f"({token}, @a{{sv}} {{}})", "(ta{sv})")
        check("acked" in c.states(number), "who was let receive may ack")


def test_calls_go_on_while_polkit_thinks():
    need_root()
    with Daemon(scope="system", bus=True) as d:
        polkit = Polkit(d, ACTION)
        polkit.ask("SimulateHang", "(b)", True)
        c = d.client()
        c.call("RegisterAgent", "a")
        s = d.as_uid(STRANGER, over_bus=True)
        s.ask("PauseAgent", "('a', @a{sv} {})", SA)
        wait_for(lambda: polkit.ask("HaveHangingCalls", "()")[0], "the question")
        c.call("Ping")
        check(not c.call("GetAgent", "a")[0]["paused"], "not yet")
        polkit.allow("manage-agents")
        polkit.ask("ReleaseHangingCalls", "()")
        refused("NotAuthorized", s.answer)


def test_gone_polkit_is_a_refusal():
    need_root()
    with Daemon(scope="system", bus=True) as d:
        d.client().call("RegisterAgent", "a")
        s = d.as_uid(STRANGER, over_bus=True)
        refused("NotAuthorized", s.call, "PauseAgent", "('a', @a{sv} {})", SA)


main(globals())
