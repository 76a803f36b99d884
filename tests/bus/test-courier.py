"""Couriers: helpers of an agent's owner that try to announce mail by other means."""

import ast
import signal

from client import options
from harness import OTHERS, Daemon, check, equal, main, refused, wait_for

LONG = 60000000


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
        told = {(backend, result): n for backend, result, n in c.call("GetStatistics")[0]["deliveries"]}
        equal(told, {("other", "announced"): 0, ("other", "failed"): 1, ("other", "held"): 1,
                     ("other", "partial"): 1})
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


def reports(*entries):
    """ReportAttempts' argument: (attempt, result, {option: value})."""
    return [(attempt, result, options(**given)) for attempt, result, given in entries]


def test_many_reports_are_one_call():
    with Daemon() as d:
        c, courier, number = ready(d)
        sent = [c.send("a", b"x", priority=p) for p in (4, 7, 9)]
        got = {a[1]: a for a in attempts(courier, number, max=10)}
        equal(set(got), set(sent))
        equal({(a[3]["waiting"], a[3]["urgent"], a[3]["attempts"], a[3]["step"], a[3]["announced"])
               for a in got.values()}, {(3, 2, 0, 0, False)})
        tokens = [got[n][0] for n in sent]
        refusals = courier.call("ReportAttempts", reports(
            (tokens[0], "announced", {"backend": "inbox"}),
            (tokens[1], "failed", {"cause": "no pane", "continue": True, "step": 1}),
            (tokens[0], "announced", {}),
            (tokens[2], "announced", {"retry_after": 200000, "step": 4})))[0]
        equal([r[:2] for r in refusals], [(tokens[0], "org.waggle.Error.LeaseExpired")])
        # escalation: it comes again by itself, and tells how far the ladder was climbed
        again = attempts(courier, number, max=10, wait=LONG)
        equal([(a[1], a[3]["step"], a[3]["attempts"], a[3]["announced"]) for a in again],
              [(sent[2], 4, 1, True)])
        # the second goes on, so it is still this connection's
        taken, refusals = courier.call("TakeAttempts", [tokens[1], tokens[0]], lease=60000000)
        equal((taken[0][0], [r[0] for r in refusals]), (tokens[1], [tokens[0]]))
        courier.call("Ack", taken[0][1], cause="exec: exit status 0")
        receipts = c.call("GetReceipts", sent[1])[0]
        equal([r[1] for r in receipts], ["stored", "queued", "attempt-failed", "leased", "acked"])
        equal(receipts[-1][3], "exec: exit status 0")
        equal(receipts[2][3], "no pane")


def test_what_is_refused():
    with Daemon() as d:
        _, courier, number = ready(d)
        refused("UnknownOption", courier.call, "ReportAttempts",
                reports((1, "failed", {}), (1, "failed", {"caus": "x"})), text="report 1: ")
        refused("InvalidArgument", courier.call, "ReportAttempts",
                reports((1, "failed", {"step": True})), text="report 0: ")
        refused("InvalidArgument", courier.call, "TakeAttempts", [1] * 4097, text="4096")
        refused("InvalidArgument", courier.call, "ReportAttempts",
                reports(*[(1, "failed", {})] * 4097), text="4096")
        equal(courier.call("TakeAttempts", [])[0], [])
        equal(courier.call("ReportAttempts", [])[0], [])


def test_taken_leases_end_as_others_do():
    with Daemon() as d:
        c, courier, number = ready(d)
        sent = [c.send("a", b"x") for _ in range(4)]
        tokens = [a[0] for a in attempts(courier, number, max=10)]
        taken = [t[1] for t in courier.call("TakeAttempts", tokens)[0]]
        equal(courier.call("Nack", taken[0], mode="silent", step=2)[0], "queued")
        courier.call("Terminate", taken[1], "killed by signal 9")
        equal(courier.call("AckMany", taken[2:3], cause="done")[0], [])
        got = attempts(courier, number, wait=LONG)
        equal((got[0][1], got[0][3]["step"]), (sent[0], 2))
        equal(c.call("GetReceipts", sent[2])[0][-1][3], "done")
        equal(c.states(sent[1])[-1], "dead")
        courier.close()  # its last lease ends with it
        equal(c.call("Wait", sent[3], "leased")[0], True)
        wait_for(lambda: c.states(sent[3])[-1] == "queued", "its return to the queue")


