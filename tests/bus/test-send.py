"""Send, SendMany and Cancel: every option, every refusal, large bodies."""

import fcntl
import os
import time

from client import GLib, options, unpack, variant
from harness import Daemon, check, equal, main, refused, wait_for

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
KIB = 1024


def memfd(data, seals=SEALS):
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def ready(d, *names):
    c = d.client()
    for name in names or ("a",):
        c.call("RegisterAgent", name)
    return c


def test_everything_that_was_sent_arrives():
    with Daemon() as d:
        c = ready(d, "a", "me")
        given = {"from_": "me", "id": "id-1", "priority": 7, "key": "k", "reply_to": "me",
                 "headers": {"h": "1"}, "tags": ["t1", "t2"], "content_type": "text/plain",
                 "subject": "s", "expects_reply": True,
                 "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
        number, receipt = c.call("Send", "a", b"body \x00\xff", **given)
        check(number >= 1, "numbers start at 1")
        check("duplicate" not in receipt, "first of its id")
        got_number, token, sender, body, fields = c.receive("a")[0]
        equal((got_number, sender, bytes(body)), (number, "me", b"body \x00\xff"))
        check(token != 0, "a token")
        for key, value in options(**given).items():
            if key != "from":
                equal(fields[key], value.unpack(), "field " + key)
        equal((fields["to"], fields["sender-uid"]), ("a", os.getuid()))


def test_without_from_the_sender_is_the_uid():
    with Daemon() as d:
        c = ready(d)
        c.send("a", b"x")
        equal(c.receive("a")[0][2], f"uid:{os.getuid()}")
        refused("UnknownAgent", c.call, "Send", "a", b"", from_="nobody-here")


def test_bad_options():
    with Daemon() as d:
        c = ready(d)
        refused("UnknownOption", c.call, "Send", "a", b"", prioriti=GLib.Variant("y", 1),
                text="priority")
        refused("InvalidArgument", c.call, "Send", "a", b"", priority=GLib.Variant("u", 1),
                text="'y'")
        refused("InvalidArgument", c.call, "Send", "a", b"", priority=10)
        refused("InvalidArgument", c.call, "Send", "a", b"", id="x" * 129)
        refused("InvalidArgument", c.call, "Send", "a", b"", headers={"k": "v" * 70000})
        for subject in "two\nlines", "bell\a", "\x9b31m", "\u2028":
            refused("InvalidArgument", c.call, "Send", "a", b"", subject=subject, text="one line")
        refused("InvalidArgument", c.call, "Send", "a", b"", traceparent="00-ab-cd-01",
                text="trace context")
        twice = GLib.Variant.parse(GLib.VariantType("(saya{sv})"),
                                   "('a', @ay [], {'ttl': <uint64 1>, 'ttl': <uint64 2>})")
        refused("InvalidArgument", lambda: unpack(c.send_message(c.message("Send", twice))),
                text="twice")
        refused("org.freedesktop.DBus.Error.InvalidArgs", c.raw, "Send", "(ss)", "a", "b")
        refused("org.freedesktop.DBus.Error.UnknownMethod", c.raw, "Sned", "()")
        d.wait_log("Refused Send of uid")
        equal(c.receive("a"), [], "nothing was stored")


def test_names_of_recipients_are_checked():
    with Daemon() as d:
        c = ready(d)
        refused("NoRecipients", c.call, "Send", "role:nobody", b"")
        refused("NoRecipients", c.call, "Send", "topic:nothing", b"")
        refused("InvalidName", c.call, "Send", "x" * 65, b"")
        refused("InvalidName", c.call, "Send", "what:ever", b"")


def test_deduplication():
    with Daemon() as d:
        c = ready(d)
        first = c.send("a", b"one", id="same")
        number, receipt = c.call("Send", "a", b"one", id="same")
        equal((number, receipt.get("duplicate")), (first, True))
        refused("DuplicateMismatch", c.call, "Send", "a", b"two", id="same")
        d.restart()
        c = d.client()
        number, receipt = c.call("Send", "a", b"one", id="same")
        equal((number, receipt.get("duplicate")), (first, True), "after a restart")
        equal(c.call("FindMessage", f"uid:{os.getuid()}", "same"), (first,))
        equal(len(c.receive("a", max=10)), 1, "messages stored")


def test_large_bodies():
    with Daemon(config="[Messages]\nMaxBody=1M\n") as d:
        c = ready(d)
        c.send("a", b"x" * 256 * KIB)
        equal(len(c.receive("a")[0][3]), 256 * KIB)
        refused("BodyTooLarge", c.call, "Send", "a", b"x" * (256 * KIB + 1), text="body-fd")
        data = os.urandom(700 * KIB)
        fd = memfd(data)
        c.call("Send", "a", b"", fds=[fd], body_fd=0)
        reply = c.send_message(c.build("Receive", ("a",), {}))
        fields = unpack(reply)[0][0][4]
        equal(fields["size"], len(data))
        got = reply.get_unix_fd_list().get(fields["body-fd"])
        check(os.pread(got, len(data) + 1, 0) == data, "the body came back whole")
        equal(fcntl.fcntl(got, fcntl.F_GET_SEALS) & SEALS, SEALS, "seals of the answer")
        os.close(got)
        os.close(fd)


def test_bad_memfds():
    with Daemon(config="[Messages]\nMaxBody=1M\n") as d:
        c = ready(d)
        for seals in (0, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW):
            refused("InvalidArgument", c.call, "Send", "a", b"", fds=[memfd(b"x", seals)],
                    body_fd=0, text="seal")
        refused("InvalidArgument", c.call, "Send", "a", b"", fds=[os.open("/dev/null", 0)],
                body_fd=0)
        refused("BodyTooLarge", c.call, "Send", "a", b"", fds=[memfd(b"x" * 1024 * KIB + b"y")],
                body_fd=0, text="MaxBody")
        refused("InvalidArgument", c.call, "Send", "a", b"inline", fds=[memfd(b"x")], body_fd=0)
        c.call("Send", "a", b"", fds=[memfd(b"small")], body_fd=0)
        equal(bytes(c.receive("a")[0][3]), b"small", "a small body by memfd")


def test_get_message_with_large_body():
    with Daemon() as d:
        c = ready(d)
        data = os.urandom(300 * KIB)
        number = c.call("Send", "a", b"", fds=[memfd(data)], body_fd=0)[0]
        reply = c.send_message(c.build("GetMessage", (number,), {}))
        fields = reply.get_body().unpack()[0]
        check("body" not in fields, "no inline body")
        got = reply.get_unix_fd_list().get(fields["body-fd"])
        check(os.pread(got, len(data) + 1, 0) == data, "the body came back whole")
        equal(fields["size"], len(data))


def many(*items):
    return [(to, body, {k: variant(k, v) for k, v in given.items()}) for to, body, given in items]


def test_send_many_is_all_or_nothing():
    with Daemon() as d:
        c = ready(d, "a", "b")
        numbers, receipt = c.call("SendMany", many(("a", b"1", {}), ("b", b"2", {"id": "i"}),
                                                   ("a", b"1", {"priority": 9})), tags=["all"])
        equal((len(numbers), receipt["duplicates"]), (3, 0))
        equal(len(set(numbers)), 3, "distinct numbers")
        check(all(m[4]["tags"] == ["all"] for m in c.receive("a", max=9)), "defaults are applied")
        refused("UnknownAgent", c.call, "SendMany", many(("b", b"3", {}), ("nope", b"4", {})))
        equal([bytes(m[3]) for m in c.receive("b", max=9)], [b"2"], "nothing of the refused call")
        refused("UnknownOption", c.call, "SendMany", many(("a", b"", {"idd": "x"})),
                text="message 0")
        refused("InvalidArgument", c.call, "SendMany", many(*[("a", b"", {})] * 4097), text="4096")
        equal(c.call("SendMany", [])[0], [], "no messages at all")


def test_send_many_with_bodies_by_memfd():
    with Daemon() as d:
        c = ready(d)
        fds = [memfd(str(i).encode()) for i in range(17)]
        items = many(*[("a", b"", {"body_fd": i}) for i in range(17)])
        items = [(to, body, {"body-fd": v["body_fd"]}) for to, body, v in items]
        refused("InvalidArgument", c.call, "SendMany", items, fds=fds, text="16")
        numbers = c.call("SendMany", items[:16], fds=fds[:16])[0]
        equal(len(numbers), 16)
        got = c.receive("a", max=99)
        equal([bytes(m[3]) for m in got], [str(i).encode() for i in range(16)])
        refused("InvalidArgument", c.call, "SendMany", [], fds=fds[:1], body_fd=0)
        for fd in fds:
            os.close(fd)


def test_send_many_defaults_yield():
    with Daemon() as d:
        c = ready(d)
        c.call("SendMany", many(("a", b"1", {"subject": "own"}), ("a", b"2", {})), subject="all")
        got = {bytes(m[3]): m[4]["subject"] for m in c.receive("a", max=9)}
        equal(got, {b"1": "own", b"2": "all"})


def test_delay_deliver_at_and_hold():
    with Daemon() as d:
        c = ready(d)
        number, receipt = c.call("Send", "a", b"later", delay=2000000)
        equal(receipt["state"], "scheduled")
        equal(c.receive("a"), [], "before its time")
        equal(c.receive("a", wait=60000000)[0][0], number)
        at = time.time_ns() // 1000 + 2000000
        number, receipt = c.call("Send", "a", b"at", deliver_at=at)
        equal(receipt["state"], "scheduled")
        got = c.receive("a", wait=60000000)
        equal(got[0][0], number)
        check(time.time_ns() // 1000 >= at, "not before its time")
        number, receipt = c.call("Send", "a", b"held", hold=True)
        equal(receipt["state"], "held")
        equal(c.receive("a"), [], "while held")
        equal(c.call("Release", number), (1,))
        equal(c.receive("a", wait=60000000)[0][0], number)


def test_ttl():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x", ttl=200000)
        equal(c.call("Wait", number, "expired", timeout=60000000), (True, "expired"))
        equal(c.receive("a"), [], "after its time")


def test_volatile_says_so_and_is_gone_after_restart():
    with Daemon() as d:
        c = ready(d)
        number, receipt = c.call("Send", "a", b"x", volatile=True)
        check(receipt["volatile"], "says so")
        check(number & 1 << 62, "bit 62")
        equal(c.receive("a", no_body=True)[0][4]["volatile"], True)
        c.send("a", b"y", volatile=True)
        kept = c.send("a", b"z")
        d.restart()
        equal([m[0] for m in d.client().receive("a", max=9)], [kept])


def test_cancel():
    with Daemon() as d:
        c = ready(d)
        number = c.send("a", b"x")
        equal(c.call("Cancel", number), (1,))
        equal(c.receive("a"), [])
        refused("InvalidState", c.call, "Cancel", number)
        refused("UnknownMessage", c.call, "Cancel", 987654)


def test_quota_tells_retry_after():
    with Daemon(config="[Messages]\nMaxBody=64K\n") as d:
        c = d.client()
        c.call("RegisterAgent", "few", max_messages=2)
        c.send("few", b"1")
        c.send("few", b"2")
        error = refused("QuotaExceeded", c.call, "Send", "few", b"3")
        equal(len(error.arguments), 2, "arguments of the error")
        c.call("RegisterAgent", "slow", rate=1.0, burst=1)
        c.send("slow", b"1")
        error = refused("QuotaExceeded", c.call, "Send", "slow", b"2")
        check(0 < error.arguments[1] <= 1000001, f"retry-after {error.arguments[1]}")
        until = time.monotonic() + error.arguments[1] / 1e6
        wait_for(lambda: time.monotonic() > until, "the time the error told")
        c.send("slow", b"2")


main(globals())
