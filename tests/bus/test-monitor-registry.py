"""The registry of waggle-monitord: services from files, units and calls; their owners' end seen at
once; probes of real peers; maintenance, pushes, and watching from a revision."""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import http.server

from gi.repository import GLib

from harness import OTHERS, main, need_root, refused
from monitord import REGISTRY, SERVICE, Monitord, check, equal
from registry import Registry

WEB = """services:
  - name: shop
    tags: [web]
    capabilities: [orders]
    endpoints: [{name: http, address: "http://127.0.0.1:%(port)d"}]
    probes:
      - http: http://127.0.0.1:%(port)d/
        interval: 100ms
        jitter: 0%%
        timeout: 2s
        failures: 2
"""


class Web(http.server.ThreadingHTTPServer):
    """Answers with `status`."""

    def __init__(self):
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        super().__exit__(*args)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_probe_follows_its_peer():
    with Web() as web, Monitord(files={"services.d/web.yaml": WEB % {"port": web.server_port}}) as d:
        r = Registry(d)
        r.wait_state("shop", "healthy")
        equal(r.names("Find", "orders"), ["shop"])
        web.status = 500
        shop = r.wait_state("shop", "unhealthy")
        check("status: expected 200" in shop["reason"], shop)
        equal(r.names("Find", "orders"), [], "healthy ones by default")
        equal(r.names("Find", "orders", all=True), ["shop"])
        equal(r.names("Find", "web", states=["unhealthy"]), ["shop"])
        web.status = 200
        r.wait_state("shop", "healthy")
        probe = r.probe("shop", "http")
        equal((probe["state"], probe["verdict"], probe["values"]["status"]), ("up", "pass", 200))


def test_a_prober_that_is_killed_costs_nothing_else():
    with Web() as web, Monitord(files={"services.d/web.yaml": WEB % {"port": web.server_port}}) as d:
        r = Registry(d)
        r.wait_state("shop", "healthy")
        children = subprocess.run(["pgrep", "-P", str(d.process.pid)], capture_output=True, text=True, check=True)
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        before = r.probe("shop", "http")["time"]
        r.client.wait(lambda: r.probe("shop", "http")["time"] > before + 300000 and r.state("shop") == "healthy",
                      "the prober to be back")


def test_a_peer_that_never_answers_stalls_nobody():
    with Web() as web, socket.create_server(("127.0.0.1", 0)) as silent:
        files = {"services.d/web.yaml": WEB % {"port": web.server_port},
                 "services.d/silent.yaml": {"services": [{"name": "silent", "probes": [
                     {"http": f"http://127.0.0.1:{silent.getsockname()[1]}/", "interval": "100ms", "timeout": "1s"}]}]}}
        with Monitord(files=files) as d:
            r = Registry(d)
            r.wait_state("shop", "healthy")
            silent_one = r.wait_state("silent", "unhealthy")
            check("time limit" in silent_one["reason"] or "in time" in silent_one["reason"], silent_one)
            equal(r.state("shop"), "healthy")


def test_bad_files_keep_the_old_set():
    with Monitord(files={"services.d/a.yaml": "services: [{name: one}]\n"}) as d:
        r = Registry(d)
        r.wait_state("one", "healthy")
        path = d.write("services.d/a.yaml", "services:\n  - name: one\n    probes:\n      - htpp: x\n")
        d.write("services.d/b.yaml", "services: [{nam: two}]\n")
        refused("Configuration", r.client.call, "Reload", text="a.yaml:4: /services/0/probes/0/htpp")
        refused("Configuration", r.client.call, "Reload", text="did you mean http?")
        refused("Configuration", r.client.call, "Reload", text="b.yaml:1:")
        equal(r.names(), ["one"])
        os.unlink(path)
        d.write("services.d/b.yaml", "services: [{name: two}]\n")
        r.client.call("Reload")
        equal(r.names(), ["two"])


def test_a_connection_owns_its_service():
    with Monitord() as d:
        r, owner = Registry(d), Registry(d)
        owner.register({"name": "mine", "tags": ["x"]})
        equal(r.wait_state("mine", "healthy")["owner"], "connection")
        owner.client.client.close()
        gone = r.wait_state("mine", "gone")
        check("connection has ended" in gone["reason"], gone)
        equal(r.names("Find", "x"), [])
        again = Registry(d)
        again.register({"name": "mine", "tags": ["x"]})
        r.wait_state("mine", "healthy")


