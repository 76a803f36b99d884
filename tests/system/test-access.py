#!/usr/bin/python3
"""Who may do what: the uid of the connection decides, on the bus and on the private socket.

alice owns the agent "secretary"; bob is somebody else; carol is in the group waggle-admin.
"""

from harness import tap
from harness.host import SERVICE

NOT_MINE = ("NotAuthorized", "InteractiveAuthorizationRequired", "AccessDenied")
EMPTY = "@a{sv} {}"


def test_prepare(m):
    """an agent of alice gets mail from bob"""
    m.run("gpasswd", "--add", "carol", "waggle-admin")
    m.run("systemctl", "start", "waggle.target")
    m.register("secretary", user="alice")
    m.send("secretary", "for alice alone", user="bob")


def _each_door(check):
    for door in ("socket", "bus"):
        check(door)


def test_read(m):
    """nobody else may receive an agent's mail or subscribe to it"""

    def check(door):
        m.refused(NOT_MINE, "Receive", f"('secretary', {EMPTY})", user="bob", door=door)
        m.refused(NOT_MINE, "Subscribe", f"('secretary', uint32 1, {EMPTY})", user="bob", door=door)

    _each_door(check)


def test_list(m):
    """a list shows what one has sent or received, and nothing else"""
    sent = m.send("secretary", "from bob", user="bob")
    note = m.send("secretary", "a note of her own", user="alice")

    def check(door):
        seen = {}
        for user in ("alice", "bob", "carol"):
            listed = m.call("ListMessages", f"({EMPTY},)", user=user, door=door)[0]
            seen[user] = {entry["message"] for entry in listed}
        assert {sent, note} <= seen["alice"], seen
        assert sent in seen["bob"] and note not in seen["bob"], seen
        assert not seen["carol"], seen

    _each_door(check)


def test_message_of_others(m):
    """a message is shown to its sender and its addressee only"""
    number = m.send("secretary", "between two", user="bob")

    def check(door):
        m.refused(NOT_MINE, "GetMessage", f"(uint64 {number}, {EMPTY})", user="carol", door=door)
        assert m.call("GetMessage", f"(uint64 {number}, {EMPTY})", user="bob", door=door)[0]["message"] == number
        assert m.call("GetMessage", f"(uint64 {number}, {EMPTY})", user="alice", door=door)[0]["message"] == number

    _each_door(check)


def test_token_of_others(m):
    """a lease token is of no use to another uid"""
    token = m.receive("secretary", "'detach': <true>", user="alice")[0][1]

    def check(door):
        m.refused(NOT_MINE + ("LeaseExpired", "UnknownLease"), "Ack", f"(uint64 {token}, {EMPTY})", user="bob", door=door)

    _each_door(check)
    m.call("Ack", f"(uint64 {token}, {EMPTY})", user="alice")


def test_from(m):
    """nobody, root neither, sends in the name of another uid's agent"""

    def check(door):
        for user in ("bob", None):
            m.refused(
                NOT_MINE, "Send", f"('secretary', @ay [], {{'from': <'secretary'>}})", user=user, door=door
            )  # fmt: skip

    _each_door(check)


def test_sender_is_the_uid(m):
    """without a name the sender is the uid of the connection"""
    numbers = {m.send("secretary", "who am I", user="bob", door=door) for door in ("socket", "bus")}
    rows = m.receive("secretary", "'detach': <true>, 'max': <uint32 100>", user="alice")
    mine = [row for row in rows if row[0] in numbers]
    assert len(mine) == 2 and {row[2] for row in mine} == {"uid:2002"}, rows
    assert {row[4]["sender-uid"] for row in mine} == {2002}, rows
    for row in rows:
        m.call("Ack", f"(uint64 {row[1]}, {EMPTY})", user="alice")


def test_agents_of_others(m):
    """nobody else may change, pause or remove an agent, or register one for somebody else"""

    def check(door):
        m.refused(NOT_MINE, "UpdateAgent", f"('secretary', {EMPTY})", user="bob", door=door)
        m.refused(NOT_MINE, "PauseAgent", f"('secretary', {EMPTY})", user="bob", door=door)
        m.refused(NOT_MINE, "UnregisterAgent", f"('secretary', {EMPTY})", user="bob", door=door)
        m.refused(NOT_MINE, "RegisterAgent", "('parrot', {'uid': <uint32 2001>})", user="bob", door=door)

    _each_door(check)


