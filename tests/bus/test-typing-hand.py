"""The typing process: dies, hangs, lies, cannot start; and the display it is given."""

import json
import os
import random
import time

from client import Error
from harness import check, equal, main, refused
from typist import Caller, Manager, Typist, wait_for

QUICK = "[Hand]\nAnswerSec=3s\n"
MISSING = ("tmux", "exec", "inbox", "hook")


def partial(caller, word, **options):
    result, details = caller.type(**options)
    equal((result, details["code"]), ("partial", "ended"))
    check(word in details["cause"], details["cause"])
    check("typed" not in details, "nobody knows how much was typed")


def test_it_is_started_once_and_cleanly():
    with Typist() as typist:
        caller = Caller(typist)
        equal(typist.asked(), [], "nothing is started before it is needed")
        caller.type()
        caller.windows()
        caller.type()
        start = typist.asked("start")
        equal(len(start), 1)
        equal(start[0]["display"], ":99")
        equal(start[0]["notify"], "", "what systemd means for the service only")
        equal(start[0]["fds"], [0, 1, 2, 3])
        check(start[0]["arguments"][0].startswith("--restore-file="), start)


def test_the_restore_file_is_in_the_runtime_directory():
    with Typist(start=False) as typist:
        typist.more["RUNTIME_DIRECTORY"] = os.path.join(typist.directory, "run")
        typist.start()
        Caller(typist).type()
        equal(typist.asked("start")[0]["arguments"],
              ["--restore-file=" + os.path.join(typist.directory, "run", "restore")])
        typist.stop()
        typist.more["RUNTIME_DIRECTORY"] = None
        typist.more["XDG_RUNTIME_DIR"] = typist.directory
        typist.start()
        Caller(typist).type()
        equal(typist.asked("start")[1]["arguments"],
              ["--restore-file=" + os.path.join(typist.directory, "waggle-typist", "restore")])


def test_what_was_left_is_put_back_at_once():
    for bus in (True, False):
        with Typist(start=False, bus=bus) as typist:
            with open(os.path.join(typist.state, "restore"), "w", encoding="ascii") as f:
                f.write("what a hand left that died together with its typist")
            typist.start()
            typist.wait_asked("start")  # it is the hand's to put it back: nobody asked for more
            equal(Caller(typist).type()[0], "typed")
            equal(len(typist.asked("start")), 1)


def test_killed_in_the_middle():
    with Typist() as typist:
        caller = Caller(typist, over_bus=True)
        typist.scenario(type={"do": "die"})
        partial(caller, "killed by signal 9")
        typist.wait_asked("start", 2)  # at once, to put keys and map back
        wait_for(lambda: caller.changed().get("Degraded") == [], "the state to be mended")
        typist.scenario()
        equal(caller.type()[0], "typed")
        equal(len(typist.asked("start")), 2)
        equal(len(typist.asked("type")), 2, "the one that died is not typed again")


def test_killed_with_nothing_to_do():
    with Typist() as typist:
        caller = Caller(typist)
        caller.type()
        os.kill(typist.asked("start")[0]["pid"], 9)
        typist.wait_asked("start", 2)  # it may have left keys down or a changed map
        equal(caller.type()[0], "typed")


def test_a_display_that_does_not_show_humans():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(xi2=False)
        equal(caller.type()[0], "typed")
        check(caller.get("Degraded")[0].startswith("human: "), caller.get("Degraded"))


def test_what_waits_is_typed_by_the_next_hand():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(type={"after": 15})
        first = caller.type_later("one")
        pid = typist.wait_asked("type")["pid"]
        second = caller.type_later("two")
        typist.scenario()
        os.kill(pid, 9)
        equal(first.result()[0], "partial")
        equal(second.result()[0], "typed")


def outcome(call):
    """Of a hand that died before it was ready there is an error instead of a result."""
    try:
        return call.result()
    except Error as error:
        check("the typing process ended: killed by signal 9" in error.text, error)
        return "failed", {}


def test_killed_again_and_again():
    """Each call has one answer, and no text is with a hand twice, whenever the hands die."""
    random.seed(7)
    with Typist(config="[Typing]\nMaxTimeoutSec=1h\n") as typist:
        typist.scenario(type={"after": 0.02})
        caller = Caller(typist)
        calls = {f"text {n}": caller.type_later(f"text {n}", timeout=3600000000)
                 for n in range(40)}
        for _ in range(5):
            n = len(typist.asked("start"))
            typist.wait_asked("start", n + 1 if n == 0 else n)
            wait_for(lambda: typist.asked()[-1]["kind"] != "start", "a hand that works")
            time.sleep(random.random() * 0.1)  # anywhere; every moment has to be right
            try:
                os.kill(typist.asked()[-1]["pid"], 9)
            except ProcessLookupError:
                pass
        answers = {text: outcome(call) for text, call in calls.items()}
        typed = [asked["text"] for asked in typist.asked("type")]
        equal(len(typed), len(set(typed)), "texts that a hand was given")
        for text, (result, details) in answers.items():
            check(result in ("typed", "partial", "failed"), details)
            if result != "partial":  # of which nobody knows how far it came
                equal(result == "typed", text in typed, f"{text}: {result} {details}")
        check(sum(result == "typed" for result, _ in answers.values()) >= 30, answers)


