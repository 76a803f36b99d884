"""Receive, leases, the ack family, addresses that stand for several, subscriptions."""

import base64
import contextlib
import os
import tempfile
import time
from unittest import mock

from harness import Daemon, check, equal, main, refused, wait_for

LONG = 60000000


def ready(d, *names):
    c = d.client()
    for name in names or ("a",):
        c.call("RegisterAgent", name)
    return c


def bodies(messages):
    return [bytes(m[3]) for m in messages]


def test_long_poll_wakes_at_once():
    with Daemon() as d:
        c = ready(d)
        waiting = c.later("Receive", "a", wait=LONG)
        sender = d.client()
        sender.call("Ping")
        begin = time.monotonic()
        sender.send("a", b"x")
        messages, more = waiting.result()
        check(time.monotonic() - begin < 40, "it came when it was sent, not at the time-out")
        equal((bodies(messages), more), ([b"x"], False))


def test_long_poll_answers_empty():
    with Daemon() as d:
        c = ready(d)
        equal(c.call("Receive", "a", wait=200000), ([], False))


def test_receive_bounds():
    with Daemon() as d:
        c = ready(d)
        for _ in range(5):
            c.send("a", b"x" * 1000)
        messages, more = c.call("Receive", "a", max=2)
        equal((len(messages), more), (2, True))
        messages, more = c.call("Receive", "a", max=10, max_bytes=1500)
        equal((len(messages), more), (1, True))
        refused("InvalidArgument", c.call, "Receive", "a", max=0)
        refused("InvalidArgument", c.call, "Receive", "a", max=257)
        got = c.receive("a", no_body=True)[0]
        equal((bytes(got[3]), got[4]["size"]), (b"", 1000))


def test_ack_and_late_ack():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        token = c.receive("a", lease=300000)[0][1]
        waiting = c.receive("a", wait=LONG)
        equal(waiting[0][0], number, "comes again after the lease")
        check(waiting[0][4]["acquired"] == 2, "second time")
        refused("LeaseExpired", c.call, "Ack", token)
        c.call("Ack", waiting[0][1])
        refused("LeaseExpired", c.call, "Ack", waiting[0][1])
        refused("LeaseExpired", c.call, "Ack", 4711)
        equal(c.states(number)[-1], "acked")


def test_ack_many():
    with Daemon() as d:
        c = ready(d)
        for _ in range(3):
            c.send("a", b"x")
        tokens = [m[1] for m in c.receive("a", max=3)]
        refused_ones = c.call("AckMany", tokens + [4711])[0]
        equal([(r[0], r[1]) for r in refused_ones], [(4711, "org.waggle.Error.LeaseExpired")])


def test_nack_modes():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a", backoff=[100000])
        number = c.send("a", b"x")
        token = c.receive("a")[0][1]
        refused("InvalidArgument", c.call, "Nack", token, mode="loud")
        equal(c.call("Nack", token, mode="silent", delay=0), ("queued",))
        got = c.receive("a", wait=LONG)[0]
        check("failed" not in got[4], "silent does not count as a failure")
        c.call("Nack", got[1], reason="no")
        got = c.receive("a", wait=LONG)[0]
        # silent: as if it had never been received
        equal((got[4]["failed"], got[4]["acquired"]), (1, 2))
        equal(c.call("Nack", got[1], mode="fatal", reason="poison"), ("dead",))
        dead = c.call("ListDead", agent="a")[0]
        equal(dead[0]["message"], number)
        check("poison" in dead[0]["reason"], f"reason {dead[0]['reason']}")


def test_limit_of_deliveries():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a", max_deliveries=2, backoff=[1000])
        number = c.send("a", b"x")
        for _ in range(2):
            c.call("Nack", c.receive("a", wait=LONG)[0][1])
        equal(c.call("Wait", number, "dead", timeout=LONG), (True, "dead"))


