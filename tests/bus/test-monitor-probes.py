"""Probes of real peers: nginx, PostgreSQL, a TLS server, a service on the bus that hangs, a journal
place that is kept, and commands; each breaks, and is seen to break and to be back."""

import os
import signal
import subprocess

import servers
from monitord import Monitord, check, equal
from harness import main
from registry import Registry


def probe(**more):
    return {"interval": "200ms", "timeout": "2s", "jitter": "0%", **more}


class Nginx(servers.Server):
    """A page, on a port and over TLS."""

    def __init__(self):
        super().__init__()
        self.port, self.tls = servers.free_port(), servers.free_port()
        pem = servers.certificate(self.dir, days=5)
        with open(self.path("index.html"), "w", encoding="utf-8") as f:
            f.write("fine")
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as f:
            f.write(f"""daemon off; master_process off; pid {self.dir}/pid; error_log stderr;
events {{}}
http {{ access_log off; client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p;
 fastcgi_temp_path {self.dir}/f; uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
 server {{ listen 127.0.0.1:{self.port}; listen 127.0.0.1:{self.tls} ssl; root {self.dir};
 ssl_certificate {pem}.crt; ssl_certificate_key {pem}.key; }} }}""")
        self.serve()

    def serve(self):
        nginx = servers.find("nginx", "/usr/sbin/nginx")
        self.run([nginx, "-p", self.dir, "-e", "stderr", "-c", self.path("nginx.conf")], ("127.0.0.1", self.port))

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_nginx_and_its_certificate():
    with Nginx() as nginx:
        services = [{"name": "web", "probes": [
            probe(http=f"http://127.0.0.1:{nginx.port}/", expect={"status": 200, "body": "fine"})]},
            {"name": "cert", "probes": [probe(tls=f"127.0.0.1:{nginx.tls}", expect={"days-left": {"at-least": 14}})]},
            {"name": "cert-fine", "probes": [probe(tls=f"127.0.0.1:{nginx.tls}", expect={"days-left": {"at-least": 1}})]}]
        with Monitord(files={"services.d/a.yaml": {"services": services}}) as d:
            r = Registry(d)
            r.wait_state("web", "healthy")
            check("days-left" in r.wait_state("cert", "unhealthy")["reason"])
            r.wait_state("cert-fine", "healthy")
            nginx.stop()
            r.wait_state("web", "unhealthy")
            nginx.serve()
            r.wait_state("web", "healthy")


def test_postgresql():
    with servers.Postgres() as pg:
        with open(pg.path("password"), "w", encoding="utf-8") as f:
            f.write("secret\n")
        os.chmod(f.name, 0o600)
        one = probe(**{"password-file": f.name}, postgresql=pg.url(), query="SELECT 1")
        with Monitord(files={"services.d/a.yaml": {"services": [{"name": "db", "probes": [one]}]}}) as d:
            r = Registry(d)
            r.wait_state("db", "healthy")
            pg.process.send_signal(signal.SIGSTOP)  # the kernel takes connections, nobody answers
            r.wait_state("db", "unhealthy")
            pg.process.send_signal(signal.SIGCONT)
            r.wait_state("db", "healthy")


def test_a_hung_service_on_the_bus_stalls_nothing():
    hung = """import gi
from gi.repository import Gio, GLib
def got(c, n): print("there", flush=True)
Gio.bus_own_name(Gio.BusType.SESSION, "org.example.Hung", 0, None, got, None)
GLib.MainLoop().run()
"""
    with Monitord() as d:
        r = Registry(d)
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "/usr/bin/python3", "-c", hung],
                                   env=d.environment(), stdout=subprocess.PIPE, text=True)
        equal(process.stdout.readline(), "there\n")
        process.send_signal(signal.SIGSTOP)  # the name is owned, and nobody answers
        r.register({"name": "hung", "probes": [{**probe(dbus="org.example.Hung", bus="user", expect={"answers": True}), "timeout": "500ms"}]}, owner="none")
        r.register({"name": "fine", "probes": [probe(dbus="org.freedesktop.DBus", bus="user")]}, owner="none")
        r.wait_state("fine", "healthy")
        r.wait_state("hung", "unhealthy")
        equal(r.state("fine"), "healthy")
        process.kill()
        process.wait()


def test_commands_and_plugins():
    with Monitord() as d:
        r = Registry(d)
        mark = os.path.join(d.directory, "mark")
        r.register({"name": "job", "probes": [
            probe(name="plugin", plugin="p", argv=["sh", "-c", "echo 'DISK OK | used=5;8;9'"]),
            probe(name="file", command=f"test -e {mark}")]}, owner="none")
        r.wait_state("job", "unhealthy")
        with open(mark, "w", encoding="utf-8"):
            pass
        r.wait_state("job", "healthy")
        equal(r.probe("job", "plugin")["values"]["state"], "ok")


if __name__ == "__main__":
    main(globals())
