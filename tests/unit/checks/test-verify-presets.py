#!/usr/bin/python3
"""The presets against real things: a web service that changes its mind, files, sockets, releases."""

import http.server
import json
import os
import socket
import sqlite3
import threading
import time

import verify

HEALTHY = {"status": "healthy", "version": "2.4.1", "timestamp": "2026-11-21T00:00:00Z"}


class Service(http.server.BaseHTTPRequestHandler):
    """Answers what `pages` says: path -> (status, body, headers, delay in s)."""

    pages = {}

    def do_GET(self):
        page = self.pages.get(self.path.split("?")[0], (404, "none"))
        status, body, headers, delay = page + ({}, 0)[len(page) - 2:]
        time.sleep(delay)  # what is measured is that it takes long
        self.send_response(status)
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, *args):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
BASE = f"http://127.0.0.1:{SERVER.server_port}"
threading.Thread(target=SERVER.serve_forever, daemon=True).start()


def one(preset, *args, **options):
    return verify.results({"checks": [{"preset": preset, **options}]}, *args)


def verdicts(found):
    return [check["verdict"] for check in found["checks"]]


def system_health():
    for page, verdict in (((200, HEALTHY), "pass"), ((200, {**HEALTHY, "status": "degraded"}), "warn"),
                          ((200, {**HEALTHY, "status": "dead"}), "fail"), ((500, HEALTHY), "fail"),
                          ((200, {"status": "healthy"}), "fail"), ((200, "<html>"), "fail")):
        Service.pages["/health"] = page
        found = one("system-health", url=BASE + "/health")
        assert verdicts(found) == [verdict], (page, found)


def service_availability():
    """Four of five are 80 %."""
    Service.pages["/"] = (200, "ok")
    address = f"127.0.0.1:{SERVER.server_port}"
    services = [address, BASE + "/", BASE + "/?2", "127.0.0.1:1", "localhost:" + address[10:]]
    found = one("service-availability", services=services)
    alive = [check["verdict"] == "pass" for check in found["checks"]]
    assert alive.count(True) == 4 and found["verdict"] == "pass" and found["exit"] == 0, found
    found = one("service-availability", services=[address, BASE + "/none", "127.0.0.1:1"])
    assert (found["verdict"], found["groups"][0]["passed"]) == ("fail", 1), found


def api_endpoints():
    Service.pages["/v1/items"] = (200, {"items": [1, 2]})
    Service.pages["/v1/new"] = (201, {"id": 5})
    items = {"path": "/v1/items", "expect": {"json": {"/items": {"length": 2}}}}
    new = {"path": "/v1/new", "method": "POST", "body": "{}", "status": 201}
    assert one("api-endpoints", base=BASE, endpoints=[items, new])["exit"] == 0
    Service.pages["/v1/items"] = (200, {"items": []})
    found = one("api-endpoints", base=BASE, endpoints=[items, new])
    assert verdicts(found) == ["fail", "pass"] and found["exit"] == 1, found
    many = [{**new, "path": f"/v1/new{i}"} for i in range(9)]
    for i in range(9):
        Service.pages[f"/v1/new{i}"] = (201, "{}")
    assert one("api-endpoints", base=BASE, endpoints=[items, *many])["exit"] == 0


def database_connectivity():
    path = verify.DIRECTORY / "d.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("create table t (a)")
        database.executemany("insert into t values (?)", [("x" * 500,)] * 200)
    assert one("database-connectivity", databases=[str(path)])["exit"] == 0
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 200] = b"\xff" * 200
    path.write_bytes(data)
    assert one("database-connectivity", databases=[str(path)])["exit"] == 1
    assert one("database-connectivity", databases=["redis://127.0.0.1:1"])["exit"] == 1


