"""The courier as a service: who may call it, leaving when idle, taking turns with the one of the
user's own manager, configuration, several messaging services."""

import json
import os
import signal
import socket

from courier import COURIER, NAME, PATH, PROBE, Courier, Rig
from harness import OTHERS, Bus, Daemon, Failure, check, equal, main, need_root, refused, wait_for, whole_lines


def test_another_uid_gets_nothing():
    need_root()
    with Rig() as r:
        r.agent("a", r.entry("bell"))
        stranger = r.courier.as_uid(OTHERS[0])
        for method, args, signature in (("Ping", "()", "()"), ("Wake", "()", "()"),
                                        ("Reload", "()", "()"), ("ListAgents", "()", "()"),
                                        ("Explain", "('a',)", "(s)"),
                                        ("CheckPolicy", "('{}',)", "(s)")):
            refused("NotAuthorized", stranger.call, method, args, signature, interface=NAME,
                    path=PATH)
        try:
            told = stranger.call("GetAll", f"('{NAME}',)", "(s)", path=PATH,
                                 interface="org.freedesktop.DBus.Properties")
        except Exception as why:
            check("denied" in str(why).lower() or "EACCES" in str(why) or "Access" in str(why),
                  str(why))
        else:
            raise Failure(f"a stranger read {told}")
        r.courier.wait_log("Refused uid")


def test_a_courier_of_another_uid_sees_nothing_of_it():
    """Two uids at one messaging service: each courier has its own owner's mail only."""
    need_root()
    with Daemon(scope="system") as d:
        owner = d.client()
        owner.call("RegisterAgent", "a", policy='{"backends": [{"use": "bell", "log": "x"}]}')
        stranger = d.as_uid(OTHERS[0])
        number = stranger.call("RegisterCourier", "(@a{sv} {},)", "(a{sv})").split()[-1].strip("(,)")
        owner.send("a", b"secret")
        equal(stranger.call("LeaseAttempts", f"({number}, {{'policy': <true>, 'body': <true>}})",
                            "(ta{sv})"), "([], false)")
        told = stranger.call("GetAgent", "('a',)", "(s)")
        check("bell" not in told, "a stranger reads the policy")


def test_it_leaves_when_idle_and_mail_brings_it_back():
    with Rig(idle="200ms") as r:
        r.agent("a", r.entry("bell"))
        equal(r.courier.process.wait(60), 0, "status of an idle exit")
        r.courier.process = None
        check(any("idle" in line for line in r.courier.log_lines()), "no word of leaving")
        sent = r.client.send("a", b"x")
        r.courier.start()  # messaged wakes it, as test-wake shows
        r.wait_receipt(sent, "announced")


def test_a_job_keeps_it_from_leaving():
    with Rig(idle="100ms") as r:
        gate = r.path("gate")
        awake = r.courier.client()
        r.agent("a", r.entry("bell", "file:" + gate))
        sent = r.client.send("a", b"x")
        r.wait_runs("bell")
        awake.close()
        # longer than the limit, by an event of the same clock: another courier's idle exit
        with Courier(r.messaged, idle="300ms") as other:
            other.process.wait(60)
            other.process = None
        equal(r.courier.process.poll(), None, "status of a courier whose job runs")
        open(gate, "w", encoding="utf-8").close()
        r.wait_receipt(sent, "announced")
        equal(r.courier.process.wait(60), 0)
        r.courier.process = None


def test_an_open_breaker_keeps_it_from_leaving():
    with Rig(idle="100ms") as r:
        awake = r.courier.client()
        r.agent("a", r.entry("bell", "broken:gone"), r.entry("chime"))
        for _ in range(5):
            r.wait_receipt(r.client.send("a", b"x"), "announced")
        r.courier.wait_log("keeps failing")
        awake.close()
        with Courier(r.messaged, idle="300ms") as other:
            other.process.wait(60)
            other.process = None
        equal(r.courier.process.poll(), None, "status of a courier with an open breaker")


def test_it_waits_for_messaged_and_says_so():
    with Daemon(start=False) as d:
        d.listener.close()
        os.unlink(d.path)
        with Courier(d) as c:
            equal(c.property("Connected"), [])
            refused("Failed", c.explain, "a", text="not connected")
            # the socket is there now: Wake tries at once
            d.listener = socket.socket(socket.AF_UNIX)
            d.listener.bind(d.path)
            d.listener.listen(16)
            d.start()
            c.ask("Wake")
            c.wait_connected()
            equal(c.property("Connected"), [d.address])


def test_reload_and_a_wrong_configuration():
    with Rig() as r:
        r.courier.configure("[Courier]\nMaxJobs=1\n")
        r.courier.ask("Reload")
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate, name="one"))
        r.agent("b", r.entry("bell", name="two"))
        r.client.send("a", b"x")
        r.wait_runs("one")
        second = r.client.send("b", b"x")
        wait_for(lambda: r.courier.explain("b")["waiting"] == 1, "the second message")
        equal(r.lines("two"), [], "jobs above MaxJobs=")
        open(gate, "w", encoding="utf-8").close()
        r.wait_receipt(second, "announced")
        r.courier.configure("[Courier]\nMaxJob=1\n")
        error = refused("Configuration", r.courier.ask, "Reload")
        check("MaxJobs" in error.text, error.text)


