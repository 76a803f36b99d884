#!/usr/bin/python3
"""release: makes a release of a small web service, with its manifest, in a new directory.

    release.py DIRECTORY WORD HOW [KEY=VALUE...] < more of the manifest, as JSON

The service answers every request with WORD. HOW is one of: good; crash (it ends at the start with
status 3); slow (it is never ready); tidy and careless (a child answers, which outlives a stop of the unit;
a tidy one ends what is left of the one before it, a careless one does not and goes on without a port).
Keys are put into the unit's [Service]. Never to be run outside a machine of the tests.
"""

import json
import pathlib
import sys

SERVE = r'''#!/usr/bin/python3
import http.server, os, pathlib, signal, socket, sys, time

HOME = pathlib.Path(__file__).resolve().parents[1]
WORD, HOW = (HOME / "word").read_text().split()
LEFT = pathlib.Path("/run/shop.pid")


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(WORD)))
        self.end_headers()
        self.wfile.write(WORD.encode())

    def log_message(self, *_):
        pass


def ready():
    print("serving " + WORD, flush=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


def tidy():
    try:
        left = int(LEFT.read_text())
        os.kill(left, signal.SIGKILL)
        while pathlib.Path(f"/proc/{left}").exists():
            time.sleep(0.01)
    except (FileNotFoundError, ProcessLookupError):
        pass


def with_child(address):
    if HOW == "tidy":
        tidy()
    try:
        server = http.server.HTTPServer(address, Answers)
    except OSError:
        server = None
    if server:
        child = os.fork()
        if child == 0:
            server.serve_forever()
        server.server_close()
        LEFT.write_text(str(child))
    ready()
    signal.pause()


address = ("127.0.0.1", int(sys.argv[1]))
if HOW == "crash":
    sys.exit("no such table: basket")
if HOW == "slow":
    time.sleep(600)
if HOW in ("tidy", "careless"):
    with_child(address)
server = http.server.HTTPServer(address, Answers)
ready()
server.serve_forever()
'''


def unit(keys):
    lines = ["[Unit]", "Description=Shop of the tests", "[Service]", "Type=notify", "NotifyAccess=all"]
    lines += ["ExecStart=/srv/shop/current/bin/serve 8080", "TimeoutStopSec=5", *keys]
    return "\n".join(lines + ["[Install]", "WantedBy=multi-user.target", ""])


def manifest(word):
    answers = {
        "http": "http://127.0.0.1:8080/", "name": "it answers", "unit": "shop.service", "attempts": 3,
        "pause": "100ms", "expect": {"status": 200, "body": {"starts": "good"}},
    }  # fmt: skip
    units = {"install": ["units/shop.service"], "start": ["shop.service"], "enable": ["shop.service"]}
    return {
        "name": "shop", "version": word, "target": "shop", "artifacts": [{"source": "tree"}],
        "units": units, "checks": [answers],
    }  # fmt: skip


def main(directory, word, how, *keys):
    base = pathlib.Path(directory)
    for name, text in (("bin/serve", SERVE), ("word", f"{word} {how}\n"), ("units/shop.service", unit(keys))):
        path = base / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if name.startswith("bin/") else 0o644)
    content = manifest(word) | json.loads(sys.stdin.read() or "{}")
    (base / "shop.json").write_text(json.dumps(content), encoding="utf-8")


main(*sys.argv[1:])
