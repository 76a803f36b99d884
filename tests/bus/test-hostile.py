"""Clients that mean harm or are broken: the service goes on, and says what it did."""

import resource
import socket
import struct
import time

from client import Client, Error
from harness import Daemon, check, equal, main, refused, wait_for

AUTH = b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"


def raw(d):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(60)
    s.connect(d.path)
    return s


def authenticated(d):
    s = raw(d)
    s.sendall(AUTH)
    got = b""
    while got.count(b"\r\n") < 3:
        part = s.recv(4096)
        check(part, "the authentication was refused")
        got += part
    return s


def closed(s):
    """The daemon hangs up."""
    try:
        while s.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def header(body_length=0, fields=(), kind=1, version=1, serial=1):
    """The head of a little-endian message; `fields` are padded between, not after."""
    array = b""
    for one in fields:
        array += b"\0" * (-len(array) % 8) + one
    return struct.pack("<cBBBIII", b"l", kind, 0, version, body_length, serial, len(array)) + \
        array + b"\0" * (-len(array) % 8)


def field(code, signature, value):
    if signature == b"g":
        return struct.pack("<BB1sx", code, 1, signature) + bytes([len(value)]) + value + b"\0"
    return struct.pack("<BB1sxI", code, 1, signature, len(value)) + value + b"\0"


def call(member, signature=b"", body=b"", serial=1):
    fields = [field(1, b"o", b"/org/waggle/Messaging1"), field(2, b"s", b"org.waggle.Messaging1"),
              field(3, b"s", member)]
    if signature:
        fields.append(field(8, b"g", signature))
    return header(len(body), fields, serial=serial) + body


def string(text, pad=4):
    raw_text = struct.pack("<I", len(text)) + text + b"\0"
    return raw_text + b"\0" * (-len(raw_text) % pad)


def test_garbage_is_cut_off():
    with Daemon() as d:
        c = d.client()
        for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0AUTH NONSENSE\r\n" * 300):
            s = raw(d)
            s.sendall(bytes_)
            check(closed(s), "cut off")
            c.call("Ping")


def test_malformed_messages_do_nothing():
    with Daemon() as d:
        c = d.client()
        ping = call(b"Ping", serial=7)
        for bytes_ in (b"x" * 64, header(body_length=0xFFFFFFF0)):
            s = authenticated(d)
            s.sendall(bytes_)
            check(closed(s), "cut off: nobody knows where the next message begins")
        # These end where they say: left out, and the next one is answered.
        for bytes_ in (header(version=9), header(fields=[b"\xff" * 32]), header(kind=0),
                       call(b"Ping", serial=0), call(b"Ping", b"zz", b"\0" * 8)):
            s = authenticated(d)
            s.sendall(bytes_ + ping)
            answer = s.recv(4096)
            check(answer == b"" or answer[1] in (2, 3), f"{answer!r}")
            s.close()
            c.call("Ping")
        d.wait_log("no D-Bus message")


def test_invalid_utf8_stores_nothing():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        # to, an empty body, and {"subject": <"\xff\xfe">}
        entry = b"\0" * 4 + string(b"subject", pad=1) + b"\x01s\0"
        entry += b"\0" * (-len(entry) % 4) + struct.pack("<I", 2) + b"\xff\xfe\0"
        for to, options in ((b"\xff", b""), (b"a", entry)):
            body = string(to) + struct.pack("<I", 0) + struct.pack("<I", max(len(options) - 4, 0))
            s = authenticated(d)
            s.sendall(call(b"Send", b"saya{sv}", body + options))
            answer = s.recv(65536)
            check(answer == b"" or answer[1] == 3, f"neither hung up nor refused: {answer!r}")
            s.close()
        equal(c.receive("a"), [])


def test_huge_message_holds_up_nobody():
    with Daemon() as d:
        c = d.client()
        s = authenticated(d)
        slowest = 0
        try:
            s.sendall(header(body_length=120 * 1024 * 1024))
            for _ in range(40):
                s.sendall(b"x" * 1024 * 1024)
                begin = time.monotonic()
                c.call("Ping")
                slowest = max(slowest, time.monotonic() - begin)
        except ConnectionError:
            pass  # cut off, as it should be; how soon depends on how much comes at a time
        s.close()
        check(slowest < 20, f"another client waited {slowest:.1f} s")
        c.call("Ping")


