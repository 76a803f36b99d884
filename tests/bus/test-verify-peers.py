"""waggle-verify against peers that are asked by UDP, ICMP and gRPC: good ones, wrong ones, none."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from harness import Skip, check, equal, main
from health import NOT_SERVING, SERVING, Health
from servers import Names, Server, Silent, Web, certificate, find, free_port
from verify import PROGRAM, one, refused, seen


# ---- UDP ----
class Echo:
    """Sends back what `answer(bytes, how often)` makes of a datagram; None: nothing."""

    def __init__(self, answer=lambda data, n: data, family=socket.AF_INET, host="127.0.0.1"):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port, self.answer, self.got = self.socket.getsockname()[1], answer, []
        self.first = lambda where: None  # what is done before it answers
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                data, where = self.socket.recvfrom(65536)
                self.got.append(data)
                self.first(where)
                reply = self.answer(data, len(self.got))
                if reply is not None:
                    self.socket.sendto(reply, where)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def test_udp_question_and_answer():
    with Echo(lambda data, n: b"PONG " + data) as server:
        ask = {"udp": f"127.0.0.1:{server.port}", "send": "PING"}
        good = {"answered": True, "response": "PONG PING", "size": 9, "sent": 1, "time": {"less": "10s"},
                "peer": f"127.0.0.1:{server.port}"}
        equal(one(dict(ask, expect=good))["verdict"], "pass", "answer")
        equal(one(dict(ask, expect={"response": "PONG"}))["verdict"], "fail", "another answer")
        equal(one({"udp": f"127.0.0.1:{server.port}"})["verdict"], "pass", "an empty datagram")
        equal(server.got[-1], b"", "empty")
        by_name = {"udp": f"localhost:{server.port}", "send": "PING", "expect": {"response": "PONG PING"}}
        equal(one(by_name)["verdict"], "pass", "a name that has an address without it, too")
    with Echo(family=socket.AF_INET6, host="::1") as server:
        equal(one({"udp": f"[::1]:{server.port}", "send": "x", "expect": {"response": "x"}})["verdict"], "pass", "IPv6")


def test_udp_speaks_dns_in_hexadecimal():
    question = "1234 0100 0001 0000 0000 0000 07 6578616d706c65 00 0001 0001"
    with Names(lambda data, how: data[:2] + b"\x81\x80" + data[4:6] + b"\0\0\0\0\0\0" + data[12:]) as server:
        ask = {"udp": f"127.0.0.1:{server.port}", "send-hex": question}
        equal(one(dict(ask, expect={"response-hex": {"starts": "12348180"}, "size": 25}))["verdict"], "pass", "answer")
        equal(one(dict(ask, expect={"response-hex": {"starts": "12348183"}}))["verdict"], "fail", "another code")


def test_udp_a_lost_datagram_is_sent_again():
    with Echo(lambda data, n: data if n == 3 else None) as server:
        ask = {"udp": f"127.0.0.1:{server.port}", "send": "x", "again": "20ms", "expect": {"answered": True, "sent": 3}}
        equal(one(ask)["verdict"], "pass", "the third one")
        equal(server.got, [b"x"] * 3, "datagrams")


def test_udp_nobody_and_nothing():
    gone = one({"udp": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "send": "x", "timeout": "30s"})
    check(gone["verdict"] == "fail" and "nobody has that port" in str(gone), str(gone))
    with Echo(lambda data, n: None) as server:
        mute = one({"udp": f"127.0.0.1:{server.port}", "send": "x", "timeout": "300ms"})
        check(mute["verdict"] == "fail" and "no answer within the time limit" in str(mute), str(mute))


def test_udp_takes_no_answer_of_another():
    """It is connected: what a third one sends to its port is none of its business."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third, Echo(lambda data, n: b"true") as server:
        server.first = lambda where: third.sendto(b"forged", where)
        equal(one({"udp": f"127.0.0.1:{server.port}", "expect": {"response": "true"}})["verdict"], "pass", "whose answer")


# ---- ICMP ----
NETWORK = """ip link set lo up
{setting}
exec setpriv --inh-caps=-all --bounding-set=-all "$0" --format=json -
"""
MAY = "echo '0 0' > /proc/sys/net/ipv4/ping_group_range"


def ping(options, setting=MAY):
    """In a network of its own, without any capability: the result of one check."""
    own = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if subprocess.run(own + ["sh", "-c", "ip link set lo up && " + MAY], capture_output=True).returncode != 0:
        raise Skip("no network namespace whose net.ipv4.ping_group_range can be set")
    text = json.dumps({"name": "test", "checks": [options]})
    done = subprocess.run(own + ["sh", "-c", NETWORK.format(setting=setting), PROGRAM], input=text.encode(),
                          capture_output=True, timeout=60)
    check(done.stdout, done.stderr.decode())
    return json.loads(done.stdout)["checks"][0]