def test_what_was_answered_outlives_a_kill():
    with Daemon() as d:
        c, courier, number = ready(d)
        sent = [c.send("a", b"x") for _ in range(4)]
        tokens = [a[0] for a in attempts(courier, number, max=10)]
        equal(courier.call("ReportAttempts", reports(
            (tokens[0], "announced", {}),
            (tokens[1], "held", {"retry_after": 3600 * 1000000, "step": 2}),
            (tokens[2], "failed", {"retry_after": 1, "step": 7})))[0], [])
        equal(len(courier.call("TakeAttempts", tokens[3:])[0]), 1)
        d.restart(sig=signal.SIGKILL)
        courier = d.client()
        number = courier.call("RegisterCourier", name="test")[0]
        got = {a[1]: a[3] for a in attempts(courier, number, max=10, wait=LONG)}
        # announced: not again; held: not yet; failed: with its step; taken: given back
        equal(set(got), {sent[2], sent[3]})
        equal((got[sent[2]]["step"], got[sent[2]]["attempts"]), (7, 1))
        equal((got[sent[3]]["step"], got[sent[3]]["attempts"]), (0, 0))
        equal(courier.call("GetReceipts", sent[3])[0][-1][3], "the service was restarted")


def test_receive_goes_before_an_attempt():
    with Daemon() as d:
        c, courier, number = ready(d)
        sent = c.send("a", b"x")
        token = attempts(courier, number)[0][0]
        equal(c.receive("a")[0][0], sent)
        taken, refusals = courier.call("TakeAttempts", [token])
        equal((taken, refusals[0][:2]), ([], (token, "org.waggle.Error.InvalidState")))
        check("somebody else has received it" in refusals[0][2], refusals[0][2])


def test_another_uid_neither_takes_nor_reports():
    with Daemon(scope="system") as d:
        c, courier, number = ready(d)
        c.send("a", b"x")
        token = attempts(courier, number)[0][0]
        stranger = d.as_uid(OTHERS[0])
        stranger.call("RegisterCourier", "(@a{sv} {},)", "(a{sv})")
        text = stranger.call("TakeAttempts", f"([{token}], @a{{sv}} {{}})", "(ata{sv})")
        check("org.waggle.Error.LeaseExpired" in text and text.startswith("([],"), text)
        text = stranger.call("ReportAttempts", f"([({token}, 'announced', @a{{sv}} {{}})],)",
                             "(a(tsa{sv}))")
        check("org.waggle.Error.LeaseExpired" in text, text)
        refused("LeaseExpired", stranger.call, "ReportAttempt",
                f"({token}, 'announced', @a{{sv}} {{}})", "(tsa{sv})")
        refused("InvalidArgument", stranger.call, "LeaseAttempts",
                f"({number}, @a{{sv}} {{}})", "(ta{sv})")  # nor with another's number
        equal(len(courier.call("TakeAttempts", [token])[0]), 1)


def test_an_owner_watches_its_agents_mail_to_the_end():
    with Daemon(scope="system") as d:
        c = d.client()
        owner = d.as_uid(OTHERS[0])
        owner.call("RegisterAgent", "('a', @a{sv} {})", "(sa{sv})")
        c.call("RegisterAgent", "not-mine")
        owner.call("Watch", "(@a{sv} {},)", "(a{sv})")
        acked, dead, canceled, secret = [c.send(to, b"x") for to in ("a", "a", "a", "not-mine")]
        expired = c.send("a", b"x", ttl=1000, hold=True)
        c.call("Cancel", canceled)
        c.call("Ack", c.receive("a")[0][1])
        c.call("Terminate", c.receive("a")[0][1], "no use")
        c.call("Ack", c.receive("not-mine")[0][1])
        wait_for(lambda: c.states(expired)[-1] == "expired", "the time to live")
        events = ast.literal_eval(owner.call("Events"))
        last = {number: [e[3] for e in events if e[1] == number][-1:]
                for number in (acked, dead, canceled, expired, secret)}
        equal(last, {acked: ["acked"], dead: ["dead"], canceled: ["canceled"],
                     expired: ["expired"], secret: []})


main(globals())
