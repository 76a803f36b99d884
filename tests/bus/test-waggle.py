"""The command line, verb by verb, against the daemon."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

from harness import Daemon, LIMIT, Skip, check, equal, main, wait_for
from waggle import WAGGLE, Cli

OK, FAILURE, USAGE, NOT_FOUND, TIMEOUT, UNREACHABLE, CONFLICT = 0, 1, 2, 3, 4, 6, 8


def ready(daemon, *agents):
    cli = Cli(daemon)
    for name in agents or ("builder", "planner"):
        cli.run("agent", "register", name)
    return cli


def test_a_message_from_one_agent_to_the_other():
    with Daemon() as d:
        cli = ready(d)
        equal(cli.run("send", "builder", "please", "build", "--from=planner", "-s", "work"), "1\n")
        message = cli.json("receive", "--as=builder")
        equal((message["from"], message["body"], message["subject"]),
              ("planner", "please build", "work"))
        equal(cli.run("receive", "--as=builder", status=TIMEOUT), "")
        cli.run("ack", message["token"])
        equal(cli.json("wait", "1", "--state=acked", "--timeout=60s")["reached"], True)
        check("not acked" in (cli.run("ack", message["token"], status=CONFLICT), cli.errors)[1],
              "a second ack is refused in words")
        states = [row["what"] for row in cli.json("trace", "1")]
        equal(states, ["stored", "queued", "leased", "acked"])


def test_reply_goes_back_and_names_what_it_answers():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "builder", "question", "--from=planner", "--expects-reply")
        cli.run("receive", "builder", "--ack")
        cli.run("reply", "1", "answer")
        answer = cli.json("receive", "planner", "--ack")
        equal((answer["from"], answer["in_reply_to"], answer["body"]), ("builder", 1, "answer"))
        cli.run("send", "builder", "from nobody")
        cli.run("reply", "3", "to nobody", status=CONFLICT)


def test_environment_stands_in_for_from_and_as():
    with Daemon() as d:
        ready(d)
        cli = Cli(d, WAGGLE_AGENT="builder")
        cli.run("send", "builder", "to myself")
        equal(cli.json("receive", "--ack")["from"], "builder")
        Cli(d).run("receive", status=USAGE)


def test_bodies_of_every_kind():
    with Daemon() as d:
        cli = ready(d)
        large = os.urandom(300 * 1024)
        path = os.path.join(d.directory, "body")
        with open(path, "wb") as f:
            f.write(large)
        cli.run("send", "builder", "--file", path)
        cli.run("send", "builder", "-", stdin=b"from stdin\n")
        cli.run("send", "builder", "")
        out = subprocess.run([WAGGLE, "receive", "builder", "--ack"], env=cli.environment,
                             stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout
        equal(out.split(b"\n\n", 1)[1], large + (b"" if large.endswith(b"\n") else b"\n"))
        equal([m["body"] for m in cli.lines("receive", "builder", "--max=5", "--ack")],
              ["from stdin\n", ""])
        cli.run("send", "builder", status=USAGE)
        cli.run("send", "builder", "text", "--file", path, status=USAGE)


def test_waiting_for_mail_and_for_receipts():
    with Daemon() as d:
        cli = ready(d)
        waiting = cli.start("--json=short", "receive", "builder", "--wait=60s", "--ack")
        equal(cli.run("send", "builder", "x", "--wait=acked", "--timeout=60s"), "1\n")
        out, _ = waiting.communicate(timeout=LIMIT)
        equal(waiting.returncode, OK)
        check('"message":1' in out, out)
        equal(cli.run("send", "builder", "y", "--wait", "acked", "--timeout=100ms",
                      status=TIMEOUT), "2\n")
        cli.run("cancel", "2")
        cli.run("wait", "2", status=CONFLICT)
        cli.run("wait", "99", status=NOT_FOUND)


def test_waiting_survives_a_restart_of_the_service():
    with Daemon() as d:
        cli = ready(d)
        waiting = cli.start("receive", "builder", "--wait=60s", "--ack")
        d.restart()
        cli.run("send", "builder", "after")
        out, errors = waiting.communicate(timeout=LIMIT)
        equal(waiting.returncode, OK, errors)
        check(out.endswith("\nafter\n"), out)


def test_output_that_does_not_arrive_is_not_acked():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "builder", "precious")
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([WAGGLE, "receive", "builder", "--ack"], env=cli.environment,
                                  stdout=full, stderr=subprocess.DEVNULL, check=False,
                                  timeout=LIMIT)
        equal(done.returncode, FAILURE)
        equal(cli.json("receive", "builder", "--wait=60s", "--ack")["body"], "precious")


def test_giving_back_and_dead_letters():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "builder", "bad")
        token = cli.json("receive", "builder")["token"]
        check(cli.json("touch", token, "--lease=1h")["until_usec"] > 0)
        cli.run("nack", token, "--mode=silent")
        token = cli.json("receive", "builder", "--wait=60s")["token"]
        cli.run("nack", token, "--mode=fatal", "--reason=cannot parse")
        dead = cli.json("dead", "list")
        equal([(m["message"], m["reason"]) for m in dead], [(1, "cannot parse")])
        check("cannot parse" in cli.run("dead", "show", "1"))
        cli.run("dead", "requeue", "1")
        equal(cli.json("dead"), [])
        token = cli.json("receive", "builder")["token"]
        cli.run("nack", token, "-m", "fatal")
        cli.run("dead", "purge", status=USAGE)
        equal(cli.json("dead", "purge", "--all")["purged"], 1)


def test_hold_release_cancel_pause():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "builder", "x", "--hold")
        equal([m["state"] for m in cli.json("list", "builder")], ["held"])
        cli.run("receive", "builder", status=TIMEOUT)
        cli.run("release", "1")
        cli.run("agent", "pause", "builder", "--until=+1h", "--reason=lunch")
        cli.run("receive", "builder", status=TIMEOUT)
        equal(cli.json("agent", "show", "builder")["paused"], True)
        cli.run("agent", "resume", "builder")
        equal(cli.json("hold", "1"), {"message": 1, "held": 1})
        equal(cli.json("hold", "1"), {"message": 1, "held": 0})
        cli.run("release", "1")
        equal(cli.json("release", "1"), {"message": 1, "released": 0})
        cli.run("cancel", "1")
        cli.run("cancel", "1", status=CONFLICT)


def test_agents():
    with Daemon() as d:
        cli = Cli(d)
        cli.run("agent", "register", "a", "--role=r1,r2", "--role=r3", "--metadata=k=v",
                "--lease=90s", "--backoff=1s,5s", "--max-messages=10", "--rate=2.5", "--burst=5",
                "--description=does a")
        agent = cli.json("agent", "show", "a")
        equal((agent["roles"], agent["metadata"], agent["lease"], agent["backoff"], agent["rate"]),
              (["r1", "r2", "r3"], {"k": "v"}, 90_000_000, [1_000_000, 5_000_000], 2.5))
        equal(cli.json("agent", "register", "a")["created"], False)
        cli.run("agent", "update", "a", "--description=other", "--unset=lease")
        check(cli.json("agent", "show", "a")["lease"] != 90_000_000, "back to the default")
        cli.run("agent", "register", "b")
        equal([a["name"] for a in cli.json("agent", "list")], ["a", "b"])
        equal([a["name"] for a in cli.json("agent", "list", "--role=r2")], ["a"])
        equal([a["name"] for a in cli.json("agent", "list", "b*")], ["b"])
        cli.run("send", "a", "x")
        cli.run("agent", "remove", "a", status=CONFLICT)
        cli.run("agent", "remove", "a", "b", "--force")
        equal(cli.json("agent"), [])


def test_lists_and_filters():
    with Daemon() as d:
        cli = ready(d)
        for i in range(5):
            cli.run("send", "builder", f"text {i}", "--from=planner", f"--tag=t{i % 2}")
        equal([m["message"] for m in cli.json("list")], [5, 4, 3, 2, 1])
        equal([m["message"] for m in cli.json("list", "--oldest-first", "-n2")], [1, 2])
        equal(len(cli.json("list", "builder", "--tag=t1")), 2)
        equal(len(cli.json("list", "--from=planner", "--since=-1h", "--until=+1h")), 5)
        equal(len(cli.json("list", "--until=-1h")), 0)
        equal([m["message"] for m in cli.json("list", "--from=planner", "--sequence=3")], [3])
        equal(cli.json("show", "3")["deliveries"][0]["sequence"], 3)
        check("3 of this sender" in cli.run("receive", "builder", "--max=5"))
        check("there are more" in cli.run("list", "-n2"))
        check("there are more" not in cli.run("--no-legend", "list", "-n2"))
        cli.run("list", "--state=nonsense", status=USAGE)


def test_watch_sees_each_receipt():
    with Daemon() as d:
        cli = ready(d)
        watch = cli.start("--json=short", "watch", "builder")
        cli.run("send", "builder", "x")  # may come before the watch is there
        cli.run("receive", "builder", "--ack")
        seen = ""
        while '"acked"' not in seen:
            cli.run("send", "builder", "again")
            cli.run("receive", "builder", "--ack")
            seen = watch.stdout.readline()
            check(seen, "watch ended")
        watch.terminate()
        watch.communicate(timeout=LIMIT)


def test_status_stats_version_fsck():
    with Daemon() as d:
        cli = ready(d)
        check("waggle agent register" not in cli.run("status"), "there are agents")
        check("Connection: private socket" in cli.run())
        equal(cli.json("stats")["agents"], 2)
        check(cli.json("version")["waggle_messaged"] is not None)
        equal(cli.json("fsck", "--dry-run")["damaged"], 0)
        equal(cli.json("fsck")["damaged"], 0)


def test_what_has_rotted_is_found_in_the_background():
    with Daemon() as d:
        cli = ready(d)
        for _ in range(3):
            cli.run("send", "builder", "x")
        d.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(d.state, "messages.db"))) as db, db:
            db.execute("UPDATE message SET body = CAST('y' AS BLOB) WHERE seq = 2")
        d.start()
        found = cli.json("fsck", "--background")
        equal((found["records"], found["damaged"], found["repaired"]), (6, 1, 1))
        check("message 2 is damaged" in found["findings"][0], found)
        d.wait_log("The scrub found damage: message 2 is damaged")
        check(d.client().get("Degraded") == ["records: the scrub found 1 damaged record; the disk or the memory may be "
                                             "failing"], d.client().get("Degraded"))
        check("all good" in cli.run("fsck", "--background"), "it is told once")
        wait_for(lambda: d.client().get("Degraded") == [], "the end of the degraded state")


def test_errors_say_what_to_do():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "bilder", "x", status=NOT_FOUND)
        check("builder" in cli.errors, cli.errors)
        cli.run("list", "--sinse=now", status=USAGE)
        check("did you mean since?" in cli.errors, cli.errors)
        cli.run("sedn", status=USAGE)
        check("send" in cli.errors, cli.errors)
        cli.run("send", "builder", "x", "--priority=10", status=USAGE)
        cli.run("ack", "nonsense", status=USAGE)
        cli.run("--address", os.path.join(d.directory, "nothing"), "list", status=UNREACHABLE)
        cli.run("--system", "--user", status=USAGE)


def test_what_is_not_utf_8_is_refused_and_not_replaced():
    with Daemon() as d:
        cli = ready(d)
        bad = b"b\xff"
        for argv in ((b"send", b"builder", b"x", b"--subject=" + bad), (b"send", bad, b"x"),
                     (b"send", b"builder", b"x", b"--header=a=" + bad),
                     (b"send", b"builder", b"x", b"--tag=" + bad), (b"receive", bad),
                     (b"agent", b"register", b"x", b"--description", bad),
                     (b"list", b"--subject=" + bad), (b"nack", b"t1", b"-r", bad)):
            cli.run(*argv, status=USAGE)
            check("is not UTF-8" in cli.errors and "CRITICAL" not in cli.errors, cli.errors)
        Cli(d, WAGGLE_AGENT="b\udcff").run("send", "builder", "x", status=USAGE)
        equal(cli.json("list"), [], "something was stored")
        # the text of a message and the name of a file are bytes
        path = os.path.join(os.fsencode(d.directory), b"queue\xff.json")
        with open(path, "wb") as f:
            f.write(b"[]")
        cli.run(b"send", b"builder", bad)
        cli.run(b"import", path)
        equal(cli.errors, "")
        equal(cli.json("receive", "builder")["body_base64"], "Yv8=")


def test_a_wrong_state_is_told_before_anything_is_sent():
    with Daemon() as d:
        cli = ready(d)
        cli.run("send", "builder", "x", "--wait=ackd", status=USAGE)
        states = cli.errors.split("there are ")[1].strip().split(", ")
        equal(cli.json("list"), [], "it was sent")
        cli.run("send", "builder", "x")
        cli.run("wait", "1", "--state=ackd", status=USAGE)
        equal(cli.errors.split("known are ")[1].strip().split(", "), states)
        for state in states:
            reached = state in ("stored", "queued")
            cli.run("wait", "1", "--timeout=0", f"--state={state}", status=OK if reached else TIMEOUT)


def test_help_of_verbs_of_two_words_names_all_of_them():
    with Daemon() as d:
        cli = Cli(d)
        for argv in (("agent", "--help"), ("help", "agent"), ("--help", "agent"), ("agent", "-h")):
            out = cli.run(*argv)
            check(all(f"  agent {verb}" in out for verb in ("list", "register", "resume")), out)
        check("  typist doctor" in cli.run("typist", "--help"), "a family that lists nothing")
        check("--role=ROLE" in cli.run("agent", "list", "--help"), "the verb itself")
        cli.run("typist", status=USAGE)
        check("windows, doctor, type, hold, release" in cli.errors, cli.errors)


def test_help_fits_a_terminal():
    with Daemon() as d:
        cli = Cli(d, COLUMNS="80")
        verbs = [line.split("  ")[1] for line in cli.run("--help").splitlines() if line.startswith("  ")]
        for argv in ([], *([word for word in verb.split() if word.islower()][:2] for verb in verbs
                           if not verb.startswith((" ", "-")))):
            for line in cli.run(*argv, "--help").splitlines():
                check(len(line) <= 80, f"{argv}: {line}")


def test_a_pause_says_why_and_until_when():
    with Daemon() as d:
        cli = ready(d)
        cli.run("agent", "pause", "builder", "--reason=lunch")
        check("Paused: until it is resumed: lunch\n" in cli.run("agent", "show", "builder"), "no reason")
        cli.run("agent", "pause", "builder", "--until=2037-01-01 00:00:00 UTC")
        check("Paused: until 2037-01-01 00:00:00 UTC\n" in cli.run("agent", "show", "builder"), "no end")
        cli.run("send", "builder", "x")
        cli.run("agent", "remove", "builder", status=CONFLICT)
        check("has 1 message that is not done with" in cli.errors, cli.errors)
        check("1 waiting message became a dead letter." in cli.run("agent", "remove", "-f", "builder"), "told")


def test_over_the_bus():
    with Daemon(bus=True) as d:
        bus = {"DBUS_SESSION_BUS_ADDRESS": d.bus.address, "XDG_RUNTIME_DIR": d.directory}
        cli = Cli(d, **bus)
        del cli.environment["WAGGLE_ADDRESS"]
        check("Connection: user bus" in cli.run("--user", "status"))
        cli.run("--user", "agent", "register", "a")
        cli.run("--user", "send", "a", "x")
        equal(cli.json("--user", "receive", "a", "--ack")["body"], "x")


def test_another_host():
    """The part of ssh is played by a script that joins us with the bus."""
    bridge = shutil.which("systemd-stdio-bridge")
    if not bridge:
        raise Skip("systemd-stdio-bridge is not installed")
    with Daemon(scope="system", bus=True) as d:
        programs = os.path.join(d.directory, "bin")
        os.mkdir(programs)
        path = os.path.join(programs, "ssh")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\n[ "$3" = elsewhere ] || exit 255\nexec {bridge} -p {d.bus.address}\n')
        os.chmod(path, 0o755)
        cli = Cli(d, PATH=programs + ":" + os.environ["PATH"])
        check("over ssh" in cli.run("-H", "elsewhere", "status"))
        cli.run("-H", "elsewhere", "agent", "register", "a")
        cli.run("-H", "elsewhere", "send", "a", "x")
        equal(cli.json("--host=elsewhere", "receive", "a", "--ack")["body"], "x")
        cli.run("-H", "nowhere", "status", status=UNREACHABLE)
        cli.run("-H", "elsewhere", "--user", "status", status=USAGE)


if __name__ == "__main__":
    main(globals())
