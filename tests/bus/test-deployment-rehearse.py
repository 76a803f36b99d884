"""A roll-back, rehearsed: by Rehearse, by the command line, and before a deployment that asks for
it. What serves is never touched, and nothing of a rehearsal stays."""

import glob
import json
import os

from deployd import Deployd, check, equal, vardict, wait_for
from gi.repository import GLib
from harness import main, refused
from waggle import Cli

# it needs a file from outside, which can be taken away from it
NEEDY = """#!/bin/sh
echo "started $(cat "$(dirname "$0")/../word")"
test -e "{need}" || {{ echo "no licence" >&2; exit 1; }}
exec sleep 1000
"""
SOON_GONE = '#!/bin/sh\ntest -e "{need}" && exec sleep 1000\nsleep 4\nexit 3\n'


def deployed(d, serve=NEEDY):
    """Two releases, the first of which needs a file; returns (caller, that file)."""
    d.target("shop")
    need = os.path.join(d.directory, "licence")
    with open(need, "w", encoding="utf-8"):
        pass
    c = d.caller()
    equal(c.run(d.release("1.0", serve=serve.format(need=need)))[0], "done")
    equal(c.run(d.release("2.0", word="good two"))[0], "done")
    wait_for(lambda: d.served()[-1:] == ["two"], "the second to say so")
    return c, need


def rehearse(c, **options):
    given = {"observe": 3000000, **options}  # also for a program to fail in
    types = {"observe": "t", "isolate": "b", "to": "s"}
    values = {key: GLib.Variant(types[key], value) for key, value in given.items()}
    return json.loads(c.call("Rehearse", "(sa{sv})", "shop", values)[0])


def verdicts(result):
    return {step["name"]: step["verdict"] for step in result["steps"]}


def nothing_is_left(d):
    for kind in ("service", "socket"):
        equal(glob.glob(os.path.join(d.units, "waggle-rehearsal-*." + kind)), [], "unit files")


def test_holds():
    with Deployd() as d:
        c, _need = deployed(d)
        before, said = d.current(), d.served()
        result = rehearse(c, isolate=True, observe=3000000)  # time to write its line, on a busy machine
        equal((result["verdict"], result["version"], result["isolated"]), ("pass", "1.0", True))
        check(verdicts(result).items() >= {"release": "pass", "space": "pass", "unit files": "pass",
                                           "start shop.service": "pass"}.items(), str(result))
        equal((d.current(), d.served()), (before, said), "what serves")
        log, = glob.glob(os.path.join(d.units, "waggle-rehearsal-*.service.log"))
        with open(log, encoding="utf-8") as f:
            equal(f.read(), "started good\n", "the release of before is what was started")
        nothing_is_left(d)
        equal(len(c.list()), 2, "a rehearsal is no deployment")
        equal(rehearse(c)["isolated"], False)


def test_program_that_does_not_start():
    with Deployd() as d:
        c, need = deployed(d)
        os.unlink(need)
        said = d.served()
        equal(rehearse(c)["verdict"], "pass", "files alone cannot tell")
        result = rehearse(c, isolate=True)
        equal(result["verdict"], "fail")
        step = result["steps"][-1]
        equal((step["name"], step["verdict"]), ("start shop.service", "fail"))
        check("exited with status 1" in step["text"], step["text"])
        equal(d.served(), said, "what serves")
        nothing_is_left(d)


def test_program_that_does_not_stay():
    with Deployd() as d:
        c, need = deployed(d, serve=SOON_GONE)
        os.unlink(need)
        result = rehearse(c, isolate=True, observe=80 * 1000000)
        equal(result["verdict"], "fail")
        text = result["steps"][-1]["text"]  # the second: where it was not even looked at in the meantime
        check("did not stay" in text or "exited with status 3" in text, str(result["steps"]))
        check(result["duration"] < 70 * 1000000, "the end was not seen when it came")
        nothing_is_left(d)


def test_release_that_was_changed():
    with Deployd() as d:
        c, _need = deployed(d)
        old = [p for p in glob.glob(os.path.join(d.srv, "shop", "releases", "*-*Z"))
               if os.path.basename(p) not in d.current()]
        with open(os.path.join(old[0], "word"), "a", encoding="utf-8") as f:
            f.write("more\n")
        result = rehearse(c, isolate=True)
        equal((result["verdict"], verdicts(result)["release"]), ("fail", "fail"))
        check("start shop.service" not in verdicts(result), "nothing of it may be started")


def test_nothing_to_go_back_to():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        equal(c.run(d.release("1.0"))[0], "done")
        refused("InvalidState", rehearse, c, text="nowhere to go")
        refused("UnknownOption", c.call, "Rehearse", "(sa{sv})", "shop", vardict({"isolated": "x"}))


