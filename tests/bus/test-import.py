"""waggle import and export against the daemon, with files that the test writes itself."""

import json
import os

from harness import Daemon, check, equal, main
from waggle import Cli

KEYS = ["file", "entries", "imported", "queued", "history", "dead", "duplicates", "skipped",
        "damaged", "kept_as"]


def entry(number, status, recipient="Agent-1", text=None):
    return {"message": {"type": "agent_message", "sender": "CAPTAIN", "recipient": recipient,
                        "content": text or f"text {number} 🚀", "priority": "urgent", "tags": ["s"],
                        "metadata": {"stalled": False}},
            "queue_id": f"queue-id-{number}", "priority_score": 0.5, "status": status,
            "created_at": "2025-11-29T23:29:16.181070", "updated_at": "2025-11-29T23:29:23.495832",
            "metadata": {"delivery_callback": False}}


ALL = [entry(1, "PENDING"), entry(2, "PROCESSING"), entry(3, "DELIVERED"), entry(4, "FAILED")]


class Files:
    def __init__(self, daemon):
        self.directory = daemon.directory

    def write(self, name, data):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path


def counts(report, index=0):
    got = report["files"][index]
    return tuple(got[k] for k in KEYS[1:7]) + (len(got["skipped"]), got["damaged"])


def test_a_whole_queue():
    with Daemon() as d:
        cli, path = Cli(d), Files(d).write("queue.json", json.dumps(ALL))
        report = cli.json("import", path)
        equal(list(report), ["files", "imported"])
        equal(list(report["files"][0]), KEYS)
        equal(counts(report), (4, 4, 2, 1, 1, 0, 0, False))
        equal((report["imported"], report["files"][0]["kept_as"]), (4, None))
        messages = {m["id"]: m for m in cli.json("list", "Agent-1", "--limit=0")}
        equal({k[-1]: m["state"] for k, m in messages.items()},
              {"1": "queued", "2": "queued", "3": "acked", "4": "dead"})
        check(messages["queue-id-1"]["time"].startswith("2025-11-29T23:29:16.181070"))
        got = cli.json("receive", "Agent-1", "--ack")
        equal((got["from"], got["claimed_from"], got["origin"], got["body"], got["priority"]),
              ("CAPTAIN", "CAPTAIN", "import", "text 1 🚀", 8))


def test_again_changes_nothing():
    with Daemon() as d:
        cli, path = Cli(d), Files(d).write("queue.json", json.dumps(ALL))
        cli.run("import", path)
        equal(counts(cli.json("import", path)), (4, 0, 0, 0, 0, 4, 0, False))
        d.restart()
        equal(counts(cli.json("import", path)), (4, 0, 0, 0, 0, 4, 0, False))
        equal(len(cli.json("list", "--limit=0")), 4)


def test_damaged_files_are_read_and_kept():
    with Daemon() as d:
        cli, files = Cli(d), Files(d)
        whole = json.dumps(ALL)
        old = json.dumps([entry(8, "PENDING"), entry(9, "PENDING")])
        torn = {
            "cut": (whole[:-30], (3, 3, 2, 1, 0, 0, 1, True)),
            "over": (whole + old[20:], (5, 2, 1, 0, 1, 3, 1, True)),
            "twice": (whole + whole, (8, 0, 0, 0, 0, 8, 0, True)),
            "empty": ("", (0, 0, 0, 0, 0, 0, 0, True)),
        }
        for name, (text, expected) in torn.items():
            path = files.write(name, text)
            report = cli.json("import", path)
            equal(counts(report), expected, name)
            with open(report["files"][0]["kept_as"], encoding="utf-8") as kept:
                equal(kept.read(), text, "copy of " + name)
            with open(path, encoding="utf-8") as original:
                equal(original.read(), text, "original of " + name)


def test_a_copy_is_kept_once():
    with Daemon() as d:
        cli, path = Cli(d), Files(d).write("q", "[")
        first = cli.json("import", path)["files"][0]["kept_as"]
        equal(cli.json("import", path)["files"][0]["kept_as"], first)
        equal(len(os.listdir(os.path.dirname(first))), 1)