def usec(text):
    units = {"us": 1, "ms": 1000, "s": 1000000}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([0-9.]+) ?(us|ms|s)\b", text))


def test_icmp_a_host_that_answers():
    good = {"reachable": True, "sent": 4, "received": 4, "loss": 0, "time": {"between": ["0us", "10s"]},
            "time-min": {"less": "10s"}, "time-max": {"less": "10s"}, "error": {"exists": False}}
    for host in ("127.0.0.1", "::1"):
        result = ping({"icmp": host, "count": 4, "spacing": "10ms", "expect": dict(good, peer=host)})
        equal(result["verdict"], "pass", str(result))
        times = seen(result)
        check(usec(times["time-min"]) <= usec(times["time"]) <= usec(times["time-max"]), str(times))
    equal(ping({"icmp": "localhost", "family": "ipv4", "size": "1400", "expect": {"peer": "127.0.0.1"}})["verdict"], "pass",
          "by name, large")


def test_icmp_a_host_that_does_not():
    deaf = MAY + "\necho 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"
    mute = {"icmp": "127.0.0.1", "count": 2, "spacing": "10ms", "wait": "100ms"}
    result = ping(dict(mute, expect={"reachable": False, "sent": 2, "received": 0, "loss": 100, "time": {"exists": False}}), deaf)
    equal(result["verdict"], "pass", str(result))
    result = ping(mute, deaf)
    check(result["verdict"] == "fail" and "no answer within" in str(result), str(result))
    result = ping({"icmp": "192.0.2.1", "count": 1})
    check(result["verdict"] == "fail" and "unreachable" in str(result), str(result))


def test_icmp_that_the_kernel_refuses_is_unknown_and_says_what_to_set():
    for host in ("127.0.0.1", "::1"):
        result = ping({"icmp": host}, setting="")  # a new network begins with "1 0": nobody
        check(result["verdict"] == "error" and "net.ipv4.ping_group_range=" in str(result), str(result))


# ---- gRPC ----
def grpc(server, **options):
    return {"grpc": f"127.0.0.1:{server.port}", **options}


def test_grpc_health_in_clear():
    with Health({"": SERVING, "shop.Cart": NOT_SERVING, "odd": 9, "new": 0}) as server:
        good = {"answered": True, "status": "SERVING", "grpc-status": 0, "http-status": 200, "error": {"exists": False},
                "time": {"less": "10s"}, "peer": f"127.0.0.1:{server.port}"}
        equal(one(grpc(server, expect=good))["verdict"], "pass", "the server")
        equal(one(grpc(server))["verdict"], "pass", "by itself")
        for name, status in (("shop.Cart", "NOT_SERVING"), ("odd", "9"), ("new", "UNKNOWN")):
            equal(one(grpc(server, service=name))["verdict"], "fail", name)
            equal(one(grpc(server, service=name, expect={"status": status}))["verdict"], "pass", name)
        name, headers, left = server.calls[-1]
        equal(name, "new", "service")
        check(0 < left <= 60, f"the server was told a deadline of {left} s")
        check("authorization" not in headers, str(headers))


def test_grpc_a_service_or_a_method_that_is_not_there():
    with Health({}) as server:
        result = one(grpc(server, service="none"))
        check(result["verdict"] == "fail" and "NOT_FOUND: unknown service ä %" in str(result), str(result))
        equal(one(grpc(server, service="none", expect={"grpc-status": 5, "answered": True, "status": {"exists": False},
                                                       "grpc-message": "unknown service ä %"}))["verdict"], "pass", "5")
    with Health({}, known=False) as server:
        equal(one(grpc(server, expect={"grpc-status": 12}))["verdict"], "pass", "unimplemented")


def test_grpc_answers_that_are_none():
    with Health({"": b"\x0a\xff", "long": b"\x12\x80\x80\x04" + b"x" * 65536, "two": b"\x08\x02\x08\x01"}) as server:
        broken = one(grpc(server, expect={"status": "SERVING"}))
        check(broken["verdict"] == "fail" and "no HealthCheckResponse" in str(broken), str(broken))
        long = one(grpc(server, service="long"))
        check(long["verdict"] == "fail" and "more than 4096 bytes" in str(long), str(long))
        equal(one(grpc(server, service="two"))["verdict"], "pass", "the last of a field counts")


