"""Couriers are woken: by the service manager in the system's scope, by a call in a user's."""

import time

from harness import OTHERS, Bus, Daemon, check, equal, main, wait_for
from mocks import DELIVERY, SYSTEMD, Mock

LONG = 60000000
POLICY = '{"backends": []}'


def unit(uid):
    return f"waggle-courier@{uid}.service"


def units(mock):
    return [call[1][0] for call in mock.calls]


def failures(d):
    return [line for line in d.log_lines() if "its courier cannot be started" in line]


def test_system_scope_starts_the_unit_of_the_uid():
    with Daemon(scope="system", bus=True) as d:
        systemd = Mock(d.bus.address, SYSTEMD)
        c = d.client()
        stranger = d.as_uid(OTHERS[0])
        stranger.call("RegisterAgent", f"('a', {{'policy': <'{POLICY}'>}})", "(sa{sv})")
        c.call("RegisterAgent", "b")  # has no policy: nobody is woken for it
        c.send("b", b"x")
        begin = time.monotonic()
        c.send("a", b"x")
        wait_for(lambda: systemd.calls, "StartUnit")
        equal(systemd.calls[0][:2], ("StartUnit", (unit(OTHERS[0]), "fail")))
        # the courier of root is of no use to the other uid
        c.call("RegisterCourier", name="root")
        wait_for(lambda: len(systemd.calls) >= 3, "the third call")
        equal(set(units(systemd)), {unit(OTHERS[0])})
        # from the beginning: a call may come here late, never early
        _first, second, third = (call[2] - begin for call in systemd.calls[:3])
        check(second > 0.95, f"second after {second} s")
        check(third > 2.95, f"third after {third} s")
        stranger.call("RegisterCourier", "(@a{sv} {},)", "(a{sv})")
        for _ in range(3):
            c.send("a", b"y")
        asked = len(systemd.calls)
        stranger.stop()  # with its courier
        d.helpers.remove(stranger)
        wait_for(lambda: len(systemd.calls) > asked, "a new one at once")
        equal(failures(d), [])


def test_user_scope_calls_the_courier():
    with Daemon(bus=True) as d:
        courier = Mock(d.bus.address, DELIVERY)
        c = d.client()
        c.call("RegisterAgent", "a", policy=POLICY)
        sent = c.send("a", b"x")
        wait_for(lambda: courier.calls, "Wake")
        equal(courier.calls[0][:2], ("Wake", ()))
        number = c.call("RegisterCourier", name="mine")[0]
        got = c.call("LeaseAttempts", number, policy=True)[0]
        equal((got[0][1], got[0][3]["policy"]), (sent, POLICY))
        equal(len(courier.calls), 1)


def test_no_session_only_after_its_time():
    config = "[Delivery]\nNoSessionSec=300ms\nWakeCouriers=no\n"
    with Daemon(bus=True, config=config) as d:
        courier = Mock(d.bus.address, DELIVERY)
        c = d.client()
        c.call("RegisterAgent", "a", policy=POLICY)
        watch = c.call("Watch", agent="a")[0]
        sent = c.send("a", b"x")
        wait_for(lambda: any(e[3] == "attempt-held" for e in c.of("Event")), "the receipt")
        events = [e for e in c.of("Event") if e[0] == watch and e[1] == sent]
        equal([e[3] for e in events], ["stored", "queued", "attempt-held"])
        equal(events[-1][5], "no session")
        check(events[-1][4] - events[0][4] >= 300000, "before its time")
        equal(courier.calls, [], "WakeCouriers=no")
        c.call("RegisterCourier", name="mine")
        later = c.send("a", b"y")
        c.call("Ping")
        equal(c.states(later), ["stored", "queued"])


def test_failure_is_logged_once_and_tried_again():
    with Daemon(scope="system", bus=True) as d:
        systemd = Mock(d.bus.address, SYSTEMD, error="org.freedesktop.DBus.Error.AccessDenied")
        c = d.client()
        c.call("RegisterAgent", "a", policy=POLICY)
        c.send("a", b"x")
        wait_for(lambda: len(systemd.calls) >= 3, "three calls")
        d.wait_log("its courier cannot be started")
        line = failures(d)
        equal(len(line), 1, "lines")
        check("the mock refuses" in line[0] and 'systemctl status waggle-courier@0.service' in line[0], line[0])
        # after a courier was there the next failure is news
        courier = d.client()
        courier.call("RegisterCourier", name="mine")
        courier.close()
        wait_for(lambda: len(failures(d)) == 2, "a second line")


def test_couriers_that_come_and_go_wake_no_storm():
    with Daemon(scope="system", bus=True) as d:
        systemd = Mock(d.bus.address, SYSTEMD)
        c = d.client()
        c.call("RegisterAgent", "a", policy=POLICY)
        began = time.monotonic()
        c.send("a", b"x")
        wait_for(lambda: systemd.calls, "StartUnit")
        for _ in range(20):
            courier = d.client()
            courier.call("RegisterCourier", name="mine")
            courier.close()
            wait_for(lambda: c.call("Ping") == () and courier.connection.is_closed(), "its end")
        wait_for(lambda: len(systemd.calls) > 1, "the next call, for mail still waits")
        times = [call[2] - began for call in systemd.calls]
        check(all(when > 0.45 * i for i, when in enumerate(times)), f"{times}")


def test_so_many_are_asked_for_at_a_time():
    with Daemon(scope="system", bus=True) as d:
        systemd = Mock(d.bus.address, SYSTEMD)
        systemd.held = []
        c = d.client()
        for i in range(40):
            c.call("RegisterAgent", f"a{i}", policy=POLICY, uid=70000 + i)
        for i in range(40):
            c.send(f"a{i}", b"x")
        wait_for(lambda: len(systemd.calls) == 16, "the first")
        wanted = {unit(70000 + i) for i in range(40)}
        while set(units(systemd)) != wanted:  # one is asked for where one was answered
            for _ in range(5):
                c.call("Ping")
            equal(len(systemd.held), 16)
            systemd.answer(4)
            wait_for(lambda: len(systemd.held) == 16 or set(units(systemd)) == wanted, "the next")
        equal(failures(d), [])


def test_without_a_bus_it_waits_for_one():
    with Daemon(bus=True) as d:
        c = d.client()
        d.bus.stop()
        c.call("RegisterAgent", "a", policy=POLICY)
        wait_for(lambda: any("bus" in why for why in c.get("Degraded")), "the loss")
        c.send("a", b"x")
        d.wait_log("not on the message bus")
        d.bus = Bus(d.directory)
        courier = Mock(d.bus.address, DELIVERY)
        wait_for(lambda: courier.calls, "Wake on the new bus")


def test_idle_exit_waits_for_the_wake():
    with Daemon(bus=True, idle="200ms", config="[Delivery]\nNoSessionSec=100ms\n") as d:
        courier = Mock(d.bus.address, DELIVERY)
        c = d.client()
        c.call("RegisterAgent", "a", policy=POLICY)
        sent = c.send("a", b"x")
        c.close()
        # 1 s after the first: five times the idle time
        wait_for(lambda: len(courier.calls) == 2, "the second call")
        equal(d.process.poll(), None)
        c = d.client()
        c.call("Ack", c.receive("a")[0][1])
        equal(c.states(sent)[:3], ["stored", "queued", "attempt-held"])
        c.close()
        wait_for(lambda: d.process.poll() is not None, "idle exit when nothing waits")
        equal(d.process.returncode, 0)
        d.process = None


main(globals())
