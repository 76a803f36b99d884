"""waggle deploy, waggle audit and waggle verify against the real waggle-deployd and waggle-verify: what
is printed, what the exit statuses say, and what happens to a deployment whose command goes away."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import subprocess
import termios
import time

from deployd import VERIFY, Deployd, check, equal, wait_for
from harness import LIMIT, main, need_root
from waggle import WAGGLE, Cli

FAILED, UNDETERMINED, ROLLED_BACK, WRONG_USAGE, BAD_FILE = 1, 4, 5, 64, 78
WIDTH = 80


def deploy_cli(daemon, **environment):
    """waggle with the deployment's address, with one of messaging that leads nowhere, and without
    mercy for what the program does wrong inside."""
    nowhere = "unix:path=" + os.path.join(daemon.directory, "no-messaging")
    return Cli(daemon, **{"WAGGLE_ADDRESS": nowhere, "WAGGLE_DEPLOYMENT_ADDRESS": daemon.address,
                          "WAGGLE_VERIFY": VERIFY, "SYSTEMD_PAGER": "cat",
                          "G_DEBUG": "fatal-criticals", **environment})


def manifest(base):
    return os.path.join(base, "shop.json")


def test_good_deployment():
    with Deployd() as d:
        d.target("shop", domain="web")
        cli = deploy_cli(d)
        out = cli.run("deploy", "run", manifest(d.release("1.0")), "--reason=the first")
        lines = out.splitlines()
        for expected in ("shop: verifying", "shop: pass: the right word", "shop: done"):
            check(any(line.startswith(expected) for line in lines), f"no '{expected}' in {lines}")
        equal(lines[-1], "done.")
        check("\033" not in out, "steers a terminal that is none")
        target = cli.json("deploy", "list")[0]
        equal((target["name"], target["current"]), ("shop", os.path.basename(d.current())))
        d.target("odd", nonsense="1")
        out = cli.run("deploy", "list")
        check("the same" in out, "the last good release is the current one")
        check(re.search(r"^odd +refused .*Nonsense", out, re.M), out)
        shown = cli.json("deploy", "show", "1")
        equal((shown["state"], shown["reason"]), ("done", "the first"))
        text = cli.run("deploy", "show", "#1")
        check("pass  the right word" in text and "verifying" in text, text)
        check(re.search(r"  validated +[0-9.]+(us|ms|s) +the first$", text, re.M), text)
        check(re.search(r"  done$", text, re.M), f"the last state took some time: {text}")
        check("shop" in cli.run("deploy", "explain", "1"))
        equal([row["id"] for row in cli.json("deploy", "history", "--target=shop")], [1])
        equal(cli.json("deploy", "status"), [])


def test_drift():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        check("Nothing was deployed" in cli.run("deploy", "drift"), "nothing yet")
        cli.run("deploy", "run", manifest(d.release("1.0")))
        release = os.path.basename(d.current())
        equal(cli.run("deploy", "drift"), f"shop is as it was released: {release}\n")
        word = os.path.join(d.srv, "shop", "current", "word")
        with open(word, "a", encoding="utf-8") as f:
            f.write("by hand\n")
        out = cli.run("deploy", "drift", "shop", status=FAILED)
        check(out.startswith(f"shop was edited: {release}\n  word: "), out)
        check(" edited " in cli.run("deploy", "list"), "the list says nothing of it")
        row = cli.json("deploy", "drift", status=FAILED)[0]
        equal((row["target"], row["state"], len(row["differences"])), ("shop", "edited", 1))
        os.unlink(os.path.join(d.srv, "shop", d.current() + ".tree"))
        out = cli.run("deploy", "drift", status=UNDETERMINED)
        check(out.startswith("shop could not be looked at"), out)
        cli.run("deploy", "drift", "nowhere", status=FAILED)


def test_bad_deployment_says_which_check_and_why():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        cli.run("deploy", "run", manifest(d.release("1.0")))
        out = cli.run("deploy", "run", manifest(d.release("2.0", word="broken")), status=ROLLED_BACK)
        line = next(x for x in out.splitlines() if x.startswith("shop: fail: the right word"))
        check("good" in line and "broken" in line, f"expected and observed are not told: {line}")
        check("\nshop: rolled-back\n" in out, f"the cause is told twice: {out}")
        equal(out.splitlines()[-1], "rolled-back.")
        text = cli.run("deploy", "explain", "2")
        check("the right word" in text, text)
        check("the right word" in cli.run("deploy", "history", "--state=rolled-back"))


def test_json_lines():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        events = cli.lines("deploy", "run", manifest(d.release("1.0")))
        equal({e["event"] for e in events}, {"state", "result", "end"}, "kinds of events")
        equal([e["state"] for e in events if e["event"] == "state"][-1], "done")
        equal([e["result"]["verdict"] for e in events if e["event"] == "result"], ["pass"])
        equal(events[-1], {"event": "end", "result": "done", "failed": 0})


def test_plan_changes_nothing():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        base = d.release("1.0")
        out = cli.run("deploy", "plan", manifest(base))
        digest = cli.json("deploy", "plan", manifest(base))["manifest-hash"]
        for expected in ("+ word", "units/shop.service", "the right word", f"manifest   {digest}\n"):
            check(expected in out, f"no '{expected}' in {out}")
        equal((d.current(), cli.json("deploy", "history")), (None, []))
        broken = d.release("1.1", require={"commands": ["no-such-command"]})
        out = cli.run("deploy", "plan", manifest(broken), status=FAILED)
        check("no-such-command" in out, out)
        cli.run("--json=short", "deploy", "plan", manifest(broken), status=FAILED)


def test_manifests_with_problems():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        good = manifest(d.release("1.0"))
        check("can be deployed" in cli.run("deploy", "validate", good))
        bad = manifest(d.release("1.1", colour="red", budgets={"deploy": "soon"}, checks=[
            {"http": "nowhere", "samples": 0}, {"file": "/x", "expect": {"moed": "0644"}}]))
        out = cli.run("deploy", "validate", bad, status=BAD_FILE)
        for pointer in ("/colour", "/budgets/deploy", "/checks/0/http", "/checks/0/samples",
                        "/checks/1/expect/moed"):  # all at once, each at its own
            check(re.search(rf"^{bad}:[1-9][0-9]*: {pointer}: ", out, re.M), f"no {pointer} in {out}")
        check(all(p["line"] > 0 for p in cli.json("deploy", "validate", bad, status=BAD_FILE)))
        for verb in ("run", "plan"):
            cli.run("deploy", verb, bad, status=BAD_FILE)
            check("/colour" in cli.errors, cli.errors)
            cli.run("deploy", verb, "/no/such/file", status=BAD_FILE)
        cli.run("deploy", "run", good, "--manifest-hash=" + "0" * 64, status=FAILED)
        check("another one than was asked for" in cli.errors, cli.errors)
        cli.run("deploy", "run", good, "--manifest-hash=0123", status=WRONG_USAGE)
        equal(cli.json("deploy", "history"), [])
        right = cli.json("deploy", "plan", good)["manifest-hash"]
        cli.run("deploy", "run", good, "--manifest-hash=" + right.upper())


def test_more_than_the_configuration_allows():
    """A time to confirm is never cut: it is refused, and the manifest's told at its line."""
    with Deployd("[Deploy]\nConfirmMaxSec=1h\nVerifyMaxSec=20s\n") as d:
        d.target("shop")
        cli = deploy_cli(d)
        good = manifest(d.release("1.0", budgets={"verify": "1min"}))
        cli.run("deploy", "run", good, "--confirm=61min", status=WRONG_USAGE)
        check("at most 1h here" in cli.errors and "ConfirmMaxSec" in cli.errors, cli.errors)
        out = cli.run("deploy", "validate", good)
        check(re.search(r"warning: /budgets/verify: at most 20s", out), out)
        equal(cli.json("deploy", "plan", good)["budgets"]["verify"], 20 * 1000000)
        long = manifest(d.release("2.0", strategy={"confirm": "2h"}))
        for verb in ("validate", "plan", "run"):
            out = cli.run("deploy", verb, long, status=BAD_FILE)
            check("/strategy/confirm: the time to confirm is at most 1h" in out + cli.errors, out)
        equal(cli.json("deploy", "history"), [])