def test_a_process_owns_its_service_over_a_restart():
    with Monitord() as d, subprocess.Popen(["sleep", "1000"]) as process:
        Registry(d).register({"name": "job"}, pid=process.pid)
        d.restart()
        r = Registry(d)
        equal(r.wait_state("job", "healthy")["pid"], process.pid)
        process.kill()
        process.wait()
        check(f"process {process.pid} has ended" in r.wait_state("job", "gone")["reason"])
        d.restart()
        equal(Registry(d).state("job"), "gone", "a tombstone is kept")


def test_a_unit_owns_its_service():
    with Monitord() as d:
        d.unit("shop.service")
        r = Registry(d)
        r.register({"name": "shop", "unit": "shop.service"}, owner="unit")
        r.wait_state("shop", "healthy")
        d.systemd("StopUnit", "(ss)", "shop.service", "replace")
        check("shop.service" in r.wait_state("shop", "gone")["reason"])


def test_a_unit_with_a_section():
    text = "[Service]\nExecStart=/bin/sleep 1000\n[X-Waggle]\nName=store\nTags=db\nProbe=unit store.service\n"
    with Monitord() as d:
        d.unit("store.service", text)
        r = Registry(d)
        r.client.wait(lambda: r.names() == ["store"], "the section to be read")
        store = r.wait_state("store", "healthy")
        equal((store["source"], store["unit"], store["tags"]), ("unit", "store.service", ["db"]))
        d.systemd("StopUnit", "(ss)", "store.service", "replace")
        r.wait_state("store", "gone")
        equal(r.probe("store", "unit")["state"], "down")


def test_nobody_takes_what_stands_in_a_file():
    with Monitord(files={"services.d/a.yaml": "services: [{name: one}]\n"}) as d:
        r = Registry(d)
        refused("InvalidState", r.register, {"name": "one"}, text="change it there")
        refused("InvalidState", r.call, "Unregister", "s", "one")
        refused("UnknownService", r.show, "ones", text="did you mean one?")
        refused("InvalidArgument", r.register, {"name": "two", "probes": [{"htpp": "x"}]}, text="did you mean http?")
        refused("InvalidArgument", r.register, {"name": "two"}, owner="me")
        refused("UnknownOption", r.register, {"name": "two"}, ownr="pid")


def test_registering_again_keeps_what_is_known():
    with Web() as web, Monitord() as d:
        document = {"name": "a", "probes": [{"http": f"http://127.0.0.1:{web.server_port}/", "interval": "1h"}]}
        r = Registry(d)
        r.register(document)
        r.wait_state("a", "healthy")
        seen = r.probe("a", "http")["time"]
        r.register(document)
        equal((r.state("a"), r.probe("a", "http")["time"]), ("healthy", seen))


def test_maintenance_ends_by_itself_and_outlives_a_restart():
    with Monitord(files={"services.d/a.yaml": "services: [{name: one}, {name: two}]\n"}) as d:
        r = Registry(d)
        soon = r.show("one")["since"] + 3_000_000
        r.call("SetMaintenance", "sst", "one", "new disks", soon)
        r.call("SetMaintenance", "sst", "two", "for long", 0)
        one = r.wait_state("one", "maintenance")
        equal(one["maintenance"]["reason"], "new disks")
        d.restart()
        r = Registry(d)
        r.wait_state("two", "maintenance")
        r.wait_state("one", "healthy")
        r.call("ClearMaintenance", "s", "two")
        r.wait_state("two", "healthy")
        refused("InvalidArgument", r.call, "SetMaintenance", "sst", "one", "x", 1)


