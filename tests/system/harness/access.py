"""access: who may call what of a service, asked of the real polkitd for a second uid.

bob is the second uid; what he may comes from rules that the tests write, and from nothing else.
"""

import contextlib
import json

from harness.host import CallError

USER = "bob"
UID = 2002
NOT_MINE = ("NotAuthorized", "InteractiveAuthorizationRequired", "AccessDenied")
ASK_THE_BUS = ("InteractiveAuthorizationRequired",)
RULES = "/etc/polkit-1/rules.d/10-test.rules"


class Access:
    """The calls of a service by their actions.

    `calls`: the last word of an action -> [(method, arguments, more)], where `more` may have interface, path and
    file. What the arguments name should not be there, so that a call which is let through changes nothing."""

    def __init__(self, name, prefix, calls):
        self.name = name
        self.prefix = prefix
        self.calls = calls

    def interface(self, call):
        return call[2].get("interface", self.name)

    def methods(self):
        """(interface, method) of all calls."""
        return {(self.interface(c), c[0]) for calls in self.calls.values() for c in calls}

    def call(self, m, call, **options):
        method, arguments, more = call
        return m.call(method, arguments, **{"interface": self.name, "user": USER, **more, **options})

    def is_refused(self, m, call, names=NOT_MINE, **options):
        """False: it was let through, whatever came of it then."""
        try:
            self.call(m, call, **options)
        except CallError as error:
            return error.name.rsplit(".", 1)[1] in names
        return False

    def refusals(self, m, door, names=NOT_MINE):
        """(action, interface, method) of all calls -> whether bob was refused it, over one connection."""
        walk = [(action, call) for action, calls in self.calls.items() for call in calls]
        rows = [[self.interface(c), c[0], c[1], c[2].get("path"), c[2].get("file")] for _a, c in walk]
        answers = m.call_all(rows, door=door, user=USER)
        return {(a, self.interface(c), c[0]): e in names for (a, c), e in zip(walk, answers, strict=True)}

    def allow(self, m, *actions):
        """bob may these, and nothing else."""
        listed = json.dumps([f"{self.prefix}.{a}" for a in actions])
        rule = f'if (subject.user == "{USER}" && {listed}.indexOf(action.id) >= 0) return polkit.Result.YES;'
        m.run("mkdir", "-p", RULES.rsplit("/", 1)[0])
        m.run("tee", RULES, stdin=f"polkit.addRule(function (action, subject) {{ {rule} }});\n")
        # polkitd sees the change by itself, but when is not known
        m.run("systemctl", "reset-failed", "polkit.service")  # of being started that often
        m.run("systemctl", "restart", "polkit.service")

    def all_refused(self, m):
        """Without a rule: on the bus, and on the socket with the word that the bus is to be asked."""
        for door, names in (("bus", NOT_MINE), ("socket", ASK_THE_BUS)):
            refusals = self.refusals(m, door, names)
            assert all(refusals.values()), (door, refusals)

    def each_opens_its_own(self, m):
        """A rule for one action opens its calls on the bus, no others, and nothing on the socket."""
        for action in self.calls:
            self.allow(m, action)
            wrong = {c for c, is_refused in self.refusals(m, "bus").items() if is_refused != (c[0] != action)}
            assert not wrong, (action, wrong)
            assert all(self.refusals(m, "socket").values()), action

    @contextlib.contextmanager
    def without_polkit(self, m):
        """polkitd is not there, and each action is refused although there is a rule for it."""
        self.allow(m, *self.calls)
        m.run("systemctl", "mask", "--runtime", "--now", "polkit.service")
        try:
            for calls in self.calls.values():
                assert self.is_refused(m, calls[0], names=(*NOT_MINE, "PolkitFailed", "Failed"), door="bus"), calls[0]
            yield
        finally:
            m.run("systemctl", "unmask", "--runtime", "polkit.service")
