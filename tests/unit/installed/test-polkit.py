#!/usr/bin/python3
"""Every action the code asks polkit about is in the policy, and the other way round."""

import pathlib
import re
import sys
import xml.etree.ElementTree

import checks

TOP = pathlib.Path(sys.argv[1])
# actions that no rule may give to a group: another's mail; programs of anybody's choice as root
NEVER = {"messaging": "org.waggle.messaging.read-mail", "deployment": "org.waggle.deployment.deploy"}
# actions of a service that a rule of another one's file gives, to that service's own user alone
GIVEN = {"monitoring": "org.waggle.deployment.inspect"}
# whom polkitd has to answer; a service of root is always answered
OWNERS = {"messaging": "unix-user:@messaged_user@", "deployment": None, "monitoring": "unix-user:@monitord_user@"}
RULES = (TOP / "polkit/org.waggle.messaging.rules.in").read_text(encoding="utf-8")


class Service:
    def __init__(self, word):
        self.word = word
        self.pattern = rf'"(org\.waggle\.{word}\.[a-z-]+)"'
        policy = xml.etree.ElementTree.parse(TOP / f"polkit/org.waggle.{word}.policy.in").getroot()
        self.actions = {action.get("id"): action for action in policy.iter("action")}
        self.rules = (TOP / f"polkit/org.waggle.{word}.rules.in").read_text(encoding="utf-8")

    def sources(self, suffix):
        return "".join(p.read_text(encoding="utf-8") for p in (TOP / "src" / self.word).glob("*" + suffix))

    def same_actions(self):
        asked = set(re.findall(self.pattern, self.sources(".[ch]")))
        assert asked and asked == set(self.actions), asked ^ set(self.actions)

    def each_is_asked(self):
        macros = dict(re.findall(r"#define ((?:MSG|DPL|MON)_ACTION_\w+) " + self.pattern, self.sources(".[ch]")))
        code = self.sources(".c")
        unused = [action for macro, action in macros.items() if macro not in code]
        assert macros and not unused, f"no method asks for {unused}"

    def owned(self):
        for name, action in self.actions.items():
            owner = action.findtext("annotate[@key='org.freedesktop.policykit.owner']")
            assert owner == OWNERS[self.word], f"{name}: polkitd would not answer the service"

    def an_administrators(self):
        for name, action in self.actions.items():
            defaults = {d.tag: d.text for d in action.find("defaults")}
            assert defaults == {
                "allow_any": "auth_admin",
                "allow_inactive": "auth_admin",
                "allow_active": "auth_admin_keep",
            }, f"{name}: {defaults}"

    def rules_know_the_actions(self):
        named = set(re.findall(self.pattern, self.rules))
        assert named and named <= set(self.actions), named - set(self.actions)
        never = NEVER.get(self.word)
        assert never is None or (never in self.actions and never not in named), "a group could do it"

    def all(self):
        return {
            f"{self.word}: code and policy have the same actions": self.same_actions,
            f"{self.word}: each action is asked for": self.each_is_asked,
            f"{self.word}: each action names the service's user as its owner": self.owned,
            f"{self.word}: each action is an administrator's": self.an_administrators,
            f"{self.word}: the rules give actions that exist, never the worst": self.rules_know_the_actions,
        }


def looks_at_deployments_only():
    rules = (TOP / "polkit/org.waggle.monitoring.rules.in").read_text(encoding="utf-8")
    others = set(re.findall(r'"(org\.waggle\.[a-z]+\.[a-z-]+)"', rules))
    others = {action for action in others if not action.startswith("org.waggle.monitoring.")}
    assert others == {GIVEN["monitoring"]}, others
    rule = rules.split("polkit.addRule(")[2]
    assert 'subject.user == "@monitord_user@"' in rule and "||" not in rule and "isInGroup" not in rule


def wakes_couriers_only():
    rule = RULES.split("polkit.addRule(")[2]
    units = re.compile(re.search(r"/(\^.*\$)/\.test\(action\.lookup\(\"unit\"\)\)", rule).group(1))
    assert units.fullmatch("waggle-courier@1000.service")
    for other in ("waggle-courier@.service", "waggle-courier@bob.service", "sshd.service", "waggle-courier.service",
                  "waggle-courier@1000.service.d", "x-waggle-courier@1000.service", "waggle-courier@1000xservice",
                  "waggle-courier@-1.service", "waggle-courier@1000.socket"):
        assert not units.search(other), other
    for condition in ('action.id == "org.freedesktop.systemd1.manage-units"', 'subject.user == "@messaged_user@"',
                      'action.lookup("verb") == "start"'):
        assert condition + " &&" in rule, condition
    assert "||" not in rule and rule.count("polkit.Result") == 1
    code = (TOP / "src/messaging/daemon-wake.c").read_text(encoding="utf-8")
    made = re.search(r'#define UNIT_FORMAT "([^"]+)"', code).group(1).replace("%u", "1000")
    assert units.fullmatch(made), f"{made} is not what the rule lets be started"


checks.run(
    {
        **Service("messaging").all(),
        **Service("deployment").all(),
        **Service("monitoring").all(),
        "monitoring may look at deployments, and nothing else of them": looks_at_deployments_only,
        "the service may start couriers' units, and nothing else": wakes_couriers_only,
    }
)