def test_confirm_cancel_and_roll_back():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        for number, word in ((1, "confirm"), (2, "cancel")):
            base = d.release(f"{number}.0", word=f"good {number}")
            job = cli.run("deploy", "run", manifest(base), "--confirm=1h", "--no-wait").strip()
            check(job.startswith("/org/waggle/Deployment1/job/"), job)
            wait_for(lambda: cli.json("deploy", "status")[0]["state"] == "verified",
                     "the deployment to wait", LIMIT)
            cli.run("deploy", word, str(number))
            wait_for(lambda: not cli.json("deploy", "status"), "the deployment to end", LIMIT)
        equal([x["state"] for x in cli.json("deploy", "history")], ["rolled-back", "done"])
        cli.run("deploy", "confirm", "2", status=FAILED)
        cli.run("deploy", "show", "99", status=FAILED)
        cli.run("deploy", "show", "none", status=WRONG_USAGE)
        cli.run("deploy", "rollback", "shop", status=FAILED)  # there is only one good release
        cli.run("deploy", "run", manifest(d.release("3.0", word="good 3")))
        out = cli.run("deploy", "rollback", "shop", "--reason=slow", status=ROLLED_BACK)
        equal((out.splitlines()[-1], d.word()), ("rolled-back.", "good 1"))


