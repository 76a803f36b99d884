"""waggle-verify against servers: DNS, TCP, Unix sockets, TLS, HTTP; good ones, wrong ones, none."""

import base64
import os
import shutil
import ssl
import struct
import tempfile
import time

from harness import check, equal, main
from servers import Names, Silent, Web, certificate, free_port
from verify import one, refused, verify


def test_nobody_listens_is_a_failure_that_says_so():
    port = free_port()
    for kind, subject in (("tcp", f"127.0.0.1:{port}"), ("tls", f"127.0.0.1:{port}"), ("http", f"http://127.0.0.1:{port}/")):
        result = one({kind: subject})
        equal(result["verdict"], "fail", kind)
    equal(one({"unix-socket": "/nonexistent/socket"})["verdict"], "fail", "unix")


def test_a_server_that_says_nothing_fails_at_its_time_limit():
    with Silent() as server:
        begin = time.monotonic()
        for each in ({"http": f"http://127.0.0.1:{server.port}/"}, {"tls": f"127.0.0.1:{server.port}"}):
            equal(one(dict(each, timeout="1s"))["verdict"], "fail", str(each))
        word = {"tcp": f"127.0.0.1:{server.port}", "until": "hello", "expect": {"response": {"contains": "hello"}}}
        equal(one(dict(word, timeout="1s"))["verdict"], "fail", "tcp")
        check(time.monotonic() - begin < 60, "it waited longer than it should")


def test_tcp_question_and_answer():
    with Web({"/": (200, {}, "fine")}) as web:
        ask = {"tcp": f"127.0.0.1:{web.port}", "send": "GET / HTTP/1.0\r\n\r\n"}
        equal(one(dict(ask, expect={"response": {"matches": "200 OK[\\s\\S]*fine"}}))["verdict"], "pass", "answer")
        equal(one(dict(ask, expect={"response": {"contains": "500"}}))["verdict"], "fail", "wrong answer")
        equal(one({"tcp": f"127.0.0.1:{web.port}"})["verdict"], "pass", "connected alone")


def health(status="healthy"):
    return (200, {"Content-Type": "application/json", "X-Two": "a"}, f'{{"status": "{status}", "n": [1, 2]}}')


def test_http_status_headers_body_and_json():
    with Web({"/health": health(), "/bad": (500, {}, "oops"), "/go": (302, {"Location": "/health"}, "")}) as web:
        base = f"http://127.0.0.1:{web.port}"
        good = {"status": 200, "json": {"json": {"/status": {"in": ["healthy", "degraded"]}, "/n/1": 2}},
                "headers": {"json": {"/x-two": "a"}}, "body": {"contains": "healthy"}, "time": {"less": "10s"}}
        equal(one({"http": base + "/health", "expect": good})["verdict"], "pass", "health")
        equal(one({"http": base + "/bad"})["verdict"], "fail", "500")
        equal(one({"http": base + "/bad", "expect": {"status": 500, "body": "oops"}})["verdict"], "pass", "expected 500")
        equal(one({"http": base + "/go", "expect": {"status": 200, "redirects": 1}})["verdict"], "pass", "followed")
        stay = {"http": base + "/go", "follow-redirects": False, "expect": {"status": 302}}
        equal(one(stay)["verdict"], "pass", "not followed")


def test_http_body_that_is_longer_than_what_is_kept():
    with Web({"/": (200, {}, "a" * (3 << 20)), "/small": (200, {}, "a" * 4096)}) as web:
        url = f"http://127.0.0.1:{web.port}/"
        equal(one({"http": url, "expect": {"size": {"at-most": "2M"}}})["verdict"], "fail", "the size of a part is not the size")
        equal(one({"http": url, "expect": {"size": "3M"}})["verdict"], "pass", "all of it is counted")
        cut = one({"http": url, "expect": {"body": {"contains": "b"}}})
        check(cut["verdict"] == "fail" and "longer than what was read" in str(cut), str(cut))
        exact = one({"http": url + "small", "max-body": 4096, "expect": {"body": {"length": 4096}, "size": 4096}})
        check(exact["verdict"] == "pass" and "longer" not in str(exact), str(exact))


