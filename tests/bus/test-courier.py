"""Couriers: helpers of an agent's owner that try to announce mail by other means."""

from harness import OTHERS, Daemon, check, equal, main, refused, wait_for

LONG = 10000000


def ready(d):
    c = d.client()
    c.call("RegisterAgent", "a")
    courier = d.client()
    return c, courier, courier.call("RegisterCourier", name="test", backends=["log"])[0]


def attempts(courier, number, **given):
    return courier.call("LeaseAttempts", number, **given)[0]


def test_an_attempt_is_offered_once_and_announced():
    with Daemon() as d:
        c, courier, number = ready(d)
        sent = c.send("a", b"body", subject="s")
        wait_for(lambda: courier.of("Waiting"), "the signal Waiting")
        equal(courier.of("Waiting")[0][0], number)
        got = attempts(courier, number, wait=LONG)
        equal((len(got), got[0][1], got[0][2], got[0][3]["subject"]), (1, sent, "a", "s"))
        check("body" not in got[0][3], "no body when not asked for")
        courier.call("ReportAttempt", got[0][0], "announced", backend="log")
        equal(attempts(courier, number), [], "offered again")
        check("announced" in c.states(sent), f"receipts {c.states(sent)}")
        # Announcing is not delivery: the mail is still there.
        equal(c.receive("a")[0][0], sent)


def test_failed_comes_again_partial_does_not():
    with Daemon(config="[Delivery]\nAttemptBackoffFirstSec=50ms\n") as d:
        c, courier, number = ready(d)
        sent = c.send("a", b"body")
        got = attempts(courier, number, wait=LONG, body=True)
        equal(bytes(got[0][3]["body"]), b"body")
        courier.call("ReportAttempt", got[0][0], "failed", cause="no window")
        got = attempts(courier, number, wait=LONG)
        equal(got[0][1], sent)
        courier.call("ReportAttempt", got[0][0], "held", cause="a draft", retry_after=50000)
        got = attempts(courier, number, wait=LONG)
        courier.call("ReportAttempt", got[0][0], "partial", cause="focus was lost")
        equal(attempts(courier, number, wait=300000), [], "offered after partial")
        states = c.states(sent)
        check("attempt-failed" in states and "attempt-held" in states, f"receipts {states}")
        refused("InvalidArgument", courier.call, "ReportAttempt", got[0][0], "perhaps")


def test_long_poll_of_attempts():
    with Daemon() as d:
        c, courier, number = ready(d)
        waiting = courier.later("LeaseAttempts", number, wait=LONG)
        sent = c.send("a", b"x")
        equal(waiting.result()[0][0][1], sent)


def test_mail_with_a_waiting_receiver_needs_no_courier():
    with Daemon() as d:
        c, courier, number = ready(d)
        receiver = d.client()
        waiting = receiver.later("Receive", "a", wait=LONG)
        wait_for(lambda: c.call("GetAgent", "a")[0]["receivers"] == 1, "the receiver")
        sent = c.send("a", b"x")
        equal(waiting.result()[0][0][0], sent)
        equal(attempts(courier, number), [])


def test_one_courier_of_a_name():
    with Daemon() as d:
        _, courier, number = ready(d)
        other = d.client()
        refused("InvalidState", other.call, "RegisterCourier", name="test")
        refused("InvalidArgument", other.call, "LeaseAttempts", number)
        courier.close()

        def free():
            try:
                other.call("RegisterCourier", name="test")
                return True
            except Exception as why:
                check("InvalidState" in str(why), str(why))
                return False

        wait_for(free, "the name to be free")


def test_a_courier_serves_its_own_uid_only():
    with Daemon(scope="system") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        stranger = d.as_uid(OTHERS[0])
        text = stranger.call("RegisterCourier", "(@a{sv} {},)", "(a{sv})")
        number = text.split()[-1].strip("(,)")
        c.send("a", b"x")
        equal(stranger.call("LeaseAttempts", f"({number}, @a{{sv}} {{}})", "(ta{sv})"),
              "([], false)")


main(globals())
