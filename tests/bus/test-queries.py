"""What can be looked up: messages, receipts, dead letters, statistics, events; import and check."""

import os
import signal

from client import GLib, variant
from harness import Daemon, check, equal, main, refused, wait_for

LONG = 60000000


def ready(d, *names):
    c = d.client()
    for name in names or ("a",):
        c.call("RegisterAgent", name)
    return c


def numbers(answer):
    return [m["message"] for m in answer[0]]


def test_get_message():
    with Daemon() as d:
        c = ready(d, "a", "me")
        number = c.send("a", b"text", from_="me", subject="s", tags=["t"])
        fields = c.call("GetMessage", number)[0]
        equal((fields["message"], fields["from"], fields["to"]), (number, "me", "a"))
        equal((bytes(fields["body"]), fields["subject"], fields["size"]), (b"text", "s", 4))
        equal([(v["agent"], v["state"]) for v in fields["deliveries"]], [("a", "queued")])
        check("body" not in c.call("GetMessage", number, no_body=True)[0], "no body when not asked")
        refused("UnknownMessage", c.call, "GetMessage", 987654)


def test_receipts_tell_time_cause_and_actor():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        c.call("Ack", c.receive("a")[0][1])
        receipts = c.call("GetReceipts", number)[0]
        equal([r[1] for r in receipts], ["stored", "queued", "leased", "acked"])
        check(all(r[0] == "a" or r[1] == "stored" for r in receipts), f"agents in {receipts}")
        times = [r[2] for r in receipts]
        equal(times, sorted(times), "order of the times")
        check(receipts[-1][4].startswith(f"uid:{os.getuid()} pid:{os.getpid()}"),
              f"actor {receipts[-1][4]}")


def test_list_with_filters_and_cursor():
    with Daemon() as d:
        c = ready(d, "a", "b", "me")
        sent = [c.send("a", str(i).encode(), subject=f"s{i}") for i in range(5)]
        other = c.send("b", b"x", from_="me", tags=["hot"])
        equal(numbers(c.call("ListMessages", agent="a", reverse=False)), sent)
        equal(numbers(c.call("ListMessages", agent="a")), sent[::-1], "newest first by default")
        equal(numbers(c.call("ListMessages", sender="me")), [other])
        equal(numbers(c.call("ListMessages", tag="hot")), [other])
        equal(numbers(c.call("ListMessages", subject="s3")), [sent[3]])
        equal(numbers(c.call("ListMessages", state="acked")), [])
        c.call("Ack", c.receive("b")[0][1])
        equal(numbers(c.call("ListMessages", state="acked")), [other])
        page = c.call("ListMessages", agent="a", limit=2, reverse=False)
        equal((numbers(page), page[2]), (sent[:2], True))
        page = c.call("ListMessages", agent="a", limit=9, reverse=False, cursor=page[1])
        equal((numbers(page), page[2]), (sent[2:], False))
        refused("InvalidArgument", c.call, "ListMessages", state="eaten")
        refused("InvalidArgument", c.call, "ListMessages", limit=1001)
        entry = c.call("ListMessages", agent="b", state="acked")[0][0]
        equal((entry["from"], entry["agent"], entry["excerpt"]), ("me", "b", "x"))


def test_dead_letters():
    with Daemon() as d:
        c = ready(d, "a", "b")

        def kill(body):
            number = c.send("a", body)
            c.call("Terminate", c.receive("a", wait=LONG)[0][1], "no")
            return number

        first, second, third = kill(b"1"), kill(b"2"), kill(b"3")
        equal(numbers(c.call("ListDead", reverse=False)), [first, second, third])
        equal(c.call("RequeueDead", first), (1,))
        got = c.receive("a", wait=LONG)[0]
        equal((got[0], bytes(got[3])), (first, b"1"))
        check("requeued" in c.states(first), "the receipt")
        equal(c.call("RequeueDead", second, to="b"), (1,))
        equal(bytes(c.receive("b", wait=LONG)[0][3]), b"2")
        equal(c.call("PurgeDead", third), (1,))
        equal(numbers(c.call("ListDead")), [])
        refused("InvalidState", c.call, "RequeueDead", first)
        kill(b"4")
        kill(b"5")
        equal(c.call("PurgeDead", 0, agent="a"), (2,))


