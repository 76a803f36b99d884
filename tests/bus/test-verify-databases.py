"""waggle-verify against real databases of Debian: PostgreSQL, MariaDB, Redis, and SQLite files."""

import os
import signal
import sqlite3
import tempfile

from harness import check, equal, main
from servers import MariaDB, Postgres, Redis
from verify import one

QUERY = "SELECT 40 + 2 AS answer, 'text' AS word, NULL AS missing"
ROW = {"answer": 42, "word": "text", "missing": None}


def secret(text):
    f = tempfile.NamedTemporaryFile("w", suffix=".secret")
    f.write(text + "\n")
    f.flush()
    return f


def verdict(expected, each, what):
    result = one(each)
    equal(result["verdict"], expected, f"{what}: {result.get('text')}")
    return result


def stopped(server, each):
    """A server that is there and does not work on anything."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        verdict("fail", dict(each, timeout="1s"), "a server that hangs")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_postgresql():
    with Postgres() as server, secret("secret") as password, secret("wrong") as wrong:
        base = {"postgresql": server.url(), "password-file": password.name}
        verdict("pass", base, "connects")
        good = {"connected": True, "in-recovery": False, "version": {"semver": ">=13.0"}, "rows": [ROW], "row-count": 1,
                "value": 42, "round-trip": True, "query-time": {"less": "10s"}}
        verdict("pass", dict(base, query=QUERY, **{"round-trip": True}, expect=good), "query and round trip")
        refused = verdict("fail", dict(base, **{"password-file": wrong.name}), "wrong password")
        check("password" in str(refused), "it does not say why")
        verdict("fail", dict(base, postgresql=server.url("nowhere")), "no such database")
        verdict("fail", dict(base, query="SELECT 1/0", expect={"value": 1}), "a query that fails")
        verdict("fail", dict(base, query="SELECT 1/0"), "a query that fails, and of which nothing is said")
        writes = dict(base, query="CREATE TABLE t(x int)", expect={"error": {"contains": "read-only"}})
        verdict("pass", writes, "a query that writes")
        slow = dict(base, query="SELECT pg_sleep(30)", timeout="500ms", expect={"row-count": 1})
        verdict("fail", slow, "a query that lasts")


def test_mariadb():
    with MariaDB() as server:
        base = {"mysql": f"mysql://root@127.0.0.1:{server.port}/mysql"}
        verdict("pass", base, "connects")
        good = {"connected": True, "read-only": False, "version": {"contains": "MariaDB"}, "rows": [ROW], "value": 42,
                "round-trip": True}
        verdict("pass", dict(base, query=QUERY, **{"round-trip": True}, expect=good), "query and round trip")
        verdict("fail", {"mysql": f"mysql://nobody@127.0.0.1:{server.port}/mysql"}, "no such user")
        verdict("fail", dict(base, query="SELECT * FROM nowhere", expect={"row-count": 1}), "a query that fails")
        verdict("fail", dict(base, query="SELECT * FROM nowhere"), "a query that fails, and of which nothing is said")
        writes = dict(base, query="CREATE TABLE t(x int)", expect={"error": {"matches": "(?i)read.only"}})
        verdict("pass", writes, "a query that writes")
        slow = dict(base, query="SELECT SLEEP(30)", timeout="500ms", expect={"row-count": 1})
        verdict("fail", slow, "a query that lasts")
        verdict("pass", {"mysql": f"unix:{server.socket}", "expect": {"connected": True}}, "over its Unix socket")


def test_redis():
    with Redis(password="secret") as server, secret("secret") as password, secret("wrong") as wrong:
        base = {"redis": f"redis://127.0.0.1:{server.port}/0", "password-file": password.name}
        good = {"connected": True, "role": "master", "loading": False, "version": {"semver": ">=5"}, "value": "hello",
                "round-trip": True, "clients": {"at-least": 1}, "memory": {"less": "1G"}}
        verdict("pass", dict(base, command=["ECHO", "hello"], **{"round-trip": True}, expect=good), "all")
        refused = verdict("fail", dict(base, **{"password-file": wrong.name}), "wrong password")
        check("secret" not in str(refused), "a password in the results")
        verdict("fail", {"redis": f"unix:{server.socket}"}, "no password")
        verdict("pass", {"redis": f"unix:{server.socket}", "password-file": password.name}, "over its Unix socket")
        verdict("fail", dict(base, command=["NOSUCH"], expect={"value": "x"}), "no such command")
        verdict("fail", dict(base, command=["NOSUCH"]), "no such command, and nothing is said of its answer")
        verdict("fail", dict(base, redis=f"redis://127.0.0.1:{server.port}/9999"), "no such number")
        stopped(server, base)


def test_sqlite():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "a.db")
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE t(x)")
            db.executemany("INSERT INTO t VALUES (?)", [(str(i) * 100,) for i in range(3000)])
        base = {"sqlite": path}
        verdict("pass", base, "opens and is whole")
        good = {"opens": True, "integrity": "ok", "tables": ["t"], "rows": [ROW], "value": 42, "row-count": 1}
        verdict("pass", dict(base, query=QUERY, integrity="full", expect=good), "query")
        verdict("pass", dict(base, query="SELECT x FROM t", expect={"row-count": 3000}), "more rows than are kept")
        refused = dict(base, query="DELETE FROM t", expect={"error": {"contains": "only reads"}})
        verdict("pass", refused, "a query that writes")
        endless = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"
        verdict("fail", dict(base, query=endless, timeout="500ms", expect={"value": 1}), "a query that lasts")
        verdict("fail", dict(base, query="SELCT 1"), "a query that is none, and of which nothing is said")
        verdict("fail", dict(base, query="SELECT 1 FROM nowhere", expect={"opens": True}), "a query of no table")
        verdict("pass", dict(base, query="SELECT x FROM t WHERE x = 'no'; -- none"), "a query that finds nothing")
        verdict("fail", dict(base, query="SELECT 1; DROP TABLE t", expect={"value": 1}), "two statements")
        verdict("fail", dict(base, query="-- none"), "no statement")
        none = verdict("fail", {"sqlite": os.path.join(directory, "none.db")}, "no such file")
        check("there is no such file" in str(none), str(none))
        open(os.path.join(directory, "empty.db"), "wb").close()
        verdict("fail", {"sqlite": os.path.join(directory, "empty.db")}, "an empty file, as a full disk leaves")
        check(not os.path.exists(os.path.join(directory, "none.db")), "the check made a database")
        with open(path, "r+b") as f:
            f.seek(3 * 4096)
            f.write(os.urandom(4096))
        verdict("fail", base, "a damaged page")
        with open(path, "wb") as f:
            f.write(b"this is no database, only a text" * 100)
        verdict("fail", base, "no database")


main(globals())