def test_http_sends_what_it_is_told():
    secret = tempfile.NamedTemporaryFile("w", suffix=".secret")
    secret.write("s3cret\nsecond line")
    secret.flush()
    with secret, Web({"/in": (201, {}, "")}) as web:
        url = f"http://127.0.0.1:{web.port}/in"
        post = {"http": url, "method": "POST", "body": '{"a": 1}', "headers": {"X-Mine": "yes"}, "expect": {"status": 201}}
        equal(one(post)["verdict"], "pass", "post")
        method, path, headers, sent = web.requests[-1]
        equal((method, path, sent), ("POST", "/in", b'{"a": 1}'), "request")
        equal((headers["X-Mine"], headers["Content-Type"]), ("yes", "application/json"), "headers")
        result = one({"http": url, "user": "me", "password-file": secret.name, "expect": {"status": 201}})
        equal(web.requests[-1][2]["Authorization"], "Basic " + base64.b64encode(b"me:s3cret").decode(), "basic")
        check("s3cret" not in str(result), "the password stands in the results")
        one({"http": url, "token-file": secret.name, "expect": {"status": 201}})
        equal(web.requests[-1][2]["Authorization"], "Bearer s3cret", "bearer")


def test_http_samples_are_told_with_their_number():
    with Web({"/": (200, {}, "x")}) as web:
        result = one({"http": f"http://127.0.0.1:{web.port}/", "samples": 25,
                      "expect": {"samples": 25, "time": {"less": "5s"}, "time-p95": {"less": "5s"}, "time-max": {"less": "5s"}}})
        equal(result["verdict"], "pass", "samples")
        equal(len(web.requests), 25, "requests")


def test_http_over_a_unix_socket():
    from servers import Redis

    with Redis() as redis:  # speaks no HTTP: an answer, but none of HTTP
        result = one({"http": "http://localhost/", "socket": redis.socket, "timeout": "2s"})
        equal(result["verdict"], "fail", "not HTTP")


def tls_checks(port, ca):
    return {"tls": f"127.0.0.1:{port}", "server-name": "localhost", "ca-file": ca}


def test_tls_and_the_life_of_a_certificate():
    directory = tempfile.mkdtemp()
    pem = certificate(directory, days=30)
    try:
        with Web({"/": (200, {}, "safe")}, pem=pem) as web:
            known = tls_checks(web.port, pem + ".crt")
            good = {"connected": True, "trusted": True, "days-left": {"between": [29, 31]}, "names": ["localhost"],
                    "subject": {"contains": "localhost"}, "protocol": {"in": ["TLS 1.2", "TLS 1.3"]}, "problems": {"length": 0}}
            equal(one(dict(known, expect=good))["verdict"], "pass", "known authority")
            equal(one(dict(known, expect={"days-left": {"more": 60}}))["verdict"], "fail", "expires too soon")
            unknown = one({"tls": f"127.0.0.1:{web.port}", "server-name": "localhost", "expect": {
                "connected": True, "trusted": False, "problems": {"has": ["signed by an unknown authority"]}}})
            equal(unknown["verdict"], "pass", str(unknown))
            other = dict(known, **{"server-name": "elsewhere"}, expect={"problems": {"has": ["not for this name"]}})
            equal(one(other)["verdict"], "pass", "another name")
            https = {"http": f"https://localhost:{web.port}/", "ca-file": pem + ".crt",
                     "expect": {"status": 200, "certificate-trusted": True, "certificate-days-left": {"more": 20}}}
            equal(one(https)["verdict"], "pass", "https")
            equal(one({"http": f"https://localhost:{web.port}/"})["verdict"], "fail", "https, unknown authority")
            insecure = {"http": f"https://localhost:{web.port}/", "insecure": True,
                        "expect": {"status": 200, "certificate-trusted": False}}
            equal(one(insecure)["verdict"], "pass", "https, insecure")
    finally:
        shutil.rmtree(directory)


def test_trust_in_a_server_is_not_taken_over_from_a_check_that_asks_for_none():
    """The library resumes sessions, and validates nothing then."""
    directory = tempfile.mkdtemp()
    pem = certificate(directory, days=30)
    try:
        for newest in (None, ssl.TLSVersion.TLSv1_2):
            with Web({"/": (200, {}, "safe")}, pem=pem, newest=newest) as web:
                url, peer = f"https://localhost:{web.port}/", f"localhost:{web.port}"
                any_one = {"http": url, "insecure": True}
                document = verify([
                    dict(any_one, name="any"), dict(any_one, name="again", expect={"certificate-trusted": False}),
                    {"http": url, "name": "http"}, {"tls": peer, "name": "tls", "attempts": 3, "pause": "1ms"},
                    {"tls": peer, "name": "known", "ca-file": pem + ".crt"}, {"http": url, "name": "http again"}], parallel=1)
                seen = {each["name"]: each for each in document["checks"]}
                verdicts = {name: each["verdict"] for name, each in seen.items()}
                equal(verdicts, {"any": "pass", "again": "pass", "http": "fail", "tls": "fail", "known": "pass",
                                 "http again": "fail"}, str(newest))
                for name in ("http", "tls", "http again"):  # and each says what is wrong
                    check("the server's certificate: signed by an unknown authority" in str(seen[name]), str(seen[name]))
                equal(len(web.requests), 2, "requests that were sent: who is not trusted is told nothing")
        gone = one({"tls": "localhost:1", "ca-file": directory + "/none"})
        equal(gone["verdict"], "error", "authorities that cannot be read")
    finally:
        shutil.rmtree(directory)