def test_message_dead_is_announced():
    with Daemon(bus=True) as d:
        c = d.client(over_bus=True)
        c.call("RegisterAgent", "a")
        number = c.send("a", b"x")
        c.call("Terminate", c.receive("a")[0][1], "broken")
        wait_for(lambda: c.of("MessageDead"), "MessageDead")
        equal(c.of("MessageDead"), [(number, "a", "terminated: broken")])


def test_hold_and_release():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        equal(c.call("Hold", number), (1,))
        equal(c.call("Hold", number), (0,))
        equal(c.receive("a"), [])
        equal(c.call("GetAgent", "a")[0]["held"], 1)
        equal(c.call("Release", number), (1,))
        equal(c.call("Release", number), (0,))
        equal([r[1] for r in c.call("GetReceipts", number)[0]],
              ["stored", "queued", "held", "released", "queued"])
        equal(c.receive("a", wait=LONG)[0][0], number)
        refused("InvalidState", c.call, "Hold", number)
        refused("InvalidState", c.call, "Release", number)


def test_watch():
    with Daemon(bus=True) as d:
        for over_bus in (False, True):
            c = ready(d, "a", "b")
            w = d.client(over_bus)
            watch = w.call("Watch", agent="a")[0]
            c.send("b", b"not this")
            number = c.send("a", b"x")
            c.call("Ack", c.receive("a")[0][1])
            wait_for(lambda w=w: any(e[3] == "acked" for e in w.of("Event")), "the last event")
            events = w.of("Event")
            equal({e[0] for e in events}, {watch})
            equal({(e[1], e[2]) for e in events}, {(number, "a")})
            equal([e[3] for e in events if e[3] in ("queued", "leased", "acked")],
                  ["queued", "leased", "acked"])
            w.call("Unwatch", watch)
            n = len(w.of("Event"))
            c.send("a", b"y")
            w.call("Ping")
            equal(len(w.of("Event")), n, "events after Unwatch")
            c.call("AckMany", [m[1] for m in c.receive("a", max=9) + c.receive("b", max=9)])


def test_watch_of_ends():
    with Daemon() as d:
        c = ready(d, "a", "b")
        w = d.client()
        w.call("Watch", final=True)
        acked, dead, canceled, waits = [c.send("a", b"x") for _ in range(4)]
        expired = c.send("a", b"x", ttl=1000, hold=True)
        c.call("Cancel", canceled)
        c.call("Ack", c.receive("a")[0][1])
        c.call("Terminate", c.receive("a")[0][1], "no use")
        c.send("b", b"answer", **{"in-reply-to": acked, "from": "a"})
        wait_for(lambda: {"expired", "replied"} <= {e[3] for e in w.of("Event")}, "the last two")
        states = {n: [e[3] for e in w.of("Event") if e[1] == n]
                  for n in (acked, dead, canceled, waits, expired)}
        equal(states, {acked: ["acked", "replied"], dead: ["dead"], canceled: ["canceled"],
                       waits: [], expired: ["expired"]})
        refused("InvalidArgument", w.call, "Watch", final="yes")


def test_statistics():
    with Daemon() as d:
        c = ready(d)
        for _ in range(3):
            c.send("a", b"xx")
        got = c.receive("a", max=2)
        c.call("Ack", got[0][1])
        s = c.call("GetStatistics")[0]
        equal((s["agents"], s["sent"], s["received"], s["acked"]), (1, 3, 2, 1))
        equal((s["queued"], s["in-flight"]), (1, 1))
        for key in ("latency-send", "latency-receive", "latency-ack"):
            equal(len(s[key]), 4, key)
            check(0 < s[key][0] <= s[key][3] + 1000, f"{key} {s[key]}")
            count, total, _, buckets = s["histogram-" + key.removeprefix("latency-")]
            equal(count, sum(n for _, n in buckets), key)
            check(count > 0 and total > 0, f"{key}: {count} took {total} us")
        equal(s["deepest"], [("a", 1, 0, 0, 1, 0)])
        equal((s["scope"], s["store-state"], s["degraded"]), ("user", "ok", []))
        for key in ("store-bytes", "wal-bytes", "free-bytes", "batches", "largest-batch", "clients",
                    "started", "version"):
            check(key in s, key + " is there")


