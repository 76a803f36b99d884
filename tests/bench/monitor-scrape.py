"""What a scrape costs on a tree of 1,000 units made of files: p50 of 25 scrapes, each with a fresh
collection, where all units have used processor time since the last one (so that nearly all files are
read, and told as fractions of a second), and where all rest. Fails above 30 ms at p50 in the first
case, of wall time: the benchmark is for a machine that does nothing else. The shortest of three
series counts, so that one that was disturbed does not; CPU time is printed beside it."""

import os
import resource
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bus"))

from monitord import Monitord, wait_for  # noqa: E402
from scrape import Tree, fetch, parse, value  # noqa: E402

UNITS, SERIES, ROUNDS, LIMIT_MS = 1000, 3, 25, 30


def cpu(pid):
    """Of all its threads, in ms, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e6


class World(Monitord):
    def __init__(self):
        super().__init__(start=False, manager=False)
        # in memory, as the kernel's are
        self.memory = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else self.directory)
        self.tree = Tree(os.path.join(self.memory.name, "cgroup"))
        self.turn = 0
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # 15 files a unit are kept open
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for i in range(UNITS):
            self.tree.group(f"system.slice/unit{i:04}.service", i + 1)
        self.files = [[os.open(f"{self.tree.path}/system.slice/unit{i:04}.service/{name}", os.O_WRONLY)
                       for name in ("cpu.stat", "cpu.pressure")] for i in range(UNITS)]
        self.socket = os.path.join(self.directory, "metrics")
        self.configure("[Units]\nWatch=no\n[Metrics]\nIntervalSec=1h\nFreshSec=0\n"
                       f"ControlGroups={self.tree.path}\n[Http]\nListen={self.socket}\n")

    def clean_up(self):
        self.memory.cleanup()
        super().clean_up()

    def work(self):
        """All units use processor time and wait a little; numbers grow, so what is written covers what was there."""
        self.turn += 1
        for i, (stat, pressure) in enumerate(self.files):
            used = (i + 1) * 3000000 + self.turn * 10007
            os.pwrite(stat, b"usage_usec %d\nuser_usec %d\nsystem_usec %d\nnr_periods %d\nnr_throttled 0\nthrottled_usec %d\n"
                      % (used, used * 2 // 3, used // 3, 1000 + self.turn, self.turn), 0)
            os.pwrite(pressure, b"some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n"
                      b"full avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n" % (used // 7, used // 9), 0)


def series(d, busy):
    """p50 of wall time and of CPU time in ms; files and values of a scrape."""
    before, walls, cpus = parse(fetch(d.socket)[2]), [], []
    for _ in range(ROUNDS):
        if busy:
            d.work()
        begin, used = time.monotonic(), cpu(d.process.pid)
        text = fetch(d.socket)[2]
        walls.append((time.monotonic() - begin) * 1000)
        cpus.append(cpu(d.process.pid) - used)
    after = parse(text)

    def per_scrape(name):
        return (value(after, name) - value(before, name)) / ROUNDS

    return (statistics.median(walls), statistics.median(cpus), per_scrape("waggle_monitor_files_read_total"),
            per_scrape("waggle_monitor_values_read_total"), len(text))


def main():
    with World() as d:
        d.start()
        wait_for(lambda: value(parse(fetch(d.socket)[2]), "waggle_unit_tasks",
                               unit="unit0999.service"), "all units")
        best = {}
        for what, busy in (("all work", True), ("all rest", False)):
            wall, used, files, values, size = best[what] = min(series(d, busy) for _ in range(SERIES))
            with open(f"/proc/{d.process.pid}/status", encoding="ascii") as f:
                memory = next(line.split()[1] for line in f if line.startswith("VmRSS"))
            print(f"1 scrape of {UNITS} units, {what}: {wall:.1f} ms (p50), CPU {used:.1f} ms (p50), {files:.0f} files, "
                  f"{values:.0f} values, {size / 1e6:.1f} MB, {int(memory) / 1024:.1f} MiB resident")
        return 0 if best["all work"][0] <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
