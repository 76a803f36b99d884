"""Typing: targets, options, profiles, what is typed, the queue, who may."""

import os
import signal
import time

from gi.repository import GLib

from harness import check, equal, main, refused
from typist import EDITOR, NAME, PATH, Caller, Typist, XTERM, vardict, wait_for


def test_profile_of_the_window_decides():
    with Typist() as typist:
        caller = Caller(typist)
        result, details = caller.type("3 waiting", {"class": "XTerm", "title": "agent-1"})
        equal(result, "typed")
        equal((details["profile"], details["typed"], details["submitted"], details["window"]),
              ("xterm", 9, True, XTERM["window"]))
        asked = typist.asked("type")[0]
        equal((asked["text"], asked["submit"], asked["submit-delay"], asked["window"]),
              ("3 waiting", "Return", 60000, XTERM["window"]))
        check("newline" not in asked, "a terminal's line break is no key")
        typist.scenario(windows=[EDITOR])
        equal(caller.type("one\ntwo", {"pid": 42})[1]["profile"], "vscode")
        asked = typist.asked("type")[1]
        equal((asked["text"], asked["newline"]), ("one\ntwo", "Shift+Return"))


def test_nothing_harmful_is_typed():
    with Typist() as typist:
        caller = Caller(typist)
        text = "a\x1b[201~b\r\nrm -rf\x9b31m \x07\x7f\u202edone\u2028\t!\n"
        _, details = caller.type(text)
        equal(typist.asked("type")[0]["text"], "ab rm -rf done !")
        check(details["removed"] >= 6, f"it was told of: {details}")
        refused("InvalidArgument", caller.type, "\x1b[201~\r\n", text="nothing of the text")
        equal(len(typist.asked("type")), 1, "texts with the hand")
        typist.scenario(windows=[EDITOR])
        caller.type("x\u200ey", {"pid": 42})
        equal(typist.asked("type")[1]["text"], "x\u200ey", "no terminal, so nothing visible is lost")
        caller.type("x\u200ey", {"pid": 42}, terminal=True)
        equal(typist.asked("type")[2]["text"], "xy")


def test_the_journal_has_no_text_and_no_tricks():
    with Typist(config="[Service]\nLogLevel=debug\n") as typist:
        caller = Caller(typist)
        tricky = dict(XTERM, title="a\x1b]0;owned\x07\nwaggle-typist: all is well")
        typist.scenario(windows=[tricky])
        equal(caller.type("hunter2 is secret")[0], "typed")
        typist.scenario(windows=[tricky], type={"do": "die"})
        equal(caller.type("hunter2 is secret")[0], "partial")
        typist.scenario(windows=[tricky, tricky])
        equal(caller.type("hunter2 is secret")[0], "failed")
        typist.wait_log("windows fit")
        log = "".join(typist.log_lines())
        check("hunter2" not in log and "secret" not in log, log)
        check("\x1b" not in log, "an escape sequence in the journal")
        check(not [line for line in log.splitlines() if line.startswith("waggle-typist: all is")],
              "a line that a window's title made up")


def test_options_reach_the_hand():
    with Typist() as typist:
        caller = Caller(typist)
        caller.type(submit=False, idle=5, draft="ignore", restore=False, timeout=3000000,
                    profile="browser")
        asked = typist.asked("type")[0]
        equal((asked["submit"], asked["idle"], asked["draft"], asked["restore"]),
              ("", 5, "ignore", False))
        check(0 < asked["timeout"] <= 3000000, asked["timeout"])
        equal(asked["settle"], 50000, "the profile that was named")


def test_targets_are_checked():
    with Typist() as typist:
        caller = Caller(typist)
        for target, word in (({"x": 3}, "together"), ({"class": ""}, "empty"),
                             ({"title-regex": "a("}, "regular expression"), ({"window": 0}, "0"),
                             ({"pid": 0}, "0"), ({"x": 99999, "y": 1}, "place")):
            refused("InvalidArgument", caller.type, "x", target, text=word)
        refused("InvalidArgument", caller.call, "Type", "(sa{sv}a{sv})", "x", {}, {},
                text="which window")
        refused("UnknownOption", caller.type, "x", {"clas": "XTerm"}, text="did you mean class?")
        refused("UnknownOption", caller.windows, titel="x", text="did you mean title?")
        equal(typist.asked(), [], "the hand is not started for nothing")
        equal(caller.type("x", {"window": XTERM["window"]})[0], "typed")