def test_where_no_copy_can_be_made_the_original_stays():
    with Daemon() as d:
        cli, files = Cli(d), Files(d)
        cli.environment["XDG_STATE_HOME"] = files.write("no-directory", "")
        path = files.write("queue.json", json.dumps(ALL)[:-30])
        report = cli.json("import", path)
        equal((counts(report)[:2], report["files"][0]["kept_as"]), ((3, 3), path))
        check("left as it is" in cli.errors, cli.errors)


def test_inbox_files():
    with Daemon() as d:
        cli, files = Cli(d), Files(d)
        paths = [
            files.write("1", '{"from": "a", "to": "B", "message": "one", "status": "pending"}'),
            files.write("2", b'\xef\xbb\xbf{"sender": "a", "recipient": "B", "content": "two"}'),
            files.write("3", '{"task_id": "t", "description": "to nobody"}'),
            files.write("4", '{"message_id": "m", "to": "B", "content": "four", "read": true}'),
            files.write("5", '{"message_id": "m", "to": "C", "content": "four", "read": false}'),
        ]
        report = cli.json("import", *paths)
        equal(report["imported"], 4)
        equal([counts(report, i)[1] for i in range(5)], [1, 1, 0, 1, 1])
        equal(report["files"][2]["skipped"][0]["reason"], "it names no recipient")
        bodies = [m["body"] for m in cli.lines("receive", "B", "--max=9", "--ack")]
        equal(sorted(bodies), ["one", "two"])
        equal(cli.json("receive", "C", "--ack")["body"], "four")


def test_coordinates_register_agents():
    with Daemon() as d:
        cli = Cli(d)
        path = Files(d).write("c.json", json.dumps({"agents": {
            "Agent-1": {"chat_input_coordinates": [-1269, 496], "description": "first",
                        "active": True},
            "Agent-2": {"chat_input_coordinates": [1, 2], "active": False}}}))
        equal(counts(cli.json("import", path)), (2, 2, 0, 0, 0, 0, 0, False))
        agent = cli.json("agent", "show", "Agent-1")
        equal((agent["description"], agent["metadata"]["typing-chat-input"], agent["paused"]),
              ("first", "-1269,496", False))
        equal(cli.json("agent", "show", "Agent-2")["paused"], True)
        cli.run("agent", "resume", "Agent-2")
        equal(counts(cli.json("import", path)), (2, 0, 0, 0, 0, 2, 0, False))
        equal(cli.json("agent", "show", "Agent-2")["paused"], False)


def test_coordinates_become_a_policy_that_types():
    with Daemon() as d:
        cli = Cli(d)
        path = Files(d).write("c.json", json.dumps({"agents": {
            "Agent-1": {"onboarding_input_coords": [5, 6], "chat_input_coordinates": [-1269, 496]},
            "Agent-2": {"onboarding_input_coords": [1, 2]}}}))
        cli.run("agent", "register", "Agent-3")
        cli.run("import", path)
        policy = json.loads(cli.json("agent", "show", "Agent-1")["policy"])
        equal(policy, {"backends": [{"use": "type", "target": {"x": -1269, "y": 496}}]})
        equal(cli.json("agent", "show", "Agent-2").get("policy", ""), "")
        # somebody's own policy stays
        cli.run("agent", "update", "Agent-1", "--policy", '{"backends": []}')
        cli.run("import", path)
        equal(cli.json("agent", "show", "Agent-1")["policy"], '{"backends": []}')


def test_a_file_that_cannot_be_read_does_not_stop_the_others():
    with Daemon() as d:
        cli, path = Cli(d), Files(d).write("queue.json", json.dumps(ALL))
        report = cli.json("import", os.path.join(d.directory, "nothing"), path, status=1)
        equal((report["imported"], counts(report, 1)[:2]), (4, (4, 4)))
        check("could not be read" in cli.errors, cli.errors)


def test_an_export_can_be_imported_elsewhere():
    with Daemon() as d, Daemon() as other:
        cli, there = Cli(d), Cli(other)
        cli.run("import", Files(d).write("queue.json", json.dumps(ALL)))
        cli.run("send", "Agent-1", "-", "--subject=new", "--priority=9", stdin=b"\x00\xff")
        path = Files(d).write("export", cli.run("export"))
        equal(counts(there.json("import", path)), (5, 5, 3, 1, 1, 0, 0, False))
        equal(counts(there.json("import", path)), (5, 0, 0, 0, 0, 5, 0, False))
        first = there.json("receive", "Agent-1", "--ack")
        equal((first["subject"], first["priority"], first["body_base64"]), ("new", 9, "AP8="))


