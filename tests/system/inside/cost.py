#!/usr/bin/python3
"""cost NAME=WHERE,GROUP,SCRAPES...: what scrapes cost the machine.

WHERE as in scrape.py; GROUP: the control group of who answers. Prints as JSON, for each name, the seconds of
processor that GROUP, the message bus and process 1 took together for one scrape, less what they take when nobody
asks, and the number of values. What was read last is left in /run/scraped-NAME.
"""

import json
import pathlib
import sys
import time

from scrape import scrape

ROOT = pathlib.Path("/sys/fs/cgroup")
ALL = ["init.scope", "system.slice/dbus.service"]
PAUSE = 1.5  # longer than a value is fresh
REST = 10  # as long as the longest period of those that answer


def used(group):
    text = (ROOT / group / "cpu.stat").read_text()
    return int(text.split("usage_usec ")[1].split()[0]) / 1e6


class Spent:
    def __init__(self, group):
        self.groups = [*ALL, group]
        self.begin, self.before = time.monotonic(), sum(map(used, self.groups))

    def now(self):
        """Seconds of processor, seconds that passed."""
        return sum(map(used, self.groups)) - self.before, time.monotonic() - self.begin


def main():
    answer = {}
    for word in sys.argv[1:]:
        name, where, group, scrapes = word.replace("=", ",").split(",")
        if int(scrapes) > 1:
            scrape(where, 400)  # the first one opens and allocates
        rest = Spent(group)
        time.sleep(REST)
        used_at_rest, passed = rest.now()
        share, text, spent = used_at_rest / passed, "", Spent(group)
        for _ in range(int(scrapes)):
            time.sleep(PAUSE)
            text = scrape(where, 400)
        gross, passed = spent.now()
        pathlib.Path(f"/run/scraped-{name}").write_text(text)
        answer[name] = {
            "seconds": (gross - share * passed) / int(scrapes),
            "gross": gross / int(scrapes),
            "passed": passed / int(scrapes),
            "values": sum(1 for line in text.splitlines() if not line.startswith("#")),
        }
    print(json.dumps(answer))


main()