def test_hangs():
    with Typist(config=QUICK) as typist:
        caller = Caller(typist)
        equal(caller.type()[0], "typed")  # its start is not within the time of the next
        typist.scenario(type={"do": "hang"})
        partial(caller, "did not answer in time and was killed", timeout=2000000)
        typist.scenario()
        equal(caller.type()[0], "typed")
        check(typist.asked("start")[1]["pid"] != typist.asked("start")[0]["pid"], "the same one")


def test_breaks_the_protocol():
    with Typist() as typist:
        caller = Caller(typist)
        for what, word in (("garbage", "packet is refused"), ("wrong-serial", "nobody asked")):
            typist.scenario(type={"do": what})
            partial(caller, word)
        typist.scenario()
        equal(caller.type()[0], "typed")


def test_dies_before_anything_was_typed():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(list="die")
        result, details = caller.type()
        equal((result, details["typed"]), ("failed", 0))
        typist.scenario(type={"do": "refuse"})
        refused("InvalidArgument", caller.type, text="no such key")


def test_does_not_become_ready():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(start="die")
        refused("Failed", caller.type, text="the typing process ended: killed by signal 9")
        check(caller.get("Degraded")[0].startswith("hand: "), caller.get("Degraded"))
        typist.scenario()
        equal(caller.type()[0], "typed")
        equal(caller.get("Degraded"), [])


def test_cannot_be_started():
    with Typist(environment={"WAGGLE_TYPIST_HAND": "/nonexistent/hand"}) as typist:
        caller = Caller(typist)
        refused("Failed", caller.type, text="/nonexistent/hand cannot be started")
        refused("Failed", caller.windows, text="No such file")


def no_display(call, *words):
    error = refused("NoDisplay", call)
    for word in words + MISSING:
        check(word in error.text, f"'{word}' is not in: {error.text}")


def test_no_display():
    with Typist(environment={"DISPLAY": None}) as typist:
        caller = Caller(typist)
        no_display(caller.type, "import-environment DISPLAY")
        no_display(caller.windows)
        equal((caller.get("Display"), caller.get("SessionType")), ("", "none"))
        check(caller.get("Degraded")[0].startswith("display: "), caller.get("Degraded"))
        equal(typist.asked(), [], "no hand is started")
        typist.configure("[Hand]\nDisplay=:7\nAuthority=/somewhere\n")
        caller.call("Reload")
        equal(caller.type()[0], "typed")
        equal(typist.asked("start")[0]["display"], ":7")
        equal((caller.get("Display"), caller.get("Degraded")), (":7", []))


def test_a_display_that_cannot_be_opened():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(start="no-display")
        no_display(caller.type, "the display :9 cannot be opened")
        typist.scenario()
        equal(caller.type()[0], "typed")


def test_wayland():
    for more in ({"WAYLAND_DISPLAY": "wayland-0"}, {"XDG_SESSION_TYPE": "wayland"}):
        with Typist(environment=more) as typist:
            caller = Caller(typist)
            no_display(caller.type, "Wayland", "XWayland")
            equal(caller.get("SessionType"), "wayland")
            equal(typist.asked(), [])
    stale = {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "x11"}
    with Typist(environment=stale) as typist:
        equal(Caller(typist).type()[0], "typed")


def test_the_managers_environment():
    with Typist(environment={"DISPLAY": None}) as typist:
        with Manager(typist.bus.address) as manager:
            caller = Caller(typist)
            manager.environment = ["DISPLAY=:42", "XAUTHORITY=/x", "XDG_SESSION_TYPE=x11"]
            equal(caller.type_later().result()[0], "typed")
            equal(typist.asked("start")[0]["display"], ":42")
            manager.environment = ["DISPLAY=:43", "XDG_SESSION_TYPE=x11"]
            equal(caller.type_later().result()[0], "typed")
            equal(typist.asked("start")[1]["display"], ":43", "another session, another hand")
            manager.environment = ["DISPLAY=:43", "WAYLAND_DISPLAY=wayland-0"]
            refused("NoDisplay", caller.type_later().result, text="Wayland")


def test_the_session_is_another_one_now():
    with Typist() as typist, Manager(typist.bus.address) as manager:
        caller = Caller(typist)
        equal(caller.type_later().result()[0], "typed")
        typist.scenario(**{"bad-display": ":99", "type": {"do": "die"}})
        equal(caller.type_later().result()[0], "partial")
        typist.wait_log("The typing process left")
        typist.scenario(**{"bad-display": ":99"})
        manager.environment = ["DISPLAY=:44", "XDG_SESSION_TYPE=x11"]
        results = [caller.type_later() for _ in range(2)]
        for call in results:
            equal(call.result()[0], "typed", "our own environment is of a session that is over")
        equal([start["display"] for start in typist.asked("start")], [":99", ":99", ":44"])
        manager.environment = []
        typist.scenario(**{"bad-display": ":44", "type": {"do": "die"}})
        equal(caller.type_later().result()[0], "partial")


def test_a_flood_of_packets_is_bounded():
    with Typist() as typist:
        caller = Caller(typist)
        titles = [{"window": i + 1, "class": "XTerm", "title": "t" * 200} for i in range(200)]
        typist.scenario(windows=titles)
        equal(len(caller.windows()), 200)
        result, details = caller.type()
        equal(result, "failed")
        equal(len(details["candidates"]), 8)
        check(len(json.dumps(details)) < 8000, "an answer that nobody can read")
        check("and others" in details["cause"], details["cause"])


main(globals())
