"""The courier's exec from Send to the receipt: what a command's end makes of its message. There is
no systemd on the test's bus, so the commands are the courier's own processes."""

import json
import os
import signal

from courier import COURIER, Rig
from harness import check, equal, main, wait_for, whole_lines

# The command: what it read goes to a file, then it does what the body says.
PROGRAM = """
import json, os, sys, time, signal
message = json.load(sys.stdin)
with open(os.environ["LOG"], "a") as f:
    f.write(json.dumps({"message": message, "pid": os.getpid(),
                        "env": {k: v for k, v in os.environ.items() if k.startswith("WAGGLE_")}})
            + "\\n")
what = message["text"].split()
if what[0] == "exit":
    print("said", *what[2:], file=sys.stderr)
    sys.exit(int(what[1]))
if what[0] == "signal":
    os.kill(os.getpid(), int(what[1]))
if what[0] == "hang":
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)
if what[0] == "once" and not os.path.exists(what[1]):
    open(what[1], "w").close()
    sys.exit(75)
"""


def rig(**given):
    return Rig(program=COURIER, **given)


def agent(r, name="a", **keys):
    entry = {"use": "exec", "command": ["/usr/bin/python3", "-c", PROGRAM],
             "environment": {"LOG": r.path("runs")}, "kill-after": "100ms", "retry": "1s",
             **{key.replace("_", "-"): value for key, value in keys.items()}}
    r.client.call("RegisterAgent", name, policy=json.dumps({"backends": [entry]}))


def runs(r):
    return [json.loads(line) for line in whole_lines(r.path("runs"))]


def states(r, number):
    return [s for s, _ in r.receipts(number)]


def test_zero_acks():
    with rig() as r:
        agent(r)
        sent = r.client.send("a", b"exit 0", subject="work", priority=6)
        r.wait_receipt(sent, "acked")
        run, = runs(r)
        equal((run["message"]["message"], run["message"]["subject"]), (sent, "work"))
        equal({key: run["env"][key] for key in ("WAGGLE_AGENT", "WAGGLE_MESSAGE", "WAGGLE_FROM",
                                                "WAGGLE_PRIORITY")},
              {"WAGGLE_AGENT": "a", "WAGGLE_MESSAGE": str(sent), "WAGGLE_PRIORITY": "6",
               "WAGGLE_FROM": f"uid:{os.getuid()}"})
        check(int(run["env"]["WAGGLE_TOKEN"]) > 0, "no token")
        check("leased" in states(r, sent), "acked without a lease")


def test_later_is_no_failure():
    with rig() as r:
        agent(r)
        sent = r.client.send("a", f"once {r.path('flag')}".encode())
        receipts = r.wait_receipt(sent, "acked")
        equal(len(runs(r)), 2)
        check(any("exit status 75" in c for _, c in receipts), f"{receipts}")
        check("nacked" in states(r, sent) or "released" in states(r, sent), f"{receipts}")


def dies(body, cause):
    """A message that ends badly: the receipt tells the cause."""
    with rig() as r:
        agent(r, timeout="3s")
        sent = r.client.send("a", body)
        wait_for(lambda: any(cause in c for _, c in r.receipts(sent)), f"the cause {cause}")
        check("acked" not in states(r, sent), "acked")


def test_other_statuses_fail():
    dies(b"exit 3 no such project", "exit status 3: said no such project")


def test_signals_fail():
    dies(b"signal 9", "killed by signal 9 (KILL)")


def test_a_crash_counts_twice_and_the_second_is_the_end():
    with rig() as r:
        agent(r)
        r.client.call("RegisterAgent", "a", **{"backoff": [1000], "max-deliveries": 100})
        sent = r.client.send("a", b"signal 11")
        reason = r.wait_receipt(sent, "dead")[-1][1]
        check(reason.startswith("handler-crash: ") and "signal 11 (SEGV)" in reason, reason)
        equal(len(runs(r)), 2)
        dead, = r.client.call("ListDead")[0]
        equal((dead["message"], dead["reason"]), (sent, reason))
        r.client.call("RequeueDead", sent)
        wait_for(lambda: len(runs(r)) == 4, "two more commands")
        wait_for(lambda: states(r, sent).count("dead") == 2, "a dead letter again")


def test_who_was_asked_to_end_did_not_fail():
    with rig() as r:
        agent(r)
        r.client.call("RegisterAgent", "a", **{"max-deliveries": 1})
        sent = r.client.send("a", b"signal 15")
        wait_for(lambda: len(runs(r)) >= 2, "the command again")
        check("dead" not in states(r, sent), r.receipts(sent))


def test_time_is_limited_and_all_are_ended():
    with rig() as r:
        agent(r, timeout="3s")
        sent = r.client.send("a", b"hang")
        wait_for(lambda: any("ran longer than 3s" in c for _, c in r.receipts(sent)),
                 "the time-out")
        group = runs(r)[0]["pid"]
        wait_for(lambda: not alive(group), "the whole group to end")


def alive(group):
    """Whether a process of the group runs."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                return True
    return False


def test_no_such_command():
    with rig() as r:
        entry = {"use": "exec", "command": ["/not/here"], "retry": "1s"}
        r.client.call("RegisterAgent", "a", policy=json.dumps({"backends": [entry]}))
        sent = r.client.send("a", b"x")
        wait_for(lambda: any("/not/here" in c for _, c in r.receipts(sent)), "the cause")
        r.client.call("RegisterAgent", "a", policy="")  # or it would be tried again
        rows = []
        wait_for(lambda: rows or rows.extend(r.client.receive("a")), "the message")
        row, = rows
        equal(row[0], sent)
        check("failed" not in row[4], f"counted as its failure: {row[4]}")


def test_the_courier_dies_with_a_command():
    with rig() as r:
        agent(r, timeout="1min")
        sent = r.client.send("a", b"hang")
        wait_for(lambda: runs(r), "the command")
        pid = runs(r)[0]["pid"]
        r.courier.stop(check_status=False, sig=signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or not leads(pid), "the command to end")
        os.killpg(pid, signal.SIGKILL)  # its child is nobody's now
        r.courier.start()
        wait_for(lambda: len(runs(r)) == 2, "the message to be handled again")
        check("acked" not in states(r, sent), "acked")


def leads(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_many_in_parallel():
    with rig() as r:
        entry = {"use": "exec", "command": ["true"], "parallel": 8}
        r.client.call("RegisterAgent", "a", policy=json.dumps({"backends": [entry]}))
        sent = [r.client.send("a", b"x") for _ in range(300)]
        for number in sent:
            r.wait_receipt(number, "acked")


if __name__ == "__main__":
    main(globals())
