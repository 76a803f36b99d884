"""What a slip on the command line of messages brings: an error that says what to do, and nothing
done; what comes twice changes nothing."""

import os
import pwd

from harness import Daemon, check, equal, main
from waggle import Cli

USAGE, NOT_FOUND, CONFLICT = 2, 3, 8
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def ready(d):
    cli = Cli(d)
    cli.run("agent", "register", "a")
    return cli


def test_a_subject_is_one_line():
    with Daemon() as d:
        cli = ready(d)
        for subject in "two\nlines", "cr\r", "escape\033[31m", "\u2028":
            cli.run("send", "a", "x", "--subject=" + subject, status=USAGE)
            check("'subject' is one line" in cli.errors, cli.errors)
        equal(cli.json("list"), [])
        cli.run("send", "a", "x", "--subject=Ärger\twith 蜂 🐝")
        equal(cli.json("show", "1")["subject"], "Ärger\twith 蜂 🐝")


def test_a_trace_context_is_one():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "a", "x", "--traceparent=" + TRACE.upper(), status=USAGE)
        check("W3C trace context" in cli.errors, cli.errors)
        equal(cli.json("list"), [])
        cli.run("send", "a", "x", "--traceparent=" + TRACE)
        Cli(d, TRACEPARENT=TRACE).run("send", "a", "x")
        Cli(d, TRACEPARENT="broken").run("send", "a", "x")
        equal([m.get("traceparent") for m in cli.lines("show", "1", "2", "3")], [TRACE, TRACE, None])


def test_an_owner_has_a_name():
    with Daemon() as d:
        cli = Cli(d)
        me = pwd.getpwuid(os.getuid()).pw_name
        cli.run("agent", "register", "a", "--owner=" + me)
        equal(cli.json("agent", "show", "a")["uid"], os.getuid())
        equal([a["name"] for a in cli.json("agent", "list", "--owner=" + me)], ["a"])
        equal([a["name"] for a in cli.json("agent", "list", f"--owner={os.getuid()}")], ["a"])
        for owner in "no-such-user", "", "-1", "4294967295":
            cli.run("agent", "register", "b", "--owner=" + owner, status=USAGE)
            check("no such user" in cli.errors, cli.errors)
        cli.run("agent", "list", "--owner=no-such-user", status=USAGE)
        cli.run("-H", "elsewhere", "agent", "list", "--owner=" + me, status=USAGE)
        check("a number" in cli.errors, cli.errors)


def test_a_token_has_one_name():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "a", "x")
        token = cli.json("receive", "a")["token"]
        number = 0
        for letter in token[1:]:
            number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
        equal(cli.json("touch", f"{number:#x}")["token"], token)
        cli.run("ack", f"{number:x}")
        for verb in "ack", "nack", "touch":
            cli.run(verb, f"{number:#x}", status=CONFLICT)
            check(token in cli.errors and f"{number:x}" not in cli.errors, cli.errors)


def test_words_with_a_form_have_it():
    with Daemon() as d:
        cli = ready(d)
        for option in "--type=a\nb", "--reply-to=", "--reply-to=x y", "--reply-to=role:", "--reply-to=@al":
            cli.run("send", "a", "x", option, status=USAGE)
        for policy in "{", "[]", "text":
            cli.run("agent", "update", "a", "--policy=" + policy, status=USAGE)
            check("no JSON" in cli.errors, cli.errors)
        check("policy" not in cli.json("agent", "show", "a"), "nothing was stored")
        equal(cli.json("list"), [])
        for to in "role:r", "topic:t", "@all", "a":
            cli.run("send", "a", "x", "--reply-to=" + to)
        cli.run("agnt", "list", status=USAGE)
        check("did you mean agent?" in cli.errors, cli.errors)


def test_what_is_in_memory_only_has_one_name():
    with Daemon() as d:
        cli = ready(d)
        number = cli.run("send", "a", "x", "--volatile", "--id=1").strip()
        check(number.startswith("v"), number)
        equal([m["message"] for m in cli.json("list")], [number])
        equal(cli.json("show", number)["message"], number)
        got = cli.json("receive", "a")
        equal(got["message"], number)
        cli.run("nack", got["token"], "--mode=silent")
        answer = cli.json("send", "a", "x", "--volatile", "--in-reply-to=" + number)["message"]
        check(answer.startswith("v") and answer != number, answer)
        equal(cli.json("show", answer)["in_reply_to"], number)
        equal(cli.json("wait", number, "--state=queued")["message"], number)
        cli.run("cancel", number)
        cli.run("cancel", number, status=CONFLICT)
        check(f"Message {number} is canceled" in cli.errors, cli.errors)
        cli.run("show", "v1", status=NOT_FOUND)
        check("no message v1;" in cli.errors, cli.errors)
        cli.run("send", "a", "y", "--id=1", status=CONFLICT)
        check(f"as message {number};" in cli.errors, cli.errors)


def test_what_was_sent_is_told_though_it_cannot_be_written():
    with Daemon() as d:
        cli = ready(d)
        for json in [], ["--json=short"]:
            done = cli.start(*json, "send", "a", "x", full=True)
            check("is stored, but the output" in done.stderr.read(), "says that it is stored")
            equal(done.wait(), 1)
        equal(len(cli.json("list")), 2)
        done = cli.start("export", full=True)
        check("No space left" in done.stderr.read(), "says why")
        equal(done.wait(), 1)


def test_one_of_several_agents_that_fails_costs_no_other():
    with Daemon() as d:
        cli = ready(d)
        cli.run("agent", "register", "b")
        cli.run("agent", "pause", "a", "nobody", "b", status=NOT_FOUND)
        equal([a["paused"] for a in cli.json("agent", "list")], [True, True])
        cli.run("agent", "resume", "a", "nobody", "b", status=NOT_FOUND)
        equal([a["paused"] for a in cli.json("agent", "list")], [False, False])
        cli.run("agent", "remove", "nobody", "a", "b", status=NOT_FOUND)
        equal(cli.json("agent"), [])


if __name__ == "__main__":
    main(globals())
