#!/usr/bin/python3
"""A site that Debian's nginx serves, deployed by the installed service under a real systemd, and verified against
Debian's PostgreSQL, MariaDB and Redis: good releases stay, bad ones go back, and how soon the old site serves."""

import json

from harness import roots, tap
from harness.host import INSIDE
from harness.shop import Shop

UNIT = "site.service"
PSQL = ("runuser", "-u", "postgres", "--", "psql", "-q", "-d", "shop", "-c")
WATCHED = "/run/site.watched"
SERVING = 3.0  # seconds from the decision to roll back until the old site answers


def _site(m, word, *keys, **more):
    base = f"/root/releases/{word}"
    m.run(f"{INSIDE}/site.py", "make", base, word, *keys, stdin=json.dumps(more))
    return f"{base}/site.json"


def _deploy(m, word, *keys, **more):
    """(exit status, all that was said, the newest deployment with its results)"""
    shop = Shop(m)
    status, text = shop.deploy(_site(m, word, *keys, **more))
    shown = json.loads(m.out("waggle", "--json=short", "deploy", "show", shop.newest()["id"]))
    return status, text, shown


def _verdicts(shown):
    """check -> verdict of the last verification."""
    return {c["name"]: c["verdict"] for c in shown["results"]["checks"]}


def _serves(m, word):
    get = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/', timeout=5).read().decode())"
    assert m.out("/usr/bin/python3", "-c", get) == word
    assert m.show(UNIT, "ActiveState") == "active"
    # the page that nginx reads and the link are of the same release
    assert m.out("cat", "/srv/site/current/www/index.html") == word


def _schema(m):
    return m.out(*PSQL[:-1], "-At", "-c", "SELECT version FROM schema")


def test_servers(m):
    """the servers of Debian run, with data of the shop and users that need a password"""
    m.run("systemctl", "start", "waggle.target", "postgresql.service", "mariadb.service", "redis-server.service", timeout=120)
    m.run("mkdir", "-p", "/etc/site", "/srv/site/shared/tls", "/var/lib/shop")
    for name in ("pg", "my", "redis"):
        m.run("install", "-m", "600", "/dev/stdin", f"/etc/site/{name}.pw", stdin=f"secret-{name}\n")
    m.run("runuser", "-u", "postgres", "--", "createdb", "shop")
    m.run(*PSQL, "CREATE ROLE shop LOGIN PASSWORD 'secret-pg'; CREATE TABLE schema (version int); "
          "INSERT INTO schema VALUES (1); GRANT SELECT ON schema TO shop")  # fmt: skip
    m.run("mariadb", stdin="CREATE DATABASE shop; CREATE TABLE shop.items (id int);"
          "INSERT INTO shop.items VALUES (1), (2), (3); CREATE USER shop@localhost IDENTIFIED BY 'secret-my';"
          "GRANT SELECT ON shop.* TO shop@localhost;")  # fmt: skip
    m.run("redis-cli", "SET", "shop:ready", "yes")
    m.run("redis-cli", "CONFIG", "SET", "requirepass", "secret-redis")
    m.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
          "-addext", "subjectAltName=DNS:localhost", "-keyout", "/srv/site/shared/tls/site.key",
          "-out", "/srv/site/shared/tls/site.crt")  # fmt: skip
    m.run("cp", "/srv/site/shared/tls/site.crt", "/etc/site/ca.crt")
    Shop(m).target("site", "[Target]\nRoot=/srv/site\n")


def test_good(m):
    """a good site passes http, https, tls, PostgreSQL, MariaDB and Redis, and serves"""
    # what lies in shared/ before the first deployment would make the root somebody else's
    m.run("mv", "/srv/site", "/root/site")
    status, text, shown = _deploy(m, "one", shared={"directories": ["tls"]}, hooks={"post-stage": [
        {"command": ["/bin/cp", "/root/site/shared/tls/site.crt", "/root/site/shared/tls/site.key", "/srv/site/shared/tls"]}]})  # fmt: skip
    assert status == 0, text
    verdicts = _verdicts(shown)
    assert {"unit", "http", "https", "tls", "postgresql", "mariadb", "redis"} <= set(verdicts), verdicts
    assert set(verdicts.values()) == {"pass"}, verdicts
    _serves(m, "one")
    m.run("systemd-run", "--quiet", "--unit=watch", f"{INSIDE}/site.py", "watch", WATCHED)


def test_next(m):
    """the next one takes its place; nginx of the release before does not pass for it"""
    before = m.show(UNIT, "InvocationID")
    status, text, _shown = _deploy(m, "two")
    assert status == 0, text
    _serves(m, "two")
    assert m.show(UNIT, "InvocationID") != before