def test_administration(m):
    """reload, check and import are an administrator's"""

    def check(door):
        m.refused(NOT_MINE, "Reload", "()", user="bob", door=door)
        m.refused(NOT_MINE, "Check", "({'dry-run': <true>},)", user="bob", door=door)
        m.refused(NOT_MINE, "Import", f"(@aa{{sv}} [], {EMPTY})", user="bob", door=door)

    _each_door(check)


def test_root(m):
    """root may, on both doors"""
    number = m.send("secretary", "root looks in", user="bob")

    def check(door):
        assert m.call("GetMessage", f"(uint64 {number}, {EMPTY})", door=door)[0]["message"] == number
        assert m.call("Reload", door=door) == []

    _each_door(check)


def test_group_on_the_bus(m):
    """the rule that comes along lets the group administer on the bus, but not read mail"""
    number = m.send("secretary", "carol holds it", user="bob")
    m.call("Hold", f"(uint64 {number}, {EMPTY})", user="carol", door="bus")
    m.call("Release", f"(uint64 {number}, {EMPTY})", user="carol", door="bus")
    m.call("Reload", user="carol", door="bus")
    m.refused(NOT_MINE, "Receive", f"('secretary', {EMPTY})", user="carol", door="bus")


def test_group_on_the_socket(m):
    """on the private socket polkit is not asked: the answer says to use the bus"""
    m.refused("InteractiveAuthorizationRequired", "Reload", user="carol", door="socket")


def _rule(m, action, user, result):
    path = "/etc/polkit-1/rules.d/10-test.rules"
    if action:
        m.run("mkdir", "-p", "/etc/polkit-1/rules.d")
        m.run("tee", path, stdin=(
            "polkit.addRule(function (action, subject) {\n"
            f'  if (action.id == "org.waggle.messaging.{action}" && subject.user == "{user}")\n'
            f"    return polkit.Result.{result};\n"
            "});\n"
        ))  # fmt: skip
    else:
        m.run("rm", "-f", path)
    # polkitd sees the change by itself, but when is not known
    m.run("systemctl", "restart", "polkit.service")


def test_rule_allows(m):
    """a rule of the administrator's own can let a user read mail"""
    number = m.send("secretary", "bob may read", user="alice")
    m.refused(NOT_MINE, "GetMessage", f"(uint64 {number}, {EMPTY})", user="bob", door="bus")
    _rule(m, "read-mail", "bob", "YES")
    assert m.call("GetMessage", f"(uint64 {number}, {EMPTY})", user="bob", door="bus")[0]["message"] == number
    assert m.receive("secretary", "'detach': <true>", user="bob", door="bus")
    m.refused(NOT_MINE, "GetMessage", f"(uint64 {number}, {EMPTY})", user="carol", door="bus")


def test_rule_denies(m):
    """and can take away what the group may do"""
    _rule(m, "manage-service", "carol", "NO")
    m.refused(NOT_MINE, "Reload", user="carol", door="bus")
    _rule(m, None, None, None)
    m.call("Reload", user="carol", door="bus")


def test_without_polkit(m):
    """without polkitd an administrator's call is refused, and owners go on"""
    m.run("systemctl", "mask", "--runtime", "--now", "polkit.service")
    m.refused(NOT_MINE + ("PolkitFailed", "Failed"), "Reload", user="carol", door="bus")
    assert m.receive("secretary", "'max': <uint32 10>", user="alice", door="bus")
    m.run("systemctl", "unmask", "--runtime", "polkit.service")


def test_properties_are_read_only(m):
    """what an agent's object shows of others has neither metadata nor mail"""
    path = m.call("RegisterAgent", "('diary', {'metadata': <{'key': 'private'}>})", user="alice")[0]
    shown = m.run("busctl", "introspect", "org.waggle.Messaging1", path, user="bob").stdout
    assert "private" not in shown, shown


def test_still_sandboxed(m):
    """all that was with the shipped sandbox"""
    pid = m.show(SERVICE, "MainPID")
    status = m.out("cat", f"/proc/{pid}/status")
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status and "CapEff:\t0000000000000000" in status, status
    assert m.show(SERVICE, "DropInPaths") == ""


if __name__ == "__main__":
    tap.main(globals())