def test_a_dead_mans_push():
    files = {"services.d/a.yaml": {"services": [{"name": "job", "probes": [{"push": "ran", "every": "3s"}]}]}}
    with Monitord(files=files) as d:
        r = Registry(d)
        r.call("Push", "ss", "job", "ran", text="fine")
        equal(r.probe("job", "ran")["text"], "fine")
        r.wait_state("job", "unhealthy")
        equal(r.probe("job", "ran")["text"], "no push has come in time")
        r.call("Push", "ss", "job", "ran")
        r.call("Push", "ss", "job", "ran", state="fail", text="broken")
        equal(r.probe("job", "ran")["state"], "down")
        refused("InvalidArgument", r.call, "Push", "ss", "job", "ran", state="so-so")
        refused("UnknownService", r.call, "Push", "ss", "job", "run")


def test_a_name_that_is_taken_anew_begins_anew():
    with Monitord() as d:
        r = Registry(d)
        for name in ("job", "jobs"):
            r.register({"name": name, "probes": [{"push": "ran", "every": "1h"}]}, owner="none")
            r.call("Push", "ss", name, "ran")
        r.call("Unregister", "s", "job")
        d.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(d.state, "monitord.db"))) as db:
            equal(db.execute("SELECT service, probe FROM registry_probe").fetchall(), [("jobs", "ran")], "what is remembered")
        d.start()


def store_crc(data, seed):
    """As wg_store_crc()."""
    xxh3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSeed
    xxh3.argtypes, xxh3.restype = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64), ctypes.c_uint64
    digest = xxh3(data, len(data), seed)
    return (digest ^ digest >> 32) & 0xffffffff


def test_what_an_earlier_version_took():
    """A registration that is refused by now is told of at the start and costs no other."""
    with Monitord() as d:
        r = Registry(d)
        for name in ("old", "other"):
            r.register({"name": name, "probes": [{"tcp": "127.0.0.1:1"}]}, owner="none")
        d.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(d.state, "monitord.db"))) as db, db:
            (record,) = db.execute("SELECT record FROM registry_service WHERE name = 'old'").fetchone()
            record = record.replace("127.0.0.1:1", "127.0.0.1:no-port")
            crc = store_crc(record.encode(), store_crc(bytes(8), 0))
            db.execute("UPDATE registry_service SET record = ?, crc = ? WHERE name = 'old'", (record, crc))
        d.start()
        d.wait_log('The service "old", registered by a call, is left out: ')
        equal(Registry(d).names("List", all=True), ["other"])


def test_several_in_one_call():
    """As a file has them; all or none, and each stands alone afterwards."""
    with Monitord(files={"services.d/a.yaml": "name: filed\n"}) as d:
        r = Registry(d)
        refused("InvalidArgument", r.register, {"services": [{"name": "a"}, {"nam": "b"}]}, owner="none",
                text="/services/1")
        refused("InvalidState", r.register, {"services": [{"name": "a"}, {"name": "filed"}]}, owner="none",
                text="change it there")
        refused("InvalidArgument", r.register, {"services": []}, owner="none", text="empty")
        r.register({"services": [{"name": "a"}, {"name": "filed"}]}, dry_run=True)  # as a file may have it
        refused("InvalidArgument", r.register, "services:\n- name: a\n- nam: b\n", dry_run=True, text="did you mean name?")
        equal(r.names(), ["filed"], "what is in force after a refusal")
        r.register("services:\n- {name: a, tags: [x]}\n- name: b\n- name: c\n", owner="none")
        r.call("Unregister", "s", "b")
        d.stop()
        d.start()
        r = Registry(d)
        equal((sorted(r.names("List", all=True)), r.show("a")["tags"]), (["a", "c", "filed"], ["x"]))


def test_watching_from_a_revision():
    with Monitord() as d:
        r = Registry(d)
        first = r.register({"name": "a"}, owner="none")
        # a change is told once it is on the disk, a moment after it can be seen
        r.client.wait(lambda: len(json.loads(r.call("Watch", "t", first - 1, wait=0)[1])) > 1, "two changes")
        revision, text = r.call("Watch", "t", first - 1, wait=0)
        changes = json.loads(text)
        equal([(c["service"], c["what"]) for c in changes][:2], [("a", "registered"), ("a", "state")])
        equal(revision, changes[-1]["revision"])
        late = []
        waiter = Registry(d)
        thread = threading.Thread(target=lambda: late.append(waiter.call("Watch", "t", revision, wait=15_000_000)))
        thread.start()
        Registry(d).register({"name": "b"}, owner="none")
        thread.join(30)
        check(json.loads(late[0][1])[0]["service"] == "b", late)
        d.restart()
        r = Registry(d)
        equal(json.loads(r.call("Watch", "t", first - 1, wait=0)[1])[0]["service"], "a", "it goes on over a restart")
        refused("Compacted", r.call, "Watch", "t", 10**9)


