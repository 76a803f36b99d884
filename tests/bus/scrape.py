"""A tree of files like control groups, and a scraper of the HTTP socket."""

import gzip
import http.client
import os
import re
import shutil
import socket
import tempfile

LINE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Tree:
    """Below `path`: units' groups, written in place so that kept descriptors see it."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def group(self, where, seed=1, **more):
        """A new one is there with all its files at once, as the kernel makes it."""
        files = {
            "cpu.stat": f"usage_usec {seed * 3000000}\nuser_usec {seed * 2000000}\n"
                        f"system_usec {seed * 1000000}\nnr_periods {seed}\nnr_throttled 0\n"
                        "throttled_usec 0\n",
            "memory.current": f"{seed * 4096}\n", "memory.peak": f"{seed * 8192}\n",
            "memory.stat": f"anon {seed * 2048}\nfile {seed * 1024}\nkernel_stack 0\n",
            "memory.swap.current": "0\n", "memory.high": "max\n", "memory.max": "max\n",
            "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
            "io.stat": f"8:0 rbytes={seed * 512} wbytes={seed * 1024} rios=1 wios=2\n",
            "pids.current": "3\n", "pids.max": "100\n",
        }
        for kind in ("cpu", "memory", "io"):
            files[kind + ".pressure"] = \
                f"some avg10=0.00 avg60=0.00 avg300=0.00 total={seed * 1000}\n" \
                f"full avg10=0.00 avg60=0.00 avg300=0.00 total={seed * 500}\n"
        files.update({k.replace("_", "."): v for k, v in more.items()})
        place = os.path.join(self.path, where)
        if os.path.exists(place):
            for name, text in files.items():
                self.write(f"{where}/{name}", text)
            return
        made = tempfile.mkdtemp(prefix="group-", dir=os.path.dirname(self.path))
        os.chmod(made, 0o755)
        for name, text in files.items():
            with open(os.path.join(made, name), "w", encoding="utf-8") as f:
                f.write(text)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.rename(made, place)

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # never empty in between, as a file of the kernel's is not
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), "wb", buffering=0) as f:
            f.write(text.encode())
            f.truncate()

    def remove(self, where):
        shutil.rmtree(os.path.join(self.path, where))


class Connection(http.client.HTTPConnection):
    """To a path or to "127.0.0.1:1234"."""

    def __init__(self, address):
        super().__init__("localhost", timeout=60)
        self.address = address

    def connect(self):
        if self.address.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(60)
            self.sock.connect(self.address)
        else:
            host, port = self.address.rsplit(":", 1)
            self.sock = socket.create_connection((host, int(port)), 60)


def fetch(address, path="/metrics", method="GET", **headers):
    """(status, headers, text)"""
    connection = Connection(address)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return answer.status, answer.headers, body.decode()


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def parse(text):
    """{name: {frozenset of labels: value}}"""
    series = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, labels, value = LINE.match(line).groups()
        key = frozenset((k, unescape(v)) for k, v in LABEL.findall(labels or ""))
        if key in series.setdefault(name, {}):
            raise AssertionError(f"{name}{dict(key)} stands there twice")
        series[name][key] = float(value)
    return series


def scrape(address, **headers):
    return parse(fetch(address, **headers)[2])


def value(series, name, /, **labels):
    """The one series of that name with at least those labels; None: none."""
    found = [v for k, v in series.get(name, {}).items() if set(labels.items()) <= k]
    assert len(found) <= 1, f"{len(found)} series {name} {labels}"
    return found[0] if found else None