def test_half_a_message_does_not_stay_for_ever():
    with Daemon(config="[Service]\nStallSec=300ms\n") as d:
        s = authenticated(d)
        s.sendall(call(b"Ping"))
        check(s.recv(4096)[1] == 2, "a sound message gets a reply")
        d.client().call("Ping")  # so the turn that read the message is over
        s.sendall(header(body_length=1000))
        check(closed(s), "cut off")
        d.client().call("Ping")


def test_client_that_never_reads():
    config = "[Service]\nStallSec=1s\nMaxQueuedMessages=64\nMaxQueuedBytes=1M\n"
    with Daemon(config=config) as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        for _ in range(64):
            c.send("a", b"x" * 200000)
        worker = authenticated(d)
        request = string(b"a") + struct.pack("<I", 0)
        worker.settimeout(0.5)
        try:
            for _ in range(100000):
                worker.sendall(call(b"Receive", b"sa{sv}", request + b"\0" * (-len(request) % 8)))
        except (socket.timeout, ConnectionError):
            pass  # its calls are no longer read, as it should be
        begin = time.monotonic()
        c.call("Ping")
        check(time.monotonic() - begin < 20, "others are served meanwhile")
        d.wait_log("not read")
        # Cut off, it loses its leases: all mail is there for others.
        got = []
        deadline = time.monotonic() + 60
        while len(got) < 64 and time.monotonic() < deadline:
            got += [m[0] for m in c.receive("a", max=8, wait=1000000, no_body=True)]
        equal(len(set(got)), 64, "messages that another one gets")
        worker.close()


def test_subscriber_that_never_reads():
    config = "[Service]\nStallSec=30s\nMaxQueuedMessages=16\nMaxQueuedBytes=1M\n"
    with Daemon(config=config) as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        sub = authenticated(d)
        args = string(b"a") + struct.pack("<II", 1000, 0)
        sub.sendall(call(b"Subscribe", b"sua{sv}", args + b"\0" * (-len(args) % 8)))
        wait_for(lambda: c.call("GetAgent", "a")[0]["receivers"] == 1, "the subscription")
        for _ in range(400):
            c.send("a", b"x" * 100000)
        c.call("Ping")
        leased = c.call("GetAgent", "a")[0]["in-flight"]
        # The kernel's own buffer takes some 16 MiB.
        check(leased < 250, f"{leased} of 400 messages were pushed at one that does not read")
        sub.close()
        wait_for(lambda: c.call("GetAgent", "a")[0]["in-flight"] == 0, "its leases to end")
        got = []
        while len(got) < 400:
            messages = c.receive("a", max=50, wait=5000000, no_body=True)
            check(messages, f"only {len(got)} of 400 came back")
            got += messages


def test_thousand_clients():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with Daemon() as d:
        sockets = [authenticated(d) for _ in range(1000)]
        c = d.client()
        c.call("RegisterAgent", "a")
        c.send("a", b"x")
        equal(len(c.receive("a")), 1)
        check(c.call("GetStatistics")[0]["clients"] >= 1001, "they are counted")
        for s in sockets:
            s.close()
        wait_for(lambda: c.call("GetStatistics")[0]["clients"] == 1, "them to be gone")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_client_too_many():
    with Daemon(config="[Service]\nMaxClients=3\n") as d:
        clients = [d.client() for _ in range(3)]
        for c in clients:
            c.call("Ping")
        s = raw(d)
        check(closed(s), "cut off")
        d.wait_log("client")
        clients[0].call("Ping")
        clients.pop().close()

        def fits():
            try:
                Client(d.address).call("Ping")
                return True
            except Exception:  # refused in one of several ways, depending on the moment
                return False

        wait_for(fits, "room for another one")


def test_too_many_in_one_call():
    with Daemon() as d:
        c = d.client()
        refused("InvalidArgument", c.call, "AckMany", list(range(1, 5000)), text="4096")
        try:
            c.call("RegisterAgent", "a", tags=["t"] * 100000)
        except Error:
            pass
        c.call("Ping")


main(globals())