def entries(*given):
    return [{k: variant(k, v) for k, v in one.items()} for one in given]


def test_import_is_idempotent():
    with Daemon() as d:
        c = d.client()
        old = entries(
            {"id": "1", "from": "Agent-1", "to": "Agent-2", "body": b"hello", "time": 1600000000000000,
             "state": "queued", "priority": 6},
            {"id": "2", "from": "Agent-1", "to": "Agent-2", "body": b"done", "time": 1600000001000000,
             "state": "history"},
            {"id": "3", "from": "Agent-2", "to": "Agent-1", "body": b"lost", "time": 1600000002000000,
             "state": "dead", "reason": "window closed"})
        equal(c.call("Import", old, file="queue.json"), (3, 0, []))
        equal(c.call("Import", old, file="queue.json"), (0, 3, []))
        got = c.receive("Agent-2", max=9)
        equal([bytes(m[3]) for m in got], [b"hello"])
        fields = got[0][4]
        equal((fields["origin"], fields["claimed-from"], fields["time"], fields["priority"]),
              ("import", "Agent-1", 1600000000000000, 6))
        equal(c.call("ListDead")[0][0]["reason"], "window closed")


def test_import_refuses_single_entries():
    with Daemon() as d:
        c = d.client()
        imported, duplicates, bad = c.call("Import", entries(
            {"id": "1", "from": "x", "to": "bad/name", "body": b""},
            {"id": "2", "from": "x", "to": "good", "body": b""}))
        equal((imported, duplicates, [b[0] for b in bad]), (1, 0, [0]))
        refused("UnknownOption", c.call, "Import", entries({"idd": "1"}), text="entry 0")


def test_check():
    with Daemon() as d:
        c = ready(d)
        c.send("a", b"x")
        findings, summary = c.call("Check", dry_run=True)
        equal((findings, summary["damaged"], summary["repaired"]), ([], 0, 0))
        check(summary["records"] >= 1, f"records {summary['records']}")


def test_get_agent_of_many():
    with Daemon() as d:
        c = d.client()
        for i in range(50):
            c.call("RegisterAgent", f"agent-{i}")
        equal(len(c.call("ListAgents")[0]), 50)
        equal(c.get("NAgents"), 50)
        check(isinstance(c.raw("Introspect", "()", interface="org.freedesktop.DBus.Introspectable")
                         [0], str), "introspection")
        refused("InvalidArgument", c.call, "RegisterAgent", "z", rate=GLib.Variant("d", -1.0))


def test_what_a_receiver_misses_can_be_found():
    with Daemon() as d:
        c = ready(d, "a", "me")
        equal(c.call("Send", "a", b"1", from_="me")[1]["sequence"], 1)
        lost = c.send("a", b"2", from_="me")
        c.send("a", b"3", from_="me")
        c.call("Cancel", lost)
        got = c.receive("a", max=9)
        equal([m[4]["sequence"] for m in got], [1, 3])
        found = c.call("ListMessages", agent="a", sender="me", sequence=2)[0]
        equal([(m["message"], m["state"], m["sequence"]) for m in found], [(lost, "canceled", 2)])
        equal([v["sequence"] for v in c.call("GetMessage", lost)[0]["deliveries"]], [2])
        d.restart(signal.SIGKILL)
        c = d.client()
        c.send("a", b"4", from_="me")
        equal(c.receive("a", max=9)[-1][4]["sequence"], 4)


main(globals())