class UsersBus:
    """What a user's manager would have: a bus in the runtime directory, with a courier on it."""

    def __init__(self, messaged):
        self.messaged = messaged

    def __enter__(self):
        self.courier = Courier(self.messaged, program=COURIER, bus=True)
        self.runtime = self.courier.directory  # the bus is its "bus"
        return self

    def __exit__(self, *why):
        self.courier.__exit__(*why)


def test_one_that_root_made_hands_over():
    with Daemon() as d, UsersBus(d) as user:
        wait_for(lambda: user.courier.property("Connected"), "the user's courier")
        made = Courier(d, start=False, environment={"WAGGLE_COURIER_HANDOVER": "1",
                                                    "XDG_RUNTIME_DIR": user.runtime})
        with made:
            made.start(wait=False)
            equal(made.process.wait(60), 0, "status of the one that root made")
            made.process = None
            check(any("takes over" in line for line in made.log_lines()), "no word of it")


def test_one_that_serves_already_hands_over_when_the_session_begins():
    with Daemon() as d:
        made = Courier(d, start=False)
        runtime = os.path.join(made.directory, "runtime")
        made.more = {"WAGGLE_COURIER_HANDOVER": "1", "XDG_RUNTIME_DIR": runtime}
        with made:
            made.start()
            made.wait_connected()
            with UsersBus(d) as user:
                os.symlink(user.runtime, runtime)
                client = d.client()
                entry = {"use": "inbox", "directory": os.path.join(made.directory, "inbox")}
                client.call("RegisterAgent", "a", policy=json.dumps({"backends": [entry]}))
                client.send("a", b"x")  # whatever came of it: then it looks
                equal(made.process.wait(60), 0, "status of the one that root made")
                made.process = None
                wait_for(lambda: user.courier.property("Connected"), "the user's courier")
                second = client.send("a", b"y")
                wait_for(lambda: "announced" in client.states(second), "the second message")


def test_mail_starts_the_courier_over_the_bus():
    """The bus starts it for the call Wake of messaged, as for the user's manager."""
    with Daemon(bus=True) as d:
        services = os.path.join(d.directory, "services")
        state = os.path.join(d.directory, "courier")
        os.mkdir(state, 0o700)
        with open(os.path.join(services, NAME + ".service"), "w", encoding="utf-8") as f:
            f.write(f"[D-BUS Service]\nName={NAME}\nExec=/usr/bin/env WAGGLE_ADDRESS={d.path} "
                    f"DBUS_SESSION_BUS_ADDRESS={d.bus.address} WAGGLE_IDLE_EXIT=500ms "
                    f"{PROBE} --user --state-dir={state}\n")
        d.bus.reload()
        client = d.client()
        log = os.path.join(d.directory, "bell")
        client.call("RegisterAgent", "a",
                    policy=json.dumps({"backends": [{"use": "bell", "log": log}]}))
        pids = set()
        for turn in (1, 2):  # the second time it has left in between
            sent = client.send("a", b"x")
            wait_for(lambda: "announced" in client.states(sent), f"announcement {turn}")
            check(not any("no session" in r[3] for r in client.call("GetReceipts", sent)[0]),
                  "held although the courier came")
            pid = json.loads(whole_lines(log)[-1])["pid"]
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the courier to leave")
            pids.add(pid)
        equal(len(pids), 2, "couriers")


def test_one_that_root_made_serves_where_no_session_is():
    with Rig(environment={"WAGGLE_COURIER_HANDOVER": "1", "XDG_RUNTIME_DIR": "/nonexistent"}) as r:
        r.agent("a", r.entry("bell"))
        r.wait_receipt(r.client.send("a", b"x"), "announced")


def test_a_dead_bus_hands_nothing_over():
    with Daemon() as d:
        made = Courier(d, start=False)
        made.more = {"WAGGLE_COURIER_HANDOVER": "1", "XDG_RUNTIME_DIR": made.directory}
        with made:
            bus = Bus(made.directory)  # nobody has the name there
            try:
                made.start()
                made.wait_connected()
            finally:
                bus.stop()


def test_two_couriers_of_a_user_take_turns():
    with Rig() as r:
        with Courier(r.messaged) as second:
            r.agent("a", r.entry("bell"))
            r.wait_receipt(r.client.send("a", b"x"), "announced")
            equal(second.property("Connected"), [])
            r.courier.stop(sig=signal.SIGKILL)
            second.wait_connected()
            r.wait_receipt(r.client.send("a", b"x"), "announced")
            r.courier.start()


def test_the_user_s_service_is_found_by_its_socket():
    with Daemon() as d:
        runtime = os.path.join(d.directory, "runtime")
        os.makedirs(os.path.join(runtime, "waggle"))
        os.symlink(d.path, os.path.join(runtime, "waggle", "messaging"))
        with Courier(d, environment={"WAGGLE_ADDRESS": None, "XDG_RUNTIME_DIR": runtime}) as c:
            own = os.path.join(runtime, "waggle", "messaging")
            wait_for(lambda: own in c.property("Connected"), "the user's service")


main(globals())
