"""What the policy makes of an agent's mail, seen from outside: what rings when, and what the
receipts say."""

import datetime
import json
import time

from courier import Rig
from harness import check, equal, main, refused, wait_for


def test_a_held_attempt_comes_again_by_itself():
    with Rig() as r:
        r.agent("a", r.entry("bell", "held:a human types", "announced"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "attempt-held")
        cause = r.causes(sent, "attempt-held")[0]
        check("bell" in cause and "a human types" in cause, cause)
        r.wait_receipt(sent, "announced")
        equal(len(r.lines("bell")), 2)


def test_held_for_too_long_goes_to_the_next_rung():
    with Rig() as r:
        r.agent("a", r.entry("bell", "held:a human types", hold_max="100ms"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        receipts = r.wait_receipt(sent, "announced")
        check(any(s == "attempt-held" for s, _ in receipts), f"{receipts}")
        equal(len(r.lines("chime")), 1)


def test_what_was_announced_and_not_received_is_escalated():
    with Rig() as r:
        r.agent("a", r.entry("bell", escalate="1s"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        receipts = r.wait_receipt(sent, "announced", 2)
        causes = [c for s, c in receipts if s == "announced"]
        check("bell" in causes[0] and "chime" in causes[1], f"{causes}")
        gap = r.lines("chime")[0]["at"] - r.lines("bell")[0]["at"]
        check(gap >= 1000000, f"escalated after {gap} us")


def test_what_was_received_is_not_escalated():
    with Rig() as r:
        r.agent("a", r.entry("bell", escalate="3s"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "announced")
        token = r.client.receive("a")[0][1]
        r.client.call("Ack", token)
        # A message that is sent now and escalates shows that the time of the first is over.
        other = r.client.send("a", b"y")
        r.wait_receipt(other, "announced", 2)
        equal([run["messages"] for run in r.lines("chime")], [[other]])
        equal(r.client.states(sent).count("announced"), 1)


def test_a_back_end_that_keeps_failing_is_left_alone():
    with Rig() as r:
        r.agent("a", r.entry("bell", "broken:no such window"), r.entry("chime"))
        for i in range(8):
            sent = r.client.send("a", b"x")
            r.wait_receipt(sent, "announced")
        wait_for(lambda: r.courier.explain("a")["backends"][0]["state"] == "open",
                 "the breaker to open")
        told = r.courier.explain("a")["backends"]
        check(told[0]["failures"] >= 5, f"{told[0]}")
        check(told[0]["retry-at"] > 0 and "no such window" in told[0]["last-cause"], f"{told[0]}")
        equal((told[1]["state"], told[1]["last-result"]), ("ready", "announced"))
        runs = len(r.lines("bell"))
        r.wait_receipt(r.client.send("a", b"x"), "announced")
        equal(len(r.lines("bell")), runs, "runs of an open back-end")
        r.courier.wait_log("keeps failing")


def quiet_now(except_priority):
    """Hours around now, at least half an hour to each side."""
    now = datetime.datetime.now()
    begin, end = now - datetime.timedelta(minutes=30), now + datetime.timedelta(minutes=30)
    return {"hours": f"{begin:%H:%M}-{end:%H:%M}", "except-priority": except_priority}


def test_quiet_hours_hold_all_but_the_urgent():
    with Rig() as r:
        r.agent("a", r.entry("bell"), quiet=[quiet_now(">=8")])
        calm = r.client.send("a", b"x")
        r.wait_receipt(calm, "attempt-held")
        check("quiet" in r.causes(calm, "attempt-held")[0], r.causes(calm, "attempt-held")[0])
        urgent = r.client.send("a", b"y", priority=9)
        r.wait_receipt(urgent, "announced")
        check("announced" not in r.client.states(calm), "rang in quiet hours")
        told = r.courier.explain("a")
        check(told["quiet-until"] > 0, "quiet-until is not told")
        check("quiet" in told["next"], told["next"])


def test_another_policy_lets_go_what_was_held():
    with Rig() as r:
        r.agent("a", r.entry("bell"), quiet=[quiet_now(">=8")])
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "attempt-held")
        r.agent("a", r.entry("bell"))
        r.wait_receipt(sent, "announced")


def test_fifty_messages_are_one_doorbell():
    with Rig() as r:
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate, "announced"))
        first = r.client.send("a", b"x")
        r.wait_runs("bell")
        sent = [r.client.send("a", b"x", priority=8 if i == 7 else 4) for i in range(50)]
        wait_for(lambda: r.courier.ask("ListAgents")[0][0]["waiting"] == 51, "all to be in hand")
        open(gate, "w", encoding="utf-8").close()
        for number in [first] + sent:
            r.wait_receipt(number, "announced")
        runs = r.lines("bell")
        equal(len(runs), 2, "doorbells")
        equal(sorted(runs[1]["messages"]), sorted(sent))
        equal((runs[1]["waiting"], runs[1]["urgent"]), (51, 1))
        check("51" in runs[1]["doorbell"] and "1 urgent" in runs[1]["doorbell"],
              runs[1]["doorbell"])


def test_a_full_answer_delays_no_doorbell():
    """256 is what one answer brings, so it says that there is more; there is not."""
    with Rig() as r:
        r.courier.stop()
        r.agent("a", r.entry("bell"))
        sent = [r.client.send("a", b"x") for _ in range(256)]
        r.courier.start()
        r.courier.wait_connected()
        begin = time.monotonic()
        r.wait_receipt(sent[-1], "announced")
        check(time.monotonic() - begin < 18, "it waited for the long poll to end")
        equal([len(run["messages"]) for run in r.lines("bell")], [256])


def test_a_window_gathers_what_comes():
    with Rig() as r:
        r.agent("a", r.entry("bell"), digest={"window": "2s"})
        sent = [r.client.send("a", b"x") for _ in range(10)]
        for number in sent:
            r.wait_receipt(number, "announced")
        runs = r.lines("bell")
        equal(len(runs), 1, f"doorbells {runs}")


def test_more_doorbells_than_the_rate_are_held():
    with Rig() as r:
        r.agent("a", r.entry("bell"), rate={"max": 2, "per": "1h"})
        for _ in range(2):
            r.wait_receipt(r.client.send("a", b"x"), "announced")
        third = r.client.send("a", b"x")
        r.wait_receipt(third, "attempt-held")
        check("2 doorbells" in r.causes(third, "attempt-held")[0], f"{r.receipts(third)}")
        equal(len(r.lines("bell")), 2)
        check(r.courier.explain("a")["rate-free-at"] > 0, "rate-free-at is not told")


def test_partial_is_never_tried_again():
    with Rig() as r:
        r.agent("a", r.entry("bell", "partial:focus was lost", "announced"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "attempt-failed")
        check("partial" in r.causes(sent, "attempt-failed")[0], "no word of partial")
        r.courier.wait_log(f"Message {sent} to 'a' may have been told in part")
        # The next message rings; the first is not among those it tells of.
        other = r.client.send("a", b"y")
        r.wait_receipt(other, "announced")
        equal([run["messages"] for run in r.lines("bell")], [[sent], [other]])
        equal(r.lines("chime"), [])


def test_given_back_mail_counts_no_failure_and_refused_mail_does():
    with Rig() as r:
        r.agent("a", r.entry("take", "later", "refused:no such task", "acked", retry="1s"))
        r.client.call("UpdateAgent", "a", backoff=[1000])
        sent = r.client.send("a", b"x")
        receipts = r.wait_receipt(sent, "acked")
        check(any("no such task" in c for s, c in receipts if s == "nacked"), f"{receipts}")
        equal([s for s, _ in receipts].count("leased"), 3)


def test_a_job_that_takes_too_long_is_cancelled():
    with Rig() as r:
        r.agent("a", r.entry("bell", "hang", timeout="1s"), r.entry("chime"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "announced")
        equal(len(r.lines("bell", "cancel")), 1)
        check("cancelled" in r.causes(sent, "attempt-failed")[0], "the cause is not told")


def test_a_wrong_policy_holds_the_mail_and_says_where():
    with Rig() as r:
        r.client.call("RegisterAgent", "a", policy='{"backends": [{"use": "bel"}]}')
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "attempt-held")
        cause = r.causes(sent, "attempt-held")[0]
        check(cause.startswith("policy: /backends/0/use") and "bell" in cause, cause)
        again = r.client.send("a", b"y")
        r.wait_receipt(again, "attempt-held")
        lines = [x for x in r.courier.log_lines() if "policy of agent 'a' is refused" in x]
        equal(len(lines), 1, "journal lines of one wrong policy")
        check("bell" in r.courier.explain("a")["policy-error"], "Explain does not tell")
        r.agent("a", r.entry("bell"))  # mended: what was held goes at once
        for number in (sent, again):
            r.wait_receipt(number, "announced")
        equal(r.courier.explain("a")["policy-error"], "")


def test_a_policy_that_a_back_end_refuses():
    with Rig() as r:
        r.agent("a", r.entry("bell"), r.entry("chime", "refuse"))
        sent = r.client.send("a", b"x")
        r.wait_receipt(sent, "attempt-held")
        cause = r.causes(sent, "attempt-held")[0]
        check("/backends/1" in cause and "these answers are refused" in cause, cause)


def test_check_policy():
    with Rig() as r:
        def problems(policy):
            return r.courier.ask("CheckPolicy", "(s)", json.dumps(policy))[0]

        good = {"backends": [r.entry("bell"), r.entry("each")]}
        equal(problems(good), [])
        wrong = problems({"backends": [{**r.entry("bell"), "escalat": "5min"}], "rate": 3})
        pointers = sorted(pointer for pointer, _ in wrong)
        equal(pointers, ["/backends/0/escalat", "/rate"])
        check(any("escalate" in text for _, text in wrong), f"{wrong}")
        equal(len(r.courier.ask("CheckPolicy", "(s)", "{")[0]), 1)


def test_explain_and_the_list():
    with Rig() as r:
        refused("UnknownAgent", r.courier.explain, "nobody")
        gate = r.path("gate")
        r.agent("a", r.entry("bell", "file:" + gate), r.entry("chime", **{"if": {"priority": ">=6"}}))
        r.client.send("a", b"x")
        r.wait_runs("bell")
        told = r.courier.explain("a")
        equal((told["agent"], told["in-flight"], told["waiting"]), ("a", "bell", 1))
        equal([(b["name"], b["use"], b["step"]) for b in told["backends"]],
              [("bell", "bell", 0), ("chime", "chime", 1)])
        check("6" in told["backends"][1]["conditions"], f"{told['backends'][1]}")
        listed = r.courier.ask("ListAgents")[0]
        equal([(a["agent"], a["backends"]) for a in listed], [("a", ["bell", "chime"])])
        equal(r.courier.property("NAgents"), 1)
        open(gate, "w", encoding="utf-8").close()


main(globals())
