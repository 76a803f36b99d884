"""Real servers of Debian, each on a port or a socket of its own in a directory that goes with it.

Nothing here touches a service of the machine. Each ends with the test, whatever became of it.
"""

import contextlib
import os
import random
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 60
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
NOBODY = 65534


def free_port(kind=socket.SOCK_STREAM):
    """Below those that the kernel gives to whoever asks for any, in this moment or the next."""
    while True:
        port = random.randrange(15000, 32768)
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def find(name, *patterns):
    """A program that Debian keeps outside of PATH."""
    import glob

    found = shutil.which(name)
    for pattern in patterns:
        found = found or (sorted(glob.glob(pattern)) or [None])[-1]
    return found


class Server:
    """A program that is there when it can be connected to."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="waggle-server-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, argv, address, user=None, **kwargs):
        log = open(self.path("log"), "wb")
        self.process = subprocess.Popen(
            DIES_WITH_US + argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user, **kwargs
        )
        end = time.monotonic() + LIMIT
        while not self.reached(address):
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.path("log"), encoding="utf-8", errors="replace") as text:
                    raise RuntimeError(f"{argv[0]} does not serve {address}: {text.read()[-2000:]}")
            time.sleep(0.02)

    def logged(self, text):
        end = time.monotonic() + LIMIT
        while True:
            with open(self.path("log"), encoding="utf-8", errors="replace") as log:
                if text in log.read():
                    return
            if time.monotonic() > end:
                raise RuntimeError(f"the log never says: {text}")
            time.sleep(0.02)

    @staticmethod
    def reached(address):
        kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(kind, socket.SOCK_STREAM) as s:
            return s.connect_ex(address) == 0


class Redis(Server):
    def __init__(self, password=None):
        super().__init__()
        self.socket = self.path("redis.sock")
        self.port = free_port()
        argv = ["redis-server", "--port", str(self.port), "--unixsocket", self.socket, "--save", "", "--dir", self.dir]
        self.run(argv + (["--requirepass", password] if password else []), self.socket)


def owned_by(path, uid):
    for root, dirs, files in os.walk(path):
        for name in [root] + [os.path.join(root, n) for n in dirs + files]:
            os.chown(name, uid, uid)


class Postgres(Server):
    """It refuses to run as root."""

    def __init__(self, password="secret"):
        super().__init__()
        self.port = free_port()
        user = NOBODY if os.getuid() == 0 else None
        if user is not None:
            os.chown(self.dir, user, user)
        with open(self.path("pw"), "w", encoding="utf-8") as f:
            f.write(password + "\n")
        os.chmod(self.path("pw"), 0o644)
        initdb = find("initdb", "/usr/lib/postgresql/*/bin/initdb")
        data = self.path("data")
        env = dict(os.environ, LC_ALL="C", TZ="UTC", HOME=self.dir)
        subprocess.run(
            [initdb, "-D", data, "-U", "tester", "--pwfile", self.path("pw"), "--auth=scram-sha-256", "--no-sync"],
            user=user, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        argv = [find("postgres", "/usr/lib/postgresql/*/bin/postgres"), "-D", data, "-p", str(self.port)]
        argv += ["-h", "127.0.0.1", "-k", self.dir, "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        self.run(argv, ("127.0.0.1", self.port), user=user, env=env)
        self.logged("ready to accept connections")  # it listens before it lets anybody in

    def url(self, database="postgres"):
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"


class MariaDB(Server):
    def __init__(self):
        super().__init__()
        self.port, self.socket = free_port(), self.path("mysql.sock")
        user = NOBODY if os.getuid() == 0 else None
        if user is not None:
            os.chown(self.dir, user, user)
        data = self.path("data")
        os.mkdir(data)
        if user is not None:
            os.chown(data, user, user)
        make = [find("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal", "--datadir", data]
        subprocess.run(make, user=user, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        argv = [find("mariadbd", "/usr/sbin/mariadbd"), "--no-defaults", "--datadir", data, "--socket", self.socket]
        argv += ["--port", str(self.port), "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M"]
        argv += ["--innodb-flush-method=nosync", "--pid-file", self.path("pid")]
        self.run(argv, self.socket, user=user)


def certificate(directory, days=30, name="localhost"):
    """A self-signed one; returns its file (certificate and key)."""
    path = os.path.join(directory, f"{name}-{days}.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", path + ".key", "-out", path + ".crt"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    with open(path, "w", encoding="utf-8") as out:
        for part in (".crt", ".key"):
            with open(path + part, encoding="utf-8") as f:
                out.write(f.read())
    return path


class Web:
    """HTTP(S) that answers as `answers` says: path -> (status, headers, body) or a function of the handler."""

    def __init__(self, answers, pem=None, authority=None, newest=None):
        web = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                size = int(self.headers.get("Content-Length", 0))
                self.sent = self.rfile.read(size)
                web.requests.append((self.command, self.path, dict(self.headers), self.sent))
                found = answers.get(self.path.split("?")[0], (404, {}, "nothing here"))
                status, headers, body = found(self) if callable(found) else found
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_HEAD = do_PUT = answer

            def log_message(self, *_):
                pass

        self.requests = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            if newest:
                context.maximum_version = newest
            if authority:  # clients have to show a certificate that it has signed
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(authority)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Silent:
    """Takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Names:
    """A name server that gives the bytes of `answer(question bytes)` back, over UDP and TCP."""

    def __init__(self, answer):
        self.answer = answer
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def serve_udp(self):
        try:
            while True:
                question, where = self.udp.recvfrom(4096)
                reply = self.answer(question, "udp")
                if reply is not None:
                    self.udp.sendto(reply, where)
        except OSError:
            pass

    def serve_tcp(self):
        try:
            while True:
                client, _ = self.tcp.accept()
                with client:
                    question = b""
                    while len(question) < 2 or len(question) < 2 + int.from_bytes(question[:2], "big"):
                        question += client.recv(4096)
                    question = question[2:]
                    reply = self.answer(question, "tcp")
                    client.sendall(len(reply).to_bytes(2, "big") + reply)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.udp.close()
        self.tcp.close()
