"""The courier end to end: from Send to the back-end, and the receipts of what came of it."""

import fcntl
import os

from courier import Rig
from gi.repository import GLib
from harness import check, equal, main, wait_for


def send_large(client, to, body):
    fd = os.memfd_create("body", os.MFD_ALLOW_SEALING)
    os.write(fd, body)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS,
                fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    try:
        return client.call("Send", to, b"", fds=[fd], body_fd=GLib.Variant("h", 0))[0]
    finally:
        os.close(fd)


def test_mail_reaches_the_back_end_and_is_announced():
    with Rig() as r:
        r.agent("a", r.entry("bell"))
        sent = r.client.send("a", b"x", subject="hello")
        states = [s for s, _ in r.wait_receipt(sent, "announced")]
        equal(states.count("announced"), 1, f"announced in {states}")
        run = r.wait_runs("bell")[0]
        equal((run["agent"], run["messages"], run["waiting"]), ("a", [sent], 1))
        check("a" in run["doorbell"], run["doorbell"])
        check("acked" not in states and "leased" not in states, f"{states}")
        # Announcing is not delivery: the mail is still there.
        equal(r.client.receive("a")[0][0], sent)


def test_failed_goes_to_the_next_rung_at_once():
    with Rig() as r:
        r.agent("a", r.entry("bell", "failed:no window"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        receipts = r.wait_receipt(sent, "announced")
        failed = [c for s, c in receipts if s == "attempt-failed"]
        equal(len(failed), 1, f"failures in {receipts}")
        check("bell" in failed[0] and "no window" in failed[0], failed[0])
        announced = [c for s, c in receipts if s == "announced"]
        check("chime" in announced[0], announced[0])
        first, second = r.lines("bell")[0], r.lines("chime")[0]
        check(second["at"] - first["at"] < 4000000, "the next rung waited")


def test_an_agent_that_handles_mail_itself_acks_it():
    with Rig() as r:
        r.agent("a", r.entry("take", "acked"))
        sent = r.client.send("a", b"body")
        states = [s for s, _ in r.wait_receipt(sent, "acked")]
        check("leased" in states, f"acked without a lease: {states}")
        equal(r.lines("take")[0]["sizes"], [4])
        equal(r.client.receive("a"), [])


def test_a_large_body_is_fetched():
    with Rig() as r:
        r.agent("a", r.entry("each"))
        body = b"0123456789abcdef" * 40000
        sent = send_large(r.client, "a", body)
        r.wait_receipt(sent, "announced")
        equal(r.lines("each")[0]["sizes"], [len(body)])


def test_two_agents_at_once():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate, name="slow"))
        r.agent("b", r.entry("bell", name="fast"))
        first = r.client.send("a", b"x")
        r.wait_runs("slow")
        second = r.client.send("b", b"x")
        r.wait_receipt(second, "announced")
        check("announced" not in r.client.states(first), "the slow one is done")
        equal(r.courier.property("NInFlight"), 1)
        # one job in flight for each agent
        more = r.client.send("a", b"y")
        r.client.send("b", b"y")
        wait_for(lambda: len(r.lines("fast")) == 2, "the other agent's second bell")
        equal(len(r.lines("slow")), 1, "jobs of an agent whose job runs")
        open(gate, "w", encoding="utf-8").close()
        r.wait_receipt(first, "announced")
        r.wait_receipt(more, "announced")


main(globals())