def test_output_that_goes_nowhere():
    """The status tells of the deployment, not of the disk behind ">"."""
    with Deployd() as d, open("/dev/full", "w", encoding="utf-8") as full:
        d.target("shop")
        cli = deploy_cli(d)
        def lost(*args):
            done = subprocess.run([WAGGLE, "deploy", *args], env=cli.environment, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
            return done.returncode, done.stderr
        status, told = lost("run", manifest(d.release("1.0")))
        equal((status, d.word()), (0, "good"))
        check("it is done, but the output cannot be written: No space left" in told, told)
        equal(lost("run", manifest(d.release("2.0", word="broken")))[0], ROLLED_BACK)
        status, told = lost("run", manifest(d.release("3.0", word="good 3")), "--no-wait")
        check(status == UNDETERMINED and "/job/3 has begun" in told, f"{status}: {told}")
        wait_for(lambda: cli.json("deploy", "history")[0]["state"] == "done",
                 "the deployment to end", LIMIT)
        equal(d.word(), "good 3")
        equal(lost("list")[0], FAILED)


def test_poisoned_release_is_forgiven():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        bad = manifest(d.release("1.0", word="broken"))
        cli.run("deploy", "run", bad, status=ROLLED_BACK)
        release = cli.json("deploy", "poisoned")[0]
        equal((release["target"], release["deployment"]), ("shop", 1))
        check(release["digest"] in cli.run("deploy", "poisoned"))
        out = cli.run("deploy", "run", bad, status=FAILED)
        check("failed its verification before" in out and "force" in out, out)
        out = cli.run("deploy", "plan", bad, status=FAILED)  # what would stop it, before it is tried
        check("failed its verification before" in out and "force" in out, out)
        cli.run("deploy", "forgive", "no-digest", status=FAILED)
        cli.run("deploy", "forgive", release["digest"][:12])
        equal(cli.json("deploy", "poisoned"), [])
        cli.run("deploy", "plan", bad)
        cli.run("deploy", "run", bad, status=ROLLED_BACK)


def test_figures():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        equal(cli.json("deploy", "stats")["deployments"], 0)
        cli.run("deploy", "run", manifest(d.release("1.0")))
        cli.run("deploy", "run", manifest(d.release("2.0", word="broken")), status=ROLLED_BACK)
        figures = cli.json("deploy", "stats", "shop")
        equal((figures["deployments"], figures["done"], figures["success_rate"]), (2, 1, 0.5))
        out = cli.run("deploy", "stats")
        check(re.search(r"^success-rate +50\.0%$", out, re.M), out)
        check(re.search(r"^verifying +2 ", out, re.M), out)
        check(re.search(r"^shop +2 +1$", out, re.M), out)


def test_audit():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        cli.run("deploy", "run", manifest(d.release("1.0")))
        cli.run("deploy", "forgive", "nothing", status=FAILED)
        entries = cli.json("audit", "list")
        equal([e["n"] for e in entries], list(range(1, len(entries) + 1)))
        check({"Deploy", "Forgive"} <= {e["what"].get("call") for e in entries}, entries)
        out = cli.run("audit", "list", "-n1")
        check("Deploy" in out and "shop 1.0" in out and "1 entry." in out, out)
        out, newest = cli.run("audit", "verify"), cli.json("audit", "list")[-1]["hash"]
        check("whole" in out and newest in out, out)
        equal(cli.json("audit", "verify")["hash"], newest)
        d.stop()
        store = next(os.path.join(top, name) for top, _, names in os.walk(d.directory)
                     for name in names if name.endswith(".db") or name == "store.sqlite")
        with contextlib.closing(sqlite3.connect(store)) as db:
            db.execute("UPDATE audit SET what = replace(what, 'Deploy', 'Ignore') WHERE n = 1")
            db.commit()
        d.start()
        cli.run("audit", "verify", status=FAILED)
        check("does not hold" in cli.errors, cli.errors)
        equal(cli.json("audit", "verify", status=FAILED)["good"], False)


def test_without_a_manager_of_units():
    """As in a container without systemd: files alone are deployed, and put back."""
    with Deployd(bus=False) as d:
        d.target("shop")
        cli = deploy_cli(d)
        cli.run("deploy", "run", manifest(d.release("1.0", units=None)))
        before = d.current()
        bad = d.release("2.0", word="broken", units=None)
        cli.run("deploy", "run", manifest(bad), status=ROLLED_BACK)
        equal(d.current(), before, "the link")


def test_service_that_is_not_there():
    with Deployd(start=False) as d:
        cli = deploy_cli(d)
        del cli.environment["WAGGLE_DEPLOYMENT_ADDRESS"]
        cli.environment.update(XDG_RUNTIME_DIR=d.directory, DBUS_SESSION_BUS_ADDRESS=d.bus.address)
        cli.run("--user", "deploy", "list", status=UNDETERMINED)
        for expected in ("org.waggle.Deployment1", "systemctl --user enable --now waggle-deployd.socket"):
            check(expected in cli.errors, f"no '{expected}' in {cli.errors}")
        check("no-messaging" not in cli.errors, "it was looked for at the address of messaging")


def test_interrupt_leaves_it_running():
    with Deployd() as d:
        d.target("shop")
        cli = deploy_cli(d)
        watching = cli.start("deploy", "run", manifest(d.release("1.0")), "--confirm=1h")
        wait_for(lambda: [x["state"] for x in cli.json("deploy", "status")] == ["verified"],
                 "the deployment to wait", LIMIT)
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=LIMIT)
        check(watching.returncode != 0, "an interrupted command says that all went well")
        equal([x["state"] for x in cli.json("deploy", "status")], ["verified"])
        cli.run("deploy", "confirm", "1")
        wait_for(lambda: not cli.json("deploy", "status"), "the deployment to end", LIMIT)
        equal(d.word(), "good")