def test_touch_terminate_detach():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        token = c.receive("a", lease=20000000)[0][1]
        until = c.call("Touch", token, lease=60000000)[0]
        check(until > time.time_ns() // 1000 + 30000000, "longer now")
        c.call("Detach", token)
        c.call("Terminate", token, "cannot be done")
        dead = c.call("ListDead")[0][0]
        equal((dead["message"], dead["reason"]), (number, "terminated: cannot be done"))


def test_leases_end_with_the_connection():
    with Daemon(bus=True) as d:
        for over_bus in (False, True):
            c = ready(d)
            worker = d.client(over_bus)
            number = c.send("a", b"x")
            equal(worker.receive("a")[0][0], number)
            equal(c.receive("a"), [], "while leased")
            waiting = c.later("Receive", "a", wait=LONG)
            begin = time.monotonic()
            worker.close()
            got = waiting.result()[0]
            check(time.monotonic() - begin < 40, "released at once")
            equal(got[0][0], number)
            c.call("Ack", got[0][1])


def test_leases_end_with_the_bus():
    with Daemon(bus=True) as d:
        c = ready(d)
        number = c.send("a", b"x")
        equal(d.client(over_bus=True).receive("a")[0][0], number)
        waiting = c.later("Receive", "a", wait=LONG)
        d.bus.stop()
        equal(waiting.result()[0][0][0], number)


def test_order_of_calls_is_kept_while_the_caller_is_looked_up():
    with Daemon(bus=True) as d:
        ready(d)
        c = d.client(over_bus=True)
        sent = [c.later("Send", "a", str(i).encode()) for i in range(50)]
        numbers = [p.result()[0] for p in sent]
        equal(numbers, sorted(numbers), "numbers in the order of the calls")
        equal(bodies(c.receive("a", max=50)), [str(i).encode() for i in range(50)])


def test_detached_lease_outlives_connection_and_restart():
    with Daemon() as d:
        c = ready(d)
        worker = d.client()
        number = c.send("a", b"x")
        token = worker.receive("a", detach=True, lease=60000000)[0][1]
        worker.close()
        c.call("Ping")
        equal(c.receive("a"), [], "still leased")
        d.restart()
        c = d.client()
        equal(c.receive("a"), [], "still leased after the restart")
        c.call("Ack", token)
        equal(c.states(number)[-1], "acked")


def test_priority_and_order():
    with Daemon() as d:
        c = ready(d)
        for i, priority in enumerate((4, 9, 0, 9)):
            c.send("a", str(i).encode(), priority=priority)
        equal(bodies(c.receive("a", max=9)), [b"1", b"3", b"0", b"2"])


def test_ordering_key_blocks_its_own_key_only():
    with Daemon() as d:
        c = ready(d)
        for body, key in ((b"k1", "k"), (b"k2", "k"), (b"other", "o")):
            c.send("a", body, key=key)
        got = c.receive("a", max=9)
        equal(bodies(got), [b"k1", b"other"])
        c.call("Ack", got[0][1])
        equal(bodies(c.receive("a", wait=LONG)), [b"k2"])


def test_role_topic_and_all():
    with Daemon() as d:
        c = d.client()
        for name in ("one", "two"):
            c.call("RegisterAgent", name, roles=["r"], topics=["t"])
        c.call("RegisterAgent", "three")
        for i in range(4):
            receipt = c.call("Send", "role:r", str(i).encode())[1]
            equal(len(receipt["recipients"]), 1, "recipients of role mail")
        equal([len(c.receive(n, max=9)) for n in ("one", "two")], [2, 2], "round-robin")
        number, receipt = c.call("Send", "topic:t", b"news")
        equal(sorted(receipt["recipients"]), ["one", "two"])
        equal([c.receive(n)[0][0] for n in ("one", "two")], [number, number])
        receipt = c.call("Send", "@all", b"all")[1]
        equal(sorted(receipt["recipients"]), ["one", "three", "two"])


def test_subscribe_stops_at_its_credits():
    with Daemon(bus=True) as d:
        for over_bus in (False, True):
            c = ready(d)
            s = d.client(over_bus)
            other = d.client(over_bus)
            other.call("Ping")
            subscription = s.call("Subscribe", "a", 2)[0]
            numbers = [c.send("a", str(i).encode()) for i in range(4)]
            wait_for(lambda s=s: len(s.of("Delivery")) >= 2, "two deliveries")
            s.call("Ping")
            got = s.of("Delivery")
            equal([g[1] for g in got], numbers[:2])
            equal(got[0][0], subscription)
            equal(bytes(got[1][4]), b"1")
            s.call("AddCredits", subscription, 10)
            wait_for(lambda s=s: len(s.of("Delivery")) == 4, "the other two")
            for g in s.of("Delivery"):
                s.call("Ack", g[2])
            s.call("Unsubscribe", subscription)
            later = c.send("a", b"later")
            equal(c.receive("a", wait=LONG)[0][0], later, "after the subscription")
            equal(other.of("Delivery"), [], "signals to others")


@contextlib.contextmanager
def pressed(window):
    """A daemon and the other end of what tells it of memory pressure, which is over after three windows (us)."""
    with tempfile.TemporaryDirectory() as directory:
        fifo = os.path.join(directory, "pressure")
        os.mkfifo(fifo)
        given = {"MEMORY_PRESSURE_WATCH": fifo,
                 "MEMORY_PRESSURE_WRITE": base64.b64encode(f"some 10000 {window}\0".encode()).decode()}
        with mock.patch.dict(os.environ, given), Daemon() as d, open(fifo, "wb", buffering=0) as kernel:
            kernel.write(b"x")
            d.wait_log("Degraded: memory: ")
            yield d


def test_short_memory_is_one_message_at_a_time():
    with pressed(60000000) as d:
        c = ready(d, "a")
        check("memory: " in c.get("Degraded")[0], c.get("Degraded"))
        c.call("Subscribe", "a", 10)
        numbers = [c.send("a", b"x") for _ in range(3)]
        for i in range(3):
            wait_for(lambda i=i: len(c.of("Delivery")) > i, "the next delivery")
            c.call("Ping")
            equal([g[1] for g in c.of("Delivery")], numbers[:i + 1])
            c.call("Ack", c.of("Delivery")[i][2])


def test_short_memory_ends():
    with pressed(50000) as d:
        d.wait_log("No longer degraded: memory")
        equal(d.client().get("Degraded"), [])


def test_reply():
    with Daemon() as d:
        c = ready(d, "asker", "doer")
        question = c.send("doer", b"?", from_="asker", expects_reply=True, reply_to="asker")
        got = c.receive("doer")[0]
        c.call("Ack", got[1])
        c.send("asker", b"!", from_="doer", in_reply_to=question)
        equal(c.receive("asker")[0][4]["in-reply-to"], question)
        check("replied" in c.states(question), f"receipts {c.states(question)}")


def test_wait_for_a_state():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        equal(c.call("Wait", number, "stored"), (True, "stored"))
        equal(c.call("Wait", number, "acked", timeout=100000), (False, "queued"))
        waiting = c.later("Wait", number, "acked", timeout=LONG)
        worker = d.client()
        worker.call("Ack", worker.receive("a")[0][1])
        equal(waiting.result(), (True, "acked"))
        dead = c.send("a", b"y")
        waiting = c.later("Wait", dead, "acked", timeout=LONG)
        worker.call("Terminate", worker.receive("a")[0][1], "no")
        equal(waiting.result(), (False, "dead"))
        refused("InvalidArgument", c.call, "Wait", number, "eaten")
        refused("UnknownMessage", c.call, "Wait", 987654, "acked")


main(globals())