def test_options_are_checked():
    with Typist() as typist:
        caller = Caller(typist)
        refused("UnknownOption", caller.type, submitt=True, text="did you mean submit?")
        refused("InvalidArgument", caller.type, draft="hodl", text="did you mean hold?")
        refused("InvalidArgument", caller.type, profile="xtrem", text="did you mean xterm?")
        refused("InvalidArgument", caller.type, timeout=0, text="MaxTimeoutSec")
        refused("InvalidArgument", caller.type, "", text="empty")
        refused("InvalidArgument", caller.call, "Type", "(sa{sv}a{sv})", "x",
                vardict({"class": "XTerm"}), {"idle": GLib.Variant("s", "30s")}, text="D-Bus type 't'")
        refused("BodyTooLarge", caller.type, "x" * 65537, text="nothing is ever cut")
        equal(typist.asked("type"), [])


def test_one_window_or_none():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(windows=[])
        result, details = caller.type("x", {"class": "XTerm", "title": "agent-9"})
        equal((result, details["code"], details["typed"]), ("failed", "no-window", 0))
        check("class=XTerm" in details["cause"] and "title=agent-9" in details["cause"], details)
        typist.scenario(windows=[XTERM, dict(XTERM, window=0x500001, title="agent-2")])
        result, details = caller.type()
        equal((result, details["code"]), ("failed", "several-windows"))
        check("0x400001" in details["cause"] and "agent-2" in details["cause"], details)
        equal(len(details["candidates"]), 2)
        equal(typist.asked("type"), [])


def test_the_hands_word_is_passed_on():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(type={"result": "held", "code": "human", "cause": "a human typed 3 s ago",
                              "typed": 0, "submitted": False, "retry": 27000000})
        result, details = caller.type()
        equal((result, details["cause"], details["retry-after"]),
              ("held", "a human typed 3 s ago", 27000000))
        typist.scenario(type={"result": "held", "code": "draft", "cause": "a draft", "typed": 0})
        equal(caller.type()[1]["retry-after"], 10000000, "the configuration's when it says none")
        typist.scenario(type={"result": "partial", "code": "focus-lost", "cause": "gone",
                              "typed": 4, "submitted": False})
        result, details = caller.type()
        equal((result, details["typed"], details["code"]), ("partial", 4, "focus-lost"))
        check("retry-after" not in details, "a partial one is never tried again")
        typist.scenario(type={"result": "wonderful"})
        equal(caller.type()[0], "partial", "a result that nobody knows")


def test_windows_and_doctor():
    with Typist() as typist:
        caller = Caller(typist)
        typist.scenario(windows=[XTERM, EDITOR])
        equal([w["profile"] for w in caller.windows()], ["xterm", "vscode"])
        equal([w["window"] for w in caller.windows(pid=42)], [EDITOR["window"]])
        report = caller.call("Doctor", "(a{sv})", {})[0]
        equal((report["layout"], report["exact"], report["spare-keycodes"]), ("us", True, 19))
        equal(typist.asked("doctor")[0]["settle"], 20000)
        caller.call("Doctor", "(a{sv})", vardict({"profile": "vscode"}))
        equal(typist.asked("doctor")[1]["settle"], 50000)
        refused("UnknownOption", caller.call, "Doctor", "(a{sv})", vardict({"layout": "us"}))


def test_one_at_a_time_in_order():
    with Typist(config="[Typing]\nMaxWaiting=2\n") as typist:
        typist.scenario(type={"after": 1})
        caller = Caller(typist)
        calls = [caller.type_later("one")]
        typist.wait_asked("type")
        calls += [caller.type_later("two"), caller.type_later("three")]
        refused("LimitsExceeded", caller.type, "four", text="wait to be typed")
        equal([call.result()[0] for call in calls], ["typed"] * 3)
        equal([asked["text"] for asked in typist.asked("type")], ["one", "two", "three"])


def test_who_waits_too_long_is_held():
    with Typist() as typist:
        typist.scenario(type={"after": 2})
        caller = Caller(typist)
        first = caller.type_later("one")
        typist.wait_asked("type")
        result, details = caller.type("two", timeout=100000)
        equal((result, details["code"], details["typed"]), ("held", "timeout", 0))
        equal(first.result()[0], "typed")
        equal(len(typist.asked("type")), 1)


def test_nothing_is_typed_for_who_is_gone():
    with Typist() as typist:
        typist.scenario(type={"after": 2})
        caller, other = Caller(typist), Caller(typist)
        first = caller.type_later("one")
        typist.wait_asked("type")
        other.type_later("two")
        other.client.raw("Ping", "()", path="/org/waggle/Typing1", interface="org.waggle.Typing1")
        other.client.close()
        equal(first.result()[0], "typed")
        equal(caller.type("three")[0], "typed")
        equal([asked["text"] for asked in typist.asked("type")], ["one", "three"])