def test_manifest_asks_for_it():
    with Deployd() as d:
        d.target("shop")
        need = os.path.join(d.directory, "licence")
        c = d.caller()
        with open(need, "w", encoding="utf-8"):
            pass
        equal(c.run(d.release("1.0", serve=NEEDY.format(need=need)))[0], "done")
        wait_for(d.served, "the service to say so")
        before, said = d.current(), d.served()
        os.unlink(need)
        wish = {"strategy": {"isolate-rehearsal": True}}
        result, status, number = c.run(d.release("2.0", word="good two", **wish))
        equal((result, status), ("aborted", 1))
        failure = c.show(number)["failure"]
        check("could not be returned to" in failure and "start shop.service" in failure, failure)
        equal((d.current(), d.served()), (before, said), "what serves")
        with open(need, "w", encoding="utf-8"):
            pass
        equal(c.run(d.release("2.1", word="good three", **wish))[0], "done")
        nothing_is_left(d)


def with_socket(d, name, listens, **given):
    """A release whose service is for a socket of another name, which is never started here."""
    base = d.release(name, **given)
    with open(os.path.join(base, "tree", "units", "front.socket"), "w", encoding="utf-8") as f:
        f.write(f"[Socket]\n{listens}\nService=shop.service\n")
    path = os.path.join(base, "shop.json")
    with open(path, encoding="utf-8") as f:
        manifest = json.load(f)
    manifest["units"]["install"].append("units/front.socket")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(manifest, f)
    return base


def rehearsed_with_socket(d, listens):
    d.target("shop")
    c = d.caller()
    equal(c.run(with_socket(d, "1.0", listens))[0], "done")
    equal(c.run(with_socket(d, "2.0", listens, word="good two"))[0], "done")
    return rehearse(c, isolate=True)


def test_handed_its_socket():
    with Deployd() as d:
        result = rehearsed_with_socket(d, f"ListenStream={d.directory}/front\nSocketUser=nobody")
        equal((result["verdict"], result["not-started"]), ("pass", []))
        step = result["steps"][-1]
        equal((step["name"], step["verdict"], step["left-out"]), ("start shop.service", "pass", ["SocketUser"]))
        equal(d.served(), ["good", "two"], "what serves")
        nothing_is_left(d)


def test_handed_its_socket_and_idle():
    """Who is handed sockets may end: the next caller has it started. Not so with a status of its own."""
    for status, verdict in ((0, "pass"), (3, "fail")):
        with Deployd() as d:
            serve = f'#!/bin/sh\ntest -e "{d.directory}/idle" || exec sleep 1000\nsleep 0.2\nexit {status}\n'
            d.target("shop")
            c = d.caller()
            listens = f"ListenStream={d.directory}/front"
            equal(c.run(with_socket(d, "1.0", listens, serve=serve))[0], "done")
            equal(c.run(with_socket(d, "2.0", listens, word="good two"))[0], "done")
            with open(os.path.join(d.directory, "idle"), "w", encoding="utf-8"):
                pass
            result = rehearse(c, isolate=True, observe=60 * 1000000)
            equal(result["verdict"], verdict)
            check(("to its end" if status == 0 else "did not stay") in result["steps"][-1]["text"], str(result))
            check(result["duration"] < 30 * 1000000, "the end was not seen when it came")
            nothing_is_left(d)


def test_socket_that_cannot_be_opened():
    """That says nothing of the release."""
    with Deployd() as d:
        result = rehearsed_with_socket(d, f"ListenStream={d.directory}/front\nBacklog=0")
        equal((result["verdict"], result["not-started"]), ("pass", ["shop.service"]))
        step = result["steps"][-1]
        equal((step["name"], step["verdict"]), ("start shop.service", "skip"))
        check("cannot be opened in isolation" in step["text"], step["text"])
        nothing_is_left(d)


def test_what_is_not_started_is_said():
    with Deployd() as d:
        result = rehearsed_with_socket(d, "ListenSpecial=/dev/zero")
        equal((result["verdict"], result["not-started"]), ("pass", ["shop.service"]))
        step = result["steps"][-1]
        equal((step["name"], step["verdict"]), ("start shop.service", "skip"))
        check("handed its socket" in step["text"], step["text"])
        cli = Cli(d, WAGGLE_DEPLOYMENT_ADDRESS=d.address)
        said = cli.run("deploy", "rehearse", "shop", "--isolate")
        check("Not started, so that nothing is told of it: shop.service" in said, said)


def test_what_a_crash_leaves_is_swept():
    with Deployd() as d:
        path = os.path.join(d.units, "waggle-rehearsal-0badcafe.service")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[Service]\nExecStart=/bin/true\n")
        d.restart()
        nothing_is_left(d)


def test_command_line():
    with Deployd() as d:
        _c, need = deployed(d)
        cli = Cli(d, WAGGLE_DEPLOYMENT_ADDRESS=d.address)
        said = cli.run("deploy", "rehearse", "shop", "--isolate", "--observe=200ms")
        check("It would work" in said and "start shop.service" in said, said)
        os.unlink(need)
        said = cli.run("deploy", "rehearse", "shop", "--isolate", status=1)
        check("It would not work" in said, said)


if __name__ == "__main__":
    main(dict(globals()))