def configuration_integrity():
    verify.write("c/a.json", {"server": {"port": 80}})
    verify.write("c/b.env", "# c\nexport PORT='80'\nNAME=shop\n")
    verify.write("c/c.ini", "[server]\nport=80\n")
    verify.write("c/d.yaml", "server:\n  port: 80\n")

    def files(port):
        top = str(verify.DIRECTORY / "c") + "/"
        return [{"file": top + "a.json", "keys": {"server.port": port}},
                {"file": top + "b.env", "keys": {"PORT": port}}, {"file": top + "b.env", "keys": ["NAME"]},
                {"file": top + "c.ini", "keys": {"/server/port": str(port)}},
                {"file": top + "d.yaml", "keys": ["server.port"]}]

    def run(port, share):
        entries = files(port)
        return verify.results({"checks": [
            {"preset": "configuration-integrity", "name": str(i), "files": [entry], "at-least": share}
            for i, entry in enumerate(entries)]})

    assert verdicts(run(80, "100%")) == ["pass"] * 5, run(80, "100%")
    assert verdicts(run(81, "100%")) == ["fail", "fail", "pass", "fail", "pass"], run(81, "100%")
    verify.write("c/a.json", "{")
    found = run(80, "100%")["checks"][0]
    assert found["verdict"] == "fail" and "is no json: line 1" in found["text"], found
    found = one("configuration-integrity", files=[f["file"] for f in files(80)[2:]] + ["/no/such.json"], **{"at-least": 3})
    assert found["exit"] == 0, found


def performance_baselines():
    plan = {"checks": [{"preset": "performance-baselines", "endpoints": [BASE + "/speed"], "samples": 3,
                        "factor": 10, "within": "3s"}]}
    base = verify.DIRECTORY / "speed.json"
    Service.pages["/speed"] = (200, "ok", {}, 0.05)
    assert verify.verify(plan).returncode == 4  # no baseline, and it says so
    assert verify.verify(plan, "--record", base).returncode == 0
    found = verify.results(plan, "--baseline", base)
    assert found["exit"] == 0, found
    assert found["checks"][0]["assertions"][0] == {"key": "samples", "expected": "3", "observed": "3", "holds": "yes"}
    Service.pages["/speed"] = (200, "ok", {}, 1.0)
    found = verify.results(plan, "--baseline", base)
    assert verdicts(found) == ["fail"] and "baseline" in found["checks"][0]["assertions"][1]["conversion"], found


def security_posture():
    headers = {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff"}
    Service.pages["/"] = (200, "ok", headers)
    Service.pages["/admin"] = (401, "who are you")
    tools = verify.write("bin/tool", "#!").parent
    plan = {"checks": [{"preset": "security-posture", "set-id": [str(tools)], "protected": [BASE + "/admin"],
                        "headers-of": [BASE + "/"], "headers": ["X-Frame-Options"]}]}
    base = verify.DIRECTORY / "posture.json"
    assert verify.verify(plan, "--record", base).returncode == 0
    assert verdicts(verify.results(plan, "--baseline", base))[1:] == ["pass"] * 3
    os.chmod(tools / "tool", 0o4755)
    Service.pages["/admin"] = (200, "welcome")
    Service.pages["/"] = (200, "ok", {"X-Frame-Options": "DENY"})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = verify.results(plan, "--baseline", base)
        name = f"tcp 127.0.0.1:{listener.getsockname()[1]}"
    assert verdicts(found) == ["fail"] * 4, found
    assert name in found["checks"][0]["assertions"][0]["text"], found
    assert "x-content-type-options" in found["checks"][3]["text"], found


def monitoring_systems():
    Service.pages["/metrics"] = (200, "up 1\n")
    source = {"url": BASE + "/metrics", "contains": "up"}
    assert one("monitoring-systems", sources=[source])["exit"] == 0
    Service.pages["/metrics"] = (200, "")
    assert one("monitoring-systems", sources=[source])["exit"] == 1


if __name__ == "__main__":
    verify.main([system_health, service_availability, api_endpoints, database_connectivity, configuration_integrity,
                 performance_baselines, security_posture, monitoring_systems])
