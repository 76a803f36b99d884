"""Metrics over TCP for those alone whom [Http] WebConfig= lets in: TLS, certificates of clients, names and passwords;
the Unix socket beside it is as it was."""

import base64
import ctypes
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import threading

from harness import main
from monitord import METRICS, Monitord, check, equal, wait_for
from prometheus import Prometheus, need
from scrape import fetch
from servers import certificate

MESSAGE = "could not agree on TLS"


def bcrypt(password, cost=4):
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), f"$2b${cost:02}$abcdefghijklmnopqrstu.".encode()).decode()


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class World(Monitord):
    def __init__(self, web, **given):
        super().__init__(start=False, manager=False, **given)
        self.socket = os.path.join(self.directory, "metrics")
        self.web_path = os.path.join(self.directory, "web.yaml")
        self.set_web(web)
        self.settings()

    def settings(self, web=True):
        self.configure(f"[Units]\nWatch=no\n[Http]\nListen={self.socket} 127.0.0.1:0\n"
                       + (f"WebConfig={self.web_path}\n" if web else ""))

    def set_web(self, text):
        """@ stands for the directory of the test."""
        with open(self.web_path, "w", encoding="utf-8") as f:
            f.write(text.replace("@", self.directory))

    def reload(self):
        """None, or the text of the error."""
        self.read_notify()  # each reload says two words there
        try:
            self.caller().call("Reload")
        except Exception as error:  # noqa: BLE001
            return str(error)
        return None

    def port(self):
        addresses = self.caller().get("HttpAddresses", interface=METRICS)
        return int(next(a for a in addresses if a.startswith("127.0.0.1:")).rsplit(":", 1)[1])

    def certificate(self, name, days=30):
        pem = certificate(self.directory, days, name)
        for part in (".crt", ".key"):
            shutil.copy(pem + part, os.path.join(self.directory, name + part))
        return pem

    def cpu(self):
        """Of all its threads, in ms."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e6


def ask(port, path="/", context=None, method="GET", **headers):
    """(status, headers) over TCP; None: no answer."""
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context) if context else \
        http.client.HTTPConnection("localhost", port, timeout=60)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def status(*args, **given):
    answer = ask(*args, **given)
    return answer and answer[0]


def trusting(authority, own=None):
    context = ssl.create_default_context(cafile=authority)
    if own:
        context.load_cert_chain(own)
    return context


USERS = "basic_auth_users:\n  prometheus: %s\n  other: %s\n"
TLS = "tls_server_config:\n  cert_file: localhost.crt\n  key_file: @/localhost.key\n"


def test_passwords():
    secret, hashes = "söme: secret", (bcrypt("söme: secret"), bcrypt("x"))
    with World(USERS % hashes) as d:
        d.start()
        port = d.port()
        code, headers = ask(port)
        equal(code, 401)
        check(headers["WWW-Authenticate"].startswith("Basic "), str(headers))
        good, text = basic("prometheus", secret), base64.b64encode(b"prometheus").decode()
        for wrong in (basic("prometheus", "x"), basic("nobody", secret), basic("other", secret), basic("prometheus", ""),
                      {"Authorization": "Bearer x"}, {"Authorization": "Basic"}, {"Authorization": "Basic !!"},
                      {"Authorization": "Basic " + text}, basic("prometheus", secret + "\0x"), basic("", "")):
            for path in ("/", "/metrics", "/nothing"):
                equal(status(port, path, **wrong), 401, f"{wrong} {path}")
        for _ in range(3):
            equal(status(port, "/metrics", **good), 200)
        equal(status(port, "/nothing", **good), 404)
        equal(status(port, "/metrics", method="HEAD", **good), 200)
        equal(status(port, "/metrics", method="POST", **good), 405)
        equal(status(port, "/metrics", **{"Authorization": good["Authorization"].replace("Basic", "bAsIc ")}), 200)
        equal(fetch(d.socket)[0], 200, "the Unix socket asks nobody")
        d.set_web(USERS % (bcrypt("new"), hashes[1]))
        equal(d.reload(), None)
        equal(status(port, **good), 401, "the old password")
        equal(status(port, **basic("prometheus", "new")), 200)
        d.settings(web=False)
        equal(d.reload(), None)
        equal(status(port), 200, "without the file")
        with open(d.log_path, encoding="utf-8") as log:
            said = log.read()
        check(not any(word in said for word in (secret, *hashes, good["Authorization"][6:])), "no secret is logged")


def test_a_check_costs_once():
    """It is paid for once, on another thread: others are answered meanwhile, also when the one who asked has gone."""
    with World(USERS % (bcrypt("x", 13), bcrypt("x", 13))) as d:
        d.start()
        port = d.port()
        began = d.cpu()
        equal(status(port, **basic("prometheus", "x")), 200)
        once = d.cpu() - began
        began = d.cpu()
        for _ in range(5):
            equal(status(port, **basic("prometheus", "x")), 200)
        check(d.cpu() - began < once / 2, f"{d.cpu() - began:.0f} ms for five, {once:.0f} ms for the first")
        asked = [threading.Thread(target=status, args=(port,), kwargs=basic("prometheus", f"wrong {i}")) for i in range(2)]
        for one in asked:
            one.start()
        gone = http.client.HTTPConnection("localhost", port, timeout=60)
        gone.request("GET", "/metrics", headers=basic("other", "y"))
        gone.close()
        wait_for(lambda: d.cpu() - began > once / 10, "a check is under way")
        equal(fetch(d.socket)[0], 200)
        equal(status(port, **basic("prometheus", "x")), 200)
        check(any(one.is_alive() for one in asked), "the checks are still under way")
        for one in asked:
            one.join()
        equal(status(port, **basic("other", "x")), 200, "after the one that nobody waited for")


def test_tls():
    with World(TLS) as d:
        d.certificate("localhost")
        d.start()
        port, context = d.port(), trusting(d.directory + "/localhost.crt")
        equal(status(port, "/metrics", context), 200)
        equal(status(port, "/nothing", context), 404)
        equal(status(port), None, "without TLS")
        d.wait_log(MESSAGE)
        equal(fetch(d.socket)[0], 200, "the Unix socket is as it was")
        kept = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
        for _ in range(3):
            kept.request("GET", "/metrics")
            answer = kept.getresponse()
            equal((answer.headers["Connection"], answer.read()[:6]), ("close", b"# HELP"), "each has one of its own")
        kept.close()
        silent = [socket.create_connection(("localhost", port)) for _ in range(20)]
        wait_for(lambda: any(gone(c) for c in silent), "the bound of handshakes")
        for c in silent:
            c.close()
        wait_for(lambda: status(port, "/", context) == 200, "an answer after they went")


def gone(c):
    c.setblocking(False)
    try:
        return c.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_versions():
    with World(TLS + "  min_version: TLS13\n") as d:
        d.certificate("localhost")
        d.start()
        port, context = d.port(), trusting(d.directory + "/localhost.crt")
        equal(status(port, "/", context), 200)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        equal(status(port, "/", context), None, "TLS 1.2")
        d.set_web(TLS)
        equal(d.reload(), None)
        equal(status(port, "/", context), 200, "TLS 1.2 as a rule")


def test_certificates_of_clients():
    """Who needs one that is good, who needs any, who may have none."""
    rows = (("RequireAndVerifyClientCert", True, (None, None, 200)), ("VerifyClientCertIfGiven", True, (200, None, 200)),
            ("RequireAnyClientCert", False, (None, 200, 200)), ("RequestClientCert", False, (200, 200, 200)),
            ("NoClientCert", False, (200, 200, 200)))
    with World("{}\n") as d:
        d.certificate("localhost")
        clients = (None, d.certificate("stranger"), d.certificate("reader"))
        authority = d.directory + "/localhost.crt"
        d.start()
        for kind, has_authority, want in rows:
            d.set_web(TLS + f"  client_auth_type: {kind}\n" + ("  client_ca_file: reader.crt\n" if has_authority else ""))
            equal(d.reload(), None, kind)
            got = tuple(status(d.port(), "/", trusting(authority, client)) for client in clients)
            equal(got, want, kind)
        d.set_web(TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: reader.crt\n"
                  + USERS % (bcrypt("x"), bcrypt("y")))
        equal(d.reload(), None)
        reader = trusting(authority, clients[2])
        equal([status(d.port(), "/", reader, **headers) for headers in ({}, basic("prometheus", "x"))], [401, 200], "both")


def test_reload():
    """A new certificate is shown from then on, what was agreed on before ends; a wrong file changes nothing."""
    with World("{}\n") as d:
        d.certificate("localhost")
        d.start()
        port = d.port()
        plain = socket.create_connection(("localhost", port), 60)
        equal(fetch(d.socket)[0], 200, "it is accepted by then")
        d.set_web(TLS)
        equal(d.reload(), None)
        try:
            equal(plain.recv(1), b"", "a connection from before")
        except ConnectionResetError:
            pass
        old = trusting(d.directory + "/localhost.crt")
        equal(status(port, "/", old), 200)
        d.certificate("localhost", days=20)
        equal(status(port, "/", old), 200, "nothing is read without a reload")
        d.set_web(TLS.replace("localhost.key", "nowhere.key") + "  cipher_suite: [x]\nbasic_auth_users: {a: $2b$10$short}\n")
        d.write("rules.d/x.yaml", "groups: 7\n")
        error = d.reload() or ""
        for text in (f"{d.web_path}:3", "nowhere.key", "cipher_suites", "bcrypt", "rules.d/x.yaml"):
            check(text in error, f"{text}: {error}")
        check("short" not in error, "a hash is shown: " + error)
        equal(status(port, "/", old), 200, "the old one stays in force")
        os.unlink(os.path.join(d.config_dir, "rules.d/x.yaml"))
        d.set_web(TLS)
        equal(d.reload(), None)
        equal(status(port, "/", trusting(d.directory + "/localhost.crt")), 200, "the new one")
        equal(status(port, "/", old), None, "the old one")


def test_prometheus():
    """The same file is good for Prometheus itself, and a real one scrapes by it."""
    need("promtool")
    need("prometheus")
    with World(TLS.replace("@/", "") + USERS % (bcrypt("x", 10), bcrypt("y", 10))) as d:
        d.certificate("localhost")
        d.start()
        done = subprocess.run(["promtool", "check", "web-config", d.web_path], capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)
        p = Prometheus(d.directory, f"localhost:{d.port()}", scheme="https", tls_config={"ca_file": d.directory + "/localhost.crt"},
                       basic_auth={"username": "prometheus", "password": "x"})
        d.helpers.append(p)
        wait_for(lambda: p.query("up") == [1.0], "Prometheus scrapes", 60)
        wait_for(lambda: len(p.query("waggle_host_load1")) == 1, "values")


def test_start_is_refused():
    with World("tls_server_config: {cert_file: nowhere}\n") as d:
        d.start(wait=False)
        equal(d.process.wait(60), 78, "EX_CONFIG")
        d.process = None
        d.wait_log("web.yaml:1")
        d.wait_log("key_file")


if __name__ == "__main__":
    main(globals())