def test_profiles_are_reloaded():
    with Typist() as typist:
        caller = Caller(typist, over_bus=True)
        typist.profile("mine", "[Profile]\nPriority=90\n[Match]\nClass=XTERM\n[Typing]\n"
                               "SubmitKey=none\nNewline=ctrl+Return\n")
        caller.call("Reload")
        check("mine" in caller.get("Profiles"))
        wait_for(lambda: "mine" in caller.changed().get("Profiles", []), "the signal")
        equal(caller.type("a\nb")[1]["profile"], "mine")
        asked = typist.asked("type")[0]
        equal((asked["submit"], asked["newline"], asked["text"]), ("", "ctrl+Return", "a\nb"))
        typist.profile("mine", "[Match]\nClas=XTerm\n")
        error = refused("Configuration", caller.call, "Reload", text="did you mean Class?")
        check("mine.conf:2" in error.text, error.text)
        equal(caller.type()[1]["profile"], "mine", "the old ones stay in force")
        typist.profile("mine", "")
        typist.profile("xterm", "")
        caller.call("Reload")
        equal(caller.type()[1]["profile"], "default", "empty files take profiles away")


def test_a_broken_profile_does_not_start():
    typist = Typist(start=False)
    try:
        typist.profile("mine", "[Typing]\nNewline=shft+Return\n")
        typist.start(wait=False)
        equal(typist.process.wait(60), 78, "exit status")
        typist.process = None
        typist.wait_log("did you mean shift?")
    finally:
        typist.clean_up()


def test_the_system_is_not_served():
    typist = Typist(scope="system", start=False)
    try:
        typist.start(wait=False)
        check(typist.process.wait(60) != 0, "it started")
        typist.process = None
        typist.wait_log("run it in the user's manager, with --user")
    finally:
        typist.clean_up()


def test_a_second_uid_is_refused():
    with Typist() as typist:
        stranger = typist.as_uid(65534)
        where = {"interface": NAME, "path": PATH}
        for method, signature, args in (
                ("Type", "(sa{sv}a{sv})", "('x', {'class': <'XTerm'>}, {})"),
                ("ListWindows", "(a{sv})", "({},)"), ("Hold", "(st)", "('x', 0)"),
                ("Release", "()", "()"), ("Doctor", "(a{sv})", "({},)"), ("Reload", "()", "()"),
                ("Ping", "()", "()")):
            refused("NotAuthorized", stranger.call, method, args, signature, **where)
        for name in ("Held", "HoldReason", "Display", "Profiles"):
            refused("org.freedesktop.DBus.Error.AccessDenied", stranger.call, "Get",
                    f"('{NAME}', '{name}')", "(ss)", path=PATH,
                    interface="org.freedesktop.DBus.Properties")
        equal(typist.asked(), [])


def test_leaving_lets_the_text_end():
    with Typist() as typist:
        typist.scenario(type={"after": 2})
        caller = Caller(typist)
        first = caller.type_later("one")
        typist.wait_asked("type")
        second = caller.type_later("two")
        caller.call("Ping")  # it has been read
        typist.process.send_signal(signal.SIGTERM)
        equal(first.result()[0], "typed")
        refused("ShuttingDown", second.result, text="nothing was typed")
        equal(typist.process.wait(60), 0)
        typist.process = None


def test_leaving_stops_a_text_that_takes_too_long():
    with Typist(config="[Service]\nDrainSec=1s\n") as typist:
        typist.scenario(type={"after": 15})
        first = Caller(typist).type_later("one")
        typist.wait_asked("type")
        typist.process.send_signal(signal.SIGTERM)
        result, details = first.result()
        equal((result, details["code"]), ("partial", "stopped"))
        equal(typist.process.wait(60), 0)
        typist.process = None


def test_idle_exit():
    with Typist(config="[Typing]\nKeepSec=0\n", idle="200ms") as typist:
        caller = Caller(typist)
        caller.type()
        pid = typist.asked("type")[0]["pid"]
        caller.client.close()
        equal(typist.process.wait(60), 0)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the hand to leave, too")
        typist.process = None
        typist.start()
        equal(Caller(typist).type()[0], "typed")


def test_a_hand_that_watches_is_kept():
    with Typist(config="[Typing]\nKeepSec=1s\n", idle="100ms") as typist:
        caller = Caller(typist)
        begin = time.monotonic()
        caller.type()
        caller.client.close()
        equal(typist.process.wait(60), 0)
        typist.process = None
        check(time.monotonic() - begin >= 1, "it left although it was to be kept")


main(globals())
