"""Nothing is lost, told twice or acked unseen when messaged or the courier dies in the middle. The
receipts are compared with what the back-ends were really asked to do."""

import signal

from courier import Rig
from harness import check, equal, main, wait_for


def touch(path):
    open(path, "w", encoding="utf-8").close()


def restart_messaged(rig):
    rig.client.close()
    rig.messaged.restart(sig=signal.SIGKILL)
    rig.client = rig.messaged.client()


def test_a_long_job_keeps_its_lease():
    with Rig(courier_config="[Courier]\nLeaseSec=1s\n") as r:
        gate = r.path("gate")
        r.agent("a", r.entry("take", "file:" + gate))
        r.agent("b", r.entry("bell", escalate="3s"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        r.client.send("b", b"x")
        r.wait_runs("take")
        r.wait_runs("chime")  # three lives of a lease are over
        equal(r.client.receive("a"), [], "mail whose job runs")
        touch(gate)
        states = [s for s, _ in r.wait_receipt(sent, "acked")]
        equal(states.count("leased"), 1, f"leases in {states}")
        equal(len(r.lines("take")), 1)


def test_messaged_dies_while_a_job_runs():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate, "announced"))
        sent = r.client.send("a", b"x")
        r.wait_runs("bell")
        restart_messaged(r)
        r.courier.wait_log("is there again")
        more = r.client.send("a", b"y")
        touch(gate)
        r.wait_receipt(sent, "announced")
        r.wait_receipt(more, "announced")
        # the job that ran was joined, not begun again
        equal([run["messages"] for run in r.lines("bell")], [[sent], [more]])
        equal(r.client.states(sent).count("announced"), 1)


def test_a_result_from_the_time_without_messaged_is_told_later():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate))
        sent = r.client.send("a", b"x")
        r.wait_runs("bell")
        r.client.close()
        r.messaged.stop(sig=signal.SIGKILL)
        r.courier.wait_log("is lost")
        touch(gate)
        wait_for(lambda: r.courier.property("NInFlight") == 0, "the job to end")
        r.messaged.start()
        r.client = r.messaged.client()
        r.wait_receipt(sent, "announced")
        equal(len(r.lines("bell")), 1, "doorbells for one message")


def test_a_lease_that_outlives_messaged_is_acked_once():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("take", "file:" + gate))
        sent = r.client.send("a", b"x")
        r.wait_runs("take")
        restart_messaged(r)
        r.courier.wait_log("is there again")
        r.wait_receipt(sent, "leased", 2)
        touch(gate)
        r.wait_receipt(sent, "acked")
        equal(len(r.lines("take")), 1, "runs for one message")


def test_an_ack_from_the_time_without_messaged():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("take", "file:" + gate))
        sent = r.client.send("a", b"x")
        r.wait_runs("take")
        r.client.close()
        r.messaged.stop(sig=signal.SIGKILL)
        r.courier.wait_log("is lost")
        touch(gate)
        wait_for(lambda: r.courier.property("NInFlight") == 0, "the job to end")
        r.messaged.start()
        r.client = r.messaged.client()
        r.wait_receipt(sent, "acked")
        equal(len(r.lines("take")), 1, "runs for one message")


def test_the_courier_dies_while_jobs_run():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate, name="bell"))
        r.agent("b", r.entry("take", "file:" + gate, name="take"))
        r.client.call("UpdateAgent", "b", backoff=[1000])
        rung, taken = r.client.send("a", b"x"), r.client.send("b", b"x")
        r.wait_runs("bell")
        r.wait_runs("take")
        r.courier.stop(sig=signal.SIGKILL)
        for number in (rung, taken):
            states = r.client.states(number)
            check("announced" not in states and "acked" not in states, f"{states}")
        touch(gate)
        r.courier.start()
        r.wait_receipt(rung, "announced")
        r.wait_receipt(taken, "acked")
        # each was begun by either courier, and each receipt is of the second
        equal(len(r.lines("bell")), 2)
        equal(len(r.lines("take")), 2)
        equal(r.client.states(rung).count("announced"), 1)
        equal(r.client.states(taken).count("acked"), 1)


def test_a_storm_loses_nothing():
    """Messaged and courier are killed by turns while mail for four agents goes through; in the end
    every message is acked, and none without a job that had it."""
    with Rig() as r:
        names = ["a", "b", "c", "d"]
        for name in names:
            r.agent(name, r.entry("take", "acked", name=name))
            r.client.call("UpdateAgent", name, backoff=[1000], max_deliveries=1000)
        sent = []
        for turn in range(6):
            sent += [(n, r.client.send(n, b"x" * 100)) for n in names * 10]
            if turn % 2 == 0:
                r.courier.stop(sig=signal.SIGKILL)
                r.courier.start()
            else:
                restart_messaged(r)
        for _, number in sent:
            r.wait_receipt(number, "acked")
            equal(r.client.states(number).count("acked"), 1)
        for name in names:
            ran = {m for run in r.lines(name) for m in run["messages"]}
            wanted = {number for agent, number in sent if agent == name}
            equal(ran, wanted, f"messages that jobs of {name} had")


def test_a_durable_back_end_hears_of_the_end():
    with Rig() as r:
        r.agent("a", r.entry("lasting"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "announced")
        r.client.call("Ack", r.client.receive("a")[0][1])
        wait_for(lambda: r.lines("lasting", "finished"), "word of the end")
        told = r.lines("lasting", "finished")[0]
        equal((told["message"], told["receipt"]), (sent, "acked"))


def test_a_durable_back_end_hears_of_what_ended_without_the_courier():
    with Rig() as r:
        r.agent("a", r.entry("lasting"))
        gone, kept = r.client.send("a", b"x"), r.client.send("a", b"y")
        for number in (gone, kept):
            r.wait_receipt(number, "announced")
        r.courier.stop()
        got = r.client.receive("a")[0]
        equal(got[0], gone)
        r.client.call("Ack", got[1])
        with open(r.path("lasting") + ".lying", "w", encoding="utf-8") as f:
            f.write(f"{gone}\n{kept}\n")
        r.courier.start()
        wait_for(lambda: r.lines("lasting", "finished"), "word of the end")
        # The other one's answer is read by the time that new mail was announced.
        r.wait_receipt(r.client.send("a", b"z"), "announced")
        equal([line["message"] for line in r.lines("lasting", "finished")], [gone])


def test_leaving_gives_jobs_their_time():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate))
        sent = r.client.send("a", b"x")
        r.wait_runs("bell")
        r.courier.process.send_signal(signal.SIGTERM)
        r.courier.wait_notify("STOPPING=1")
        touch(gate)
        equal(r.courier.process.wait(60), 0)
        r.courier.process = None
        equal(r.client.states(sent)[-1], "announced")


def test_leaving_cancels_what_hangs_and_gives_everything_back():
    with Rig(courier_config="[Service]\nDrainSec=2s\n") as r:
        r.agent("a", r.entry("bell", "hang", "announced"))
        sent = r.client.send("a", b"x")
        r.wait_runs("bell")
        waiting = r.client.send("a", b"y")
        r.courier.stop()
        equal(len(r.lines("bell", "cancel")), 1)
        states = r.client.states(sent)
        check("announced" not in states, "announced although it was cancelled")
        check("attempt-failed" not in states, "the back-end is blamed for our leaving")
        r.agent("a", r.entry("bell", "announced"))
        r.courier.start()
        for number in (sent, waiting):
            r.wait_receipt(number, "announced")


main(globals())