def test_what_messages_wait_for_outlives_an_export():
    with Daemon() as d, Daemon() as other:
        cli, there = Cli(d), Cli(other)
        for agent in "ask", "answer":
            cli.run("agent", "register", agent)
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        cli.run("send", "answer", "question", "--from=ask", "--reply-by=1h", "--reply-to=ask",
                "--traceparent=" + trace)
        cli.run("receive", "answer", "--ack")
        cli.run("reply", "1", "answer", "--from=answer", "--ttl=1h", "--key=k")
        cli.run("send", "ask", "of that key, too", "--key=k")
        cli.run("send", "answer", "later", "--delay=1h", "--reply-by=2h")
        cli.run("send", "answer", "held", "--hold", "--delay=1h", "--ttl=1d")
        cli.run("send", "ask", "reply to what is not exported", "--in-reply-to=1", "--from=answer")
        cli.run("send", "answer", "over by then", "--ttl=1h")
        cli.run("send", "answer", "withdrawn")
        cli.run("cancel", "8")
        lines = [json.loads(line) for line in cli.run("export").splitlines()]
        over = next(line for line in lines if line["body"] == "over by then")
        over.update(expires="2020-01-01T00:00:00Z", expires_usec=1577836800000000)
        lost = next(line for line in lines if line["body"].startswith("reply to what"))
        lost["answers"] = "export-of-nothing"
        path = Files(d).write("export", "\n".join(map(json.dumps, lines)))
        equal(counts(there.json("import", path)), (8, 8, 6, 2, 0, 0, 0, False))
        got = {m["body"]: m for m in there.lines("show", *map(str, range(1, 9)))}
        was = {m["body"]: m for m in cli.lines("show", *map(str, range(1, 9)))}
        near = [(body, key, got[body].get(key), was[body].get(key)) for body in was
                for key in ("key", "reply_to", "reply_by", "expects_reply", "traceparent",
                            "expires_usec")
                if body != "over by then" and not same(got[body].get(key), was[body].get(key))]
        equal(near, [])
        equal({body: m["deliveries"][0]["state"] for body, m in got.items()},
              {"question": "acked", "answer": "queued", "of that key, too": "queued",
               "later": "scheduled", "held": "held", "over by then": "expired", "withdrawn": "canceled",
               "reply to what is not exported": "queued"})
        equal([m["deliveries"][0]["due_usec"] for b, m in got.items() if b in ("later", "held")],
              [m["deliveries"][0]["due_usec"] for b, m in was.items() if b in ("later", "held")])
        path = Files(other).write("again", there.run("export"))
        with Daemon() as third:
            cli3 = Cli(third)
            cli3.run("import", path)
            equal(sorted(m["state"] for m in cli3.json("list")),
                  ["acked", "canceled", "expired", "held", "queued", "queued", "queued", "scheduled"])
            check("had been canceled" in cli3.run("export"), "says what became of it")
        equal(got["answer"]["in_reply_to"], got["question"]["message"])
        equal(got[lost["body"]]["headers"], {"legacy-in-reply-to": "export-of-nothing"})
        check("replied" in there.run("trace", str(got["question"]["message"]), "--no-pager"))
        first = there.json("receive", "ask")  # the key lets one at a time out
        equal((first["body"], there.json("receive", "ask")["body"]), ("answer", lost["body"]))
        there.run("receive", "ask", status=4)
        there.run("ack", first["token"])
        equal(there.json("receive", "ask")["body"], "of that key, too")
        there.run("release", str(got["held"]["message"]))
        equal(there.json("show", str(got["held"]["message"]))["deliveries"][0]["state"], "scheduled")


def same(a, b):
    """Times come near: each daemon keeps them by a clock of its own."""
    return abs(a - b) < 60_000_000 if isinstance(a, int) and isinstance(b, int) else a == b


if __name__ == "__main__":
    main(globals())