def test_grpc_peers_that_speak_something_else():
    nobody = one({"grpc": f"127.0.0.1:{free_port()}"})
    check(nobody["verdict"] == "fail" and "refused" in str(nobody), str(nobody))
    with Web({"/": (200, {}, "fine")}) as web:  # HTTP/1.1
        result = one({"grpc": f"127.0.0.1:{web.port}"})
        check(result["verdict"] == "fail" and "does not speak HTTP/2" in str(result), str(result))
    with Silent() as server:
        equal(one(grpc(server, timeout="300ms"))["verdict"], "fail", "silence")
    with Health({}) as server:
        server.answers[""] = server.hang
        result = one(grpc(server, timeout="500ms"))
        equal(result["verdict"], "fail", "no answer in time")
        check("DEADLINE_EXCEEDED" in str(result) or "time limit" in str(result), str(result))


class Nginx(Server):
    """HTTP/2 in clear, as one speaks it that was told so before."""

    def __init__(self):
        super().__init__()
        self.port = free_port()
        with open(self.path("conf"), "w", encoding="utf-8") as conf:
            conf.write(f"pid {self.dir}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off;\n")
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
                conf.write(f"{name}_temp_path {self.dir}/{name};\n")
            conf.write(f"server {{ listen 127.0.0.1:{self.port} http2; return 404; }} }}\n")
        self.run([find("nginx", "/usr/sbin/nginx"), "-g", "daemon off;", "-c", self.path("conf")], ("127.0.0.1", self.port))


def test_grpc_http2_that_is_no_grpc():
    with Nginx() as server:
        result = one(grpc(server))
        check(result["verdict"] == "fail" and "HTTP 404 and nothing of gRPC" in str(result), str(result))
        equal(one(grpc(server, expect={"answered": False, "http-status": 404}))["verdict"], "pass", "values")


def test_grpc_over_tls():
    directory = tempfile.mkdtemp()
    pem = certificate(directory)
    token = os.path.join(directory, "token")
    with open(token, "w", encoding="utf-8") as f:
        f.write("s3cret\n")
    try:
        with Health({"": SERVING}, pem=pem) as server:
            known = {"grpc": f"localhost:{server.port}", "secure": True, "ca-file": pem + ".crt"}
            result = one(dict(known, **{"token-file": token}, expect={"status": "SERVING", "grpc-status": 0}))
            equal(result["verdict"], "pass", str(result))
            equal(server.calls[-1][1]["authorization"], "Bearer s3cret", "token")
            check("s3cret" not in str(result), "the token stands in the results")
            told = len(server.calls)
            unknown = one({"grpc": f"localhost:{server.port}", "secure": True, "token-file": token})
            check(unknown["verdict"] == "fail" and "unknown authority" in str(unknown), str(unknown))
            other = one(dict(known, **{"server-name": "elsewhere"}))
            check(other["verdict"] == "fail" and "not for this name" in str(other), str(other))
            equal(len(server.calls), told, "who is not trusted is told nothing")
            equal(one({"grpc": f"localhost:{server.port}", "secure": True, "insecure": True})["verdict"], "pass", "insecure")
            equal(one({"grpc": f"localhost:{server.port}", "timeout": "2s"})["verdict"], "fail", "in clear to TLS")
        with Health({"": SERVING}, pem=pem, authority=pem + ".crt") as server:
            known["grpc"] = f"localhost:{server.port}"
            own = {"cert-file": pem + ".crt", "key-file": pem + ".key"}
            equal(one(dict(known, **own))["verdict"], "pass", "our certificate")
            equal(one(dict(known, timeout="5s"))["verdict"], "fail", "none of ours")
        with Web({"/": (200, {}, "x")}, pem=pem) as web:
            result = one(dict(known, grpc=f"localhost:{web.port}"))
            check(result["verdict"] == "fail" and "no HTTP/2 over TLS" in str(result), str(result))
    finally:
        shutil.rmtree(directory)


def test_grpc_over_a_unix_socket():
    directory = tempfile.mkdtemp()
    try:
        with Health({"": SERVING}, address=f"unix:{directory}/socket"):
            equal(one({"grpc": f"unix:{directory}/socket", "expect": {"peer": f"{directory}/socket", "status": "SERVING"}})
                  ["verdict"], "pass", "unix")
    finally:
        shutil.rmtree(directory)


def test_impossible_checks_are_refused_when_they_are_loaded():
    for each, word in (
        ({"udp": "localhost"}, "there is no port"),
        ({"udp": "h:1", "send": "a", "send-hex": "61"}, "exclude each other"),
        ({"udp": "h:1", "send-hex": "6"}, "two digits"),
        ({"icmp": "h:1"}, "www.example.org"),
        ({"icmp": "h", "count": 101}, "1 to 100"),
        ({"icmp": "h", "spacing": "1ms"}, "10ms"),
        ({"grpc": "localhost"}, "there is no port"),
        ({"grpc": "h:1", "ca-file": "/x"}, "secure: true"),
    ):
        text = refused([each])
        check(word in text, f"{each}: {text}")


main(globals())