def on_terminal(cli, *args):
    """(exit status, everything that reached a terminal of 80 columns)"""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(WAGGLE, [WAGGLE, *args], {**cli.environment, "TERM": "xterm"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    seen, deadline = b"", time.monotonic() + LIMIT
    while select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            more = os.read(fd, 65536)
        except OSError:  # the other side is gone
            break
        if not more:
            break
        seen += more
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_display_on_a_terminal():
    with Deployd() as d:
        name = "a-target-with-quite-a-long-name"
        d.target(name)
        cli = deploy_cli(d)
        check_name = "a check whose name alone is nearly as long as the terminal is wide, or longer"
        base = d.release("1.0", word="broken", target=name, checks=[
            {"file": "${target.root}/current/word", "name": check_name,
             "expect": {"content": {"contains": "good"}}}])
        status, seen = on_terminal(cli, "deploy", "run", manifest(base))
        equal(status, ROLLED_BACK)
        check("\033[1A" in seen and "100%" in seen, f"it was never drawn anew: {seen!r}")
        check("Ctrl-C leaves it running" in seen, seen)
        bars = 0
        for line in seen.split("\n"):
            plain = re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", line).replace("\r", "")
            if "─" in plain or "━" in plain:
                bars += 1
                check(len(plain) < WIDTH, f"a line of the display wraps: {plain!r}")
        check(bars > 0, "no bar")
        check(check_name in seen, "what failed is cut")
        check("CRITICAL" not in seen, seen)


def test_verification_by_hand():
    with Deployd() as d:
        cli = deploy_cli(d, WAGGLE_DEPLOYMENT_ADDRESS="unix:path=/nonexistent")
        path = os.path.join(d.directory, "verify.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"checks:\n  - file: {path}\n  - file: {path}.not\n    level: wanted\n")
        equal(cli.json("verify", path)["verdict"], "warn")
        cli.run("verify", "--strict", path, status=2)
        check("<testsuite" in cli.run("verify", "--format=junit", path))
        cli.run("verify", "--check", "/no/such/file", status=BAD_FILE)
        cli.run("verify", status=WRONG_USAGE)
        cli.environment["WAGGLE_VERIFY"] = "/no/such/program"
        cli.run("verify", path, status=UNDETERMINED)
        check("waggle-deploy" in cli.errors, cli.errors)


def test_root_without_a_session_is_told_of_the_systems_service():
    need_root()
    with Deployd() as d:
        cli = deploy_cli(d, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/no/bus")
        for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "WAGGLE_DEPLOYMENT_ADDRESS"):
            cli.environment.pop(name, None)
        cli.run("deploy", "list", status=UNDETERMINED)
        check("systemctl enable --now waggle-deployd.socket" in cli.errors, cli.errors)
        check("--user" not in cli.errors and "XDG_RUNTIME_DIR" not in cli.errors, cli.errors)


if __name__ == "__main__":
    main(globals())