# as another uid: calls that wait; prints how many were refused, then what the last one was
WAITING = """
import sys
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync(sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
loop, refused = GLib.MainLoop(), []

def done(connection, result):
    try:
        connection.call_finish(result)
    except GLib.Error as error:
        refused.append(error.message)

def call(method, args, then):
    bus.call(None, "/org/waggle/Monitoring1", "org.waggle.Monitoring1.Registry", method, args, None, 0, 60000, None, then)

for i in range(140):
    call("Watch", GLib.Variant("(ta{sv})", (0, {})), done)
call("List", GLib.Variant("(a{sv})", ({},)), lambda *_: loop.quit())
loop.run()
print(len(refused), refused[-1] if refused else "", flush=True)
sys.stdin.read()
"""


def test_one_uid_does_not_keep_the_others_out():
    """Calls of Watch that wait are bounded for each uid."""
    need_root()
    with Monitord(scope="system", manager=False) as d:
        args = ["setpriv", f"--reuid={OTHERS[0]}", f"--regid={OTHERS[0]}", "--clear-groups", sys.executable, "-c", WAITING, d.address]
        with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as other:
            told = other.stdout.readline()
            check(re.match(rf"12 .*LimitsExceeded.*128 calls of Watch of uid {OTHERS[0]} wait already", told), told)
            r = Registry(d)
            r.register({"name": "a"}, owner="none")
            check(json.loads(r.call("Watch", "t", 0, wait=15_000_000)[1])[0]["service"] == "a", "ours is answered")
            other.stdin.close()


def test_a_probe_on_demand():
    with Web() as web, Monitord() as d:
        r = Registry(d)
        r.register({"name": "a", "probes": [{"http": f"http://127.0.0.1:{web.server_port}/", "interval": "1h", "delay": "1h"},
                                            {"push": "p", "every": "1h"}]})
        result = json.loads(r.client.call("Probe", "(ss)", "a", "http", interface=REGISTRY)[0])
        equal((result["verdict"], result["state"]), ("pass", "up"))
        web.status = 503
        result = json.loads(r.client.call("Probe", "(ss)", "a", "http", interface=REGISTRY)[0])
        equal(result["verdict"], "fail")
        refused("InvalidState", r.client.call, "Probe", "(ss)", "a", "p", interface=REGISTRY)


def test_start_up_comes_first():
    with Web() as web, Monitord() as d:
        web.status = 503
        url = f"http://127.0.0.1:{web.server_port}/"
        r = Registry(d)
        r.register({"name": "a", "probes": [
            {"http": url, "name": "begun", "kind": "startup", "interval": "100ms", "failures": 1000},
            {"http": url + "live", "name": "live", "kind": "liveness", "interval": "100ms"}]})
        r.wait_state("a", "starting")
        equal(r.probe("a", "live").get("held"), "start-up is not done")
        check("time" not in r.probe("a", "live"))
        web.status = 200
        r.wait_state("a", "healthy")
        equal(r.probe("a", "begun").get("held"), "start-up is done")


def test_objects_and_signals():
    with Monitord() as d:
        r = Registry(d, over_bus=True)
        r.register({"name": "a.b", "tags": ["x"]}, owner="none")
        r.wait_state("a.b", "healthy")
        path = "/org/waggle/Monitoring1/service/a_2eb"
        equal(r.client.get("State", path=path, interface=SERVICE), "healthy")
        equal(r.client.get("Tags", path=path, interface=SERVICE), ["x"])
        r.client.wait(lambda: any(a[1:3] == ("a.b", "registered") for a in r.client.of("Changed")), "the signal")
        r.call("Unregister", "s", "a.b")
        equal(r.names(), [])


if __name__ == "__main__":
    main(globals())