def test_wrong_page(m):
    """a site that answers wrongly goes back, and the old one answers within the time"""
    status, text, shown = _deploy(m, "three", "page=under construction")
    assert status == 5, text
    assert _verdicts(shown)["http"] == "fail", shown["results"]
    _serves(m, "two")
    decided = next(t["time"] for t in shown["transitions"] if t["to"] == "rolling-back") / 1e6

    def answers():
        rows = [line.split(" ", 1) for line in m.out("cat", WATCHED).splitlines()]
        assert "under construction" in [page for _time, page in rows], rows
        # the last time that it became right: nginx reads the old page as soon as the link is back, and is then restarted
        return float(rows[-1][0]) if rows[-1][1] == "two" else None

    took = m.wait("the old site", answers) - decided
    print(f"# the old site serves {took:.2f} s after the decision to roll back; at most {SERVING:.0f} s are wanted")
    assert 0 < took < SERVING, took


def test_configuration_that_nginx_refuses(m):
    """a configuration that nginx does not take goes back, and its words are in the explanation"""
    status, text, _shown = _deploy(m, "four", "config=colour red;")
    assert status == 5, text
    why = m.out("waggle", "deploy", "explain", Shop(m).newest()["id"])
    assert 'unknown directive "colour"' in why, why
    _serves(m, "two")


def test_certificate(m):
    """a certificate that nobody vouches for is a failure"""
    m.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=other",
          "-keyout", "/dev/null", "-out", "/etc/site/other.crt")  # fmt: skip
    status, text, shown = _deploy(m, "five", "ca=/etc/site/other.crt")
    assert status == 5, text
    verdicts = _verdicts(shown)
    assert verdicts["http"] == "pass" and verdicts["https"] == "fail", verdicts
    _serves(m, "two")


def test_database_of_another_version(m):
    """a site that needs another version of the database than there is goes back"""
    status, text, shown = _deploy(m, "six", "schema=2")
    assert status == 5, text
    verdicts = _verdicts(shown)
    assert verdicts.pop("postgresql") == "fail" and verdicts.pop("settle", None) in (None, "skip"), verdicts
    assert set(verdicts.values()) <= {"pass", "skip"}, verdicts
    _serves(m, "two")


def _state(version, up=None, down=None):
    def command(sql):
        return {"command": ["/usr/sbin/runuser", "-u", "postgres", "--", "/usr/bin/psql", "-q", "-d", "shop", "-c", sql]}

    migrate = {"migrate": {"up": command(up), "down": command(down)}} if up else {}
    return {"directory": "/var/lib/shop", "schema": version, "reads": f"1..{version}", **migrate}


def test_migration(m):
    """a database is migrated with its release, and back again with one that does not verify"""
    status, text, _shown = _deploy(m, "seven", state=_state(1))
    assert status == 0, text
    up, down = "UPDATE schema SET version = 2", "UPDATE schema SET version = 1"
    status, text, _shown = _deploy(m, "eight", "schema=2", "page=nothing", state=_state(2, up, down))
    assert status == 5, text
    assert _schema(m) == "1"
    _serves(m, "seven")
    status, text, _shown = _deploy(m, "nine", "schema=2", state=_state(2, up, down))
    assert status == 0, text
    assert _schema(m) == "2"
    _serves(m, "nine")


def test_each_server_matters(m):
    """without Redis and MariaDB no release is taken for good, and neither is the one before, though it serves"""
    servers = ("redis-server.service", "mariadb.service")
    m.run("systemctl", "stop", *servers, timeout=120)
    status, text, shown = _deploy(m, "without", "schema=2", state=_state(2))
    assert status == 6 and "does not pass its checks" in text, (status, text)
    verdicts = _verdicts(shown)
    assert verdicts["redis"] in ("fail", "error") and verdicts["mariadb"] in ("fail", "error"), verdicts
    assert verdicts["http"] == "pass" and verdicts["postgresql"] == "pass", verdicts
    _serves(m, "nine")
    m.run("systemctl", "start", *servers, timeout=120)
    m.run("redis-cli", "CONFIG", "SET", "requirepass", "secret-redis")
    m.run("redis-cli", "-a", "secret-redis", "SET", "shop:ready", "yes")
    status, text = Shop(m).deploy(_site(m, "ten", "schema=2", state=_state(2)), "--force")
    assert status == 0, text
    _serves(m, "ten")


def test_no_secret(m):
    """no password of a database is in what is told about all that"""
    ids = [row["id"] for row in Shop(m).history("-n", "50")]
    told = "".join(m.out("waggle", "--json=short", "deploy", "show", i) for i in ids) + m.out("journalctl", "-q", "-b")
    assert len(ids) > 9 and "postgresql" in told
    assert not [s for s in ("secret-pg", "secret-my", "secret-redis") if s in told]


if __name__ == "__main__":
    tap.main(globals(), extra=roots.SERVICES)
