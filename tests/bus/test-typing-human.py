"""The human first: holds, which outlive everything, and the locked screen."""

import os
import signal
import time

from harness import check, equal, main, refused
from typist import Caller, Logind, ScreenSaver, Typist, wait_for

HOUR = 3600 * 1000000


def held(caller, code, word, later=False):
    result, details = caller.type_later().result() if later else caller.type()
    equal((result, details["code"], details["typed"]), ("held", code, 0))
    check(word in details["cause"], details["cause"])
    return details


def test_hold_and_release():
    with Typist() as typist:
        caller = Caller(typist, over_bus=True)
        caller.call("Hold", "(st)", "a talk", 0)
        details = held(caller, "hold", "a hold is set: a talk (waggle typist release)")
        equal(details["retry-after"], 10000000)
        equal((caller.get("Held"), caller.get("HoldReason"), caller.get("HoldUntil")),
              (True, "a talk", 0))
        wait_for(lambda: caller.changed().get("Held") is True, "the signal")
        refused("InvalidState", caller.call, "Doctor", "(a{sv})", {}, text="a talk")
        equal(typist.asked(), [], "nobody even looked at a window")
        caller.call("Release")
        equal((caller.get("Held"), caller.get("HoldReason")), (False, ""))
        wait_for(lambda: caller.changed().get("Held") is False, "the signal")
        equal(caller.type()[0], "typed")
        caller.call("Release")  # twice is no error


def test_hold_stops_what_is_being_typed():
    with Typist() as typist:
        typist.scenario(type={"after": 15})
        caller = Caller(typist)
        answer = caller.type_later()
        typist.wait_asked("type")
        caller.call("Hold", "(st)", "stop that", 0)
        result, details = answer.result()
        equal((result, details["code"]), ("partial", "stopped"))


def test_hold_says_until_when():
    with Typist() as typist:
        caller = Caller(typist)
        caller.call("Hold", "(st)", "", HOUR)
        details = held(caller, "hold", "a hold is set (waggle")
        check(0.9 * HOUR < details["retry-after"] <= HOUR, details["retry-after"])
        until = caller.get("HoldUntil") / 1e6 - time.time()
        check(3590 < until <= 3600, until)
        caller.call("Hold", "(st)", "longer", 2 * HOUR)
        check(held(caller, "hold", "longer")["retry-after"] > HOUR, "the later one counts")


def test_hold_ends_by_itself():
    with Typist() as typist:
        caller = Caller(typist, over_bus=True)
        caller.call("Hold", "(st)", "a moment", 2000000)
        held(caller, "hold", "a moment")
        wait_for(lambda: caller.changed().get("Held") is False, "its end")
        equal(caller.type()[0], "typed")
        path = os.path.join(typist.state, "hold")
        wait_for(lambda: not os.path.exists(path), "the file to go")


def test_hold_outlives_the_service():
    for sig in (signal.SIGTERM, signal.SIGKILL):
        with Typist() as typist:
            Caller(typist).call("Hold", "(st)", "a talk; \"x\"\n[Hold]\nUntil=1", HOUR)
            typist.restart(sig)
            caller = Caller(typist)
            details = held(caller, "hold", "a talk; \"x\" [Hold] Until=1")
            check(0.9 * HOUR < details["retry-after"] <= HOUR, details)
            caller.call("Release")
            typist.restart(sig)
            equal(Caller(typist).type()[0], "typed", "so does the release")


def test_hold_that_ended_meanwhile():
    with Typist() as typist:
        Caller(typist).call("Hold", "(st)", "a moment", 100000)
        typist.stop(sig=signal.SIGKILL)
        time.sleep(0.1)  # lets the time pass, decides nothing: the end is a fixed point
        typist.start()
        equal(Caller(typist).type()[0], "typed")


def test_hold_file_that_is_damaged():
    with Typist() as typist:
        Caller(typist).call("Hold", "(st)", "a talk", HOUR)
        typist.stop()
        path = os.path.join(typist.state, "hold")
        equal(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, "rb") as f:
            text = f.read()
        for broken in (text[:len(text) // 2], b"\xff\xfe", text.replace(b"Base=", b"Base=x"), b""):
            with open(path, "wb") as f:
                f.write(broken)
            typist.start()
            caller = Caller(typist)
            held(caller, "hold", "damaged")
            caller.client.close()
            typist.stop()
        typist.start()
        caller = Caller(typist)
        caller.call("Release")
        equal(caller.type()[0], "typed")


def test_hold_is_checked():
    with Typist() as typist:
        caller = Caller(typist)
        refused("InvalidArgument", caller.call, "Hold", "(st)", "x" * 600, 0, text="512")
        caller.call("Hold", "(st)", "for ever", 2 ** 64 - 1)
        equal(caller.get("HoldUntil"), 0)
        held(caller, "hold", "for ever")


def test_hold_on_a_disk_that_cannot_be_written():
    with Typist() as typist:
        path = os.path.join(typist.state, "hold")
        os.makedirs(os.path.join(path, "in-the-way"))
        caller = Caller(typist)
        refused("Failed", caller.call, "Hold", "(st)", "a talk", 0, text="cannot be stored")
        held(caller, "hold", "a talk")
        check(caller.get("Degraded")[0].startswith("hold: "), caller.get("Degraded"))


def test_screen_locked_by_logind():
    with Typist() as typist:
        with Logind(typist.bus.address) as logind:
            caller = Caller(typist)
            logind.locked = True
            details = held(caller, "locked", "logind", later=True)
            equal(details["retry-after"], 10000000)
            equal(typist.asked(), [])
            logind.locked = False
            equal(caller.type_later().result()[0], "typed")
            logind.locked, logind.session = True, ""
            equal(caller.type_later().result()[0], "typed", "no graphical session is no lock")
        equal(caller.type()[0], "typed", "nor is a logind that has gone")


def test_screen_locked_by_the_screen_saver():
    with Typist() as typist:
        with Logind(typist.bus.address), ScreenSaver(typist.bus.address) as saver:
            caller = Caller(typist)
            saver.active = True
            held(caller, "locked", "screen saver", later=True)
            saver.active = False
            equal(caller.type_later().result()[0], "typed")
            saver.answers = False  # hangs: it is not waited for for long
            equal(caller.type_later().result()[0], "typed")


def test_without_a_bus():
    with Typist(bus=False) as typist:
        caller = Caller(typist)
        equal(caller.type()[0], "typed")
        caller.call("Hold", "(st)", "a talk", 0)
        held(caller, "hold", "a talk")


def test_the_bus_goes_in_the_middle():
    with Typist() as typist:
        typist.scenario(type={"after": 2})
        caller = Caller(typist)
        answer = caller.type_later()
        typist.wait_asked("type")
        typist.bus.stop()
        equal(answer.result()[0], "typed")
        wait_for(lambda: any(d.startswith("bus: ") for d in caller.get("Degraded")), "degraded")
        typist.scenario()
        equal(caller.type()[0], "typed")


main(globals())
