#!/usr/bin/python3
"""site: makes a release of a web site that nginx serves, with its manifest; and watches what it answers.

    site.py make DIRECTORY WORD [KEY=VALUE...] < more of the manifest, as JSON
    site.py watch FILE

Keys: schema (what the release expects of the database; 1), page (what the site answers; WORD), ca (who has to vouch for
its certificate), config (a line more of nginx's configuration). watch asks the site over and over and writes "TIME ANSWER" into FILE whenever the answer changes.
Never to be run outside a machine of the tests.
"""

import json
import pathlib
import sys
import time
import urllib.request

URL = "http://127.0.0.1:8080/"
CONFIG = """worker_processes 1;
pid /run/site.pid;
error_log stderr;
{config}
events {{}}
http {{
  access_log off;
  server {{
    listen 127.0.0.1:8080;
    listen 127.0.0.1:8443 ssl;
    ssl_certificate /srv/site/shared/tls/site.crt;
    ssl_certificate_key /srv/site/shared/tls/site.key;
    root /srv/site/current/www;
  }}
}}
"""
UNIT = """[Unit]
Description=The site of the tests
[Service]
Type=exec
ExecStartPre=/usr/sbin/nginx -t -q -c /srv/site/current/conf/nginx.conf
ExecStart=/usr/sbin/nginx -c /srv/site/current/conf/nginx.conf -g "daemon off;"
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""


def checks(word, schema, ca):
    # the answer has to come from the new nginx: the one before may still be on its way out
    seen = {"attempts": 20, "pause": "50ms", "unit": "site.service", "requires": "unit"}
    return [
        {"unit": "site.service", "name": "unit", "expect": {"running": True, "restarts": 0}},
        {"http": URL, "name": "http", "expect": {"status": 200, "body": {"contains": word}}, **seen},
        {"http": "https://localhost:8443/", "name": "https", "ca-file": ca, "expect": {"status": 200}, **seen},
        {"tls": "localhost:8443", "name": "tls", "ca-file": ca, "requires": "https",
         "expect": {"days-left": {"more": 1}, "protocol": {"in": ["TLS 1.2", "TLS 1.3"]}}},
        {"postgresql": "postgresql://shop@127.0.0.1/shop", "name": "postgresql", "password-file": "/etc/site/pg.pw",
         "query": "SELECT version FROM schema", "expect": {"value": schema}},
        {"mysql": "mysql://shop@127.0.0.1/shop", "name": "mariadb", "password-file": "/etc/site/my.pw",
         "query": "SELECT count(*) AS n FROM items", "expect": {"rows": [{"n": 3}]}},
        {"redis": "redis://127.0.0.1", "name": "redis", "password-file": "/etc/site/redis.pw", "round-trip": True,
         "command": ["GET", "shop:ready"], "expect": {"value": "yes", "round-trip": True}},
    ]  # fmt: skip


def make(directory, word, *keys):
    given = dict(key.split("=", 1) for key in keys)
    base = pathlib.Path(directory)
    page = given.get("page", word)
    config = CONFIG.format(config=given.get("config", ""))
    for name, text in (("conf/nginx.conf", config), ("www/index.html", page), ("units/site.service", UNIT)):
        path = base / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    units = {"install": ["units/site.service"], "start": ["site.service"], "enable": ["site.service"]}
    content = {
        "name": "site", "version": word, "target": "site", "artifacts": [{"source": "tree"}], "units": units,
        "checks": checks(word, int(given.get("schema", "1")), given.get("ca", "/etc/site/ca.crt")), "settle": {"for": "200ms", "units": ["site.service"]},
    } | json.loads(sys.stdin.read() or "{}")  # fmt: skip
    (base / "site.json").write_text(json.dumps(content), encoding="utf-8")


def _ask():
    try:
        with urllib.request.urlopen(URL, timeout=1) as answer:
            return answer.read().decode()
    except OSError:
        return "-"


def watch(file):
    last = None
    with open(file, "w", encoding="utf-8", buffering=1) as out:
        while True:
            answer = _ask()
            if answer != last:
                out.write(f"{time.time():.6f} {answer}\n")
                last = answer
            time.sleep(0.002)


if sys.argv[1] == "make":
    make(*sys.argv[2:])
else:
    watch(sys.argv[2])