def reply(question, *records, rcode=0, cut=False, number=None):
    """An answer of DNS: each record (type, ttl, data) of the name that was asked for."""
    head = (question[:2] if number is None else number) + struct.pack(">HHHHH", 0x8180 | rcode | (0x200 if cut else 0), 1, len(records), 0, 0)
    body = question[12:]
    for kind, ttl, data in records:
        body += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
    return head + body


def dns(port, record, **expect):
    return {"dns": "www.example.com", "server": f"127.0.0.1:{port}", "record": record, "expect": expect}


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"


def test_dns_records():
    kinds = {
        1: [(1, 60, bytes([192, 0, 2, 1])), (1, 30, bytes([192, 0, 2, 2]))],
        28: [(28, 60, bytes.fromhex("20010db8000000000000000000000001"))],
        15: [(15, 60, struct.pack(">H", 10) + name("mail.example.com"))],
        16: [(16, 60, b"\x05v=spf\x021 ")],
        33: [(33, 60, struct.pack(">HHH", 1, 2, 443) + name("srv.example.com"))],
        5: [(5, 60, name("other.example.com"))],
        257: [(257, 60, b"\x00\x05issueca.example")],
    }

    def answer(question, how):
        kind = struct.unpack(">H", question[-4:-2])[0]
        return reply(question, *kinds[kind])

    with Names(answer) as server:
        wanted = {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"], "MX": ["10 mail.example.com"], "TXT": ["v=spf1 "],
                  "SRV": ["1 2 443 srv.example.com"], "CNAME": ["other.example.com"], "CAA": ['0 issue "ca.example"']}
        results = verify([dict(dns(server.port, r, answers=a), name=r) for r, a in wanted.items()])
        for result in results["checks"]:
            equal(result["verdict"], "pass", f"{result['name']}: {result.get('text')}")
        equal(one(dns(server.port, "A", ttl=30, rcode="NOERROR"))["verdict"], "pass", "least ttl")


def test_dns_cut_short_is_asked_again_over_tcp():
    def answer(question, how):
        return reply(question, cut=True) if how == "udp" else reply(question, (1, 9, bytes([192, 0, 2, 9])))

    with Names(answer) as server:
        equal(one(dns(server.port, "A", answers=["192.0.2.9"]))["verdict"], "pass", "tcp")


def test_dns_wrong_answers():
    with Names(lambda q, how: reply(q, rcode=3)) as server:
        equal(one(dns(server.port, "A", resolvable=False, rcode="NXDOMAIN"))["verdict"], "pass", "no such name")
    with Names(lambda q, how: reply(q, (1, 9, b"\1\2\3"))) as server:
        equal(one(dns(server.port, "A", resolvable=True))["verdict"], "fail", "an address of three bytes")
    with Names(lambda q, how: reply(q)[:14]) as server:
        equal(one(dns(server.port, "A", resolvable=True))["verdict"], "fail", "cut in the middle")
    with Names(lambda q, how: reply(q, (1, 9, bytes(4)), number=bytes([q[0] ^ 255, q[1]]))) as server:
        equal(one(dict(dns(server.port, "A", resolvable=True), timeout="300ms"))["verdict"], "fail", "another's answer")


def test_impossible_checks_are_refused_when_they_are_loaded():
    for each, word in (
        ({"tcp": "localhost"}, "there is no port"),
        ({"tcp": "::1:80"}, "in brackets"),
        ({"tcp": "localhost:99999"}, "1 to 65535"),
        ({"http": "ftp://x/"}, "no URL of HTTP"),
        ({"http": "http://a:b@x/"}, "password-file"),
        ({"http": "http://x/", "samples": 0}, "from 1 to 10000"),
        ({"http": "http://x/", "headers": {"a": "b\r\nc"}}, "one line"),
        ({"dns": "x", "record": "QQ"}, "kind of record"),
        ({"dbus": "not a name"}, "no name on a bus"),
        ({"mysql": "mysql://a:b@c/d"}, "password-file"),
        ({"redis": "redis://h/name"}, "has a number"),
        ({"sqlite": "relative.db"}, "relative.db"),
    ):
        text = refused([each])
        check(word in text, f"{each}: {text}")


main(globals())
