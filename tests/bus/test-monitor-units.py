"""What is told of units beyond the fixed list: input and output by device, IP accounting that systemd is asked for
outside of scrapes, and the bound of series a unit."""

import os

from harness import main
from monitord import Monitord, check, equal, wait_for
from scrape import Tree, scrape, value

FAST = "[Metrics]\nIntervalSec=200ms\nFreshSec=0\n"
READ, SUM = "waggle_unit_device_read_bytes_total", "waggle_unit_io_read_bytes_total"
RECEIVED, DROPPED = "waggle_unit_ip_received_bytes_total", "waggle_unit_series_dropped"
SHOP = "system.slice/shop.service"
DISKS = "8 0 sda 1 0 8 5 2 0 16 9 0 12 14\n 8 16 sdb 1 0 8 5 2 0 16 9 0 12 14\n 7 0 loop0 1 0 8 5 2 0 16 9 0 12 14\n"


def io(*rows):
    """io.stat of (number, bytes read)."""
    return "".join(f"{number} rbytes={read} wbytes={read * 2} rios=1 wios=2 dbytes=0 dios=0\n" for number, read in rows)


class World(Monitord):
    def __init__(self, metrics="", watch=False, **given):
        super().__init__(start=False, manager=watch, **given)
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.proc = Tree(os.path.join(self.directory, "proc"))
        self.proc.write("diskstats", DISKS)
        self.socket = os.path.join(self.directory, "metrics")
        self.watch = watch
        self.settings(metrics)

    def settings(self, metrics):
        self.configure(f"[Units]\nWatch={'yes' if self.watch else 'no'}\n{FAST}Proc={self.proc.path}\n"
                       f"ControlGroups={self.tree.path}\n{metrics}\n[Http]\nListen={self.socket}\n")

    def told(self, name, **labels):
        return value(scrape(self.socket), name, **{"unit": "shop.service", **labels})

    def until(self, name, want, **labels):
        wait_for(lambda: self.told(name, **labels) == want, f"{name} {labels} {want}")


def test_devices():
    """By the kernel's names; a device of files is in the sums only, and one without a name has its number."""
    with World() as d:
        d.tree.group(SHOP, 1, io_stat=io(("8:0", 100), ("8:16", 7), ("7:0", 1000), ("253:4", 3)))
        d.start()
        d.until(READ, 100, device="sda")
        equal((d.told(READ, device="sdb"), d.told(READ, device="253:4")), (7, 3))
        equal(d.told("waggle_unit_device_written_bytes_total", device="sda"), 200)
        equal(d.told("waggle_unit_device_reads_total", device="sda"), 1)
        equal(d.told("waggle_unit_device_writes_total", device="sdb", type="service"), 2)
        equal(d.told(SUM), 1110)
        equal(len(scrape(d.socket)[READ]), 3, "a device of files is none")


def test_devices_count_on():
    """Over a restart of the unit, of the monitor and of both, as all counters."""
    with World() as d:
        d.tree.group(SHOP, 1, io_stat=io(("8:0", 100)))
        d.start()
        d.until(READ, 100, device="sda")
        d.tree.remove(SHOP)
        d.until(READ, None, device="sda")
        d.tree.group(SHOP, 1, io_stat=io(("8:0", 5), ("8:16", 1)))
        d.until(READ, 105, device="sda")
        d.until(READ, 1, device="sdb")
        d.restart()
        d.until(READ, 105, device="sda")
        d.stop()
        d.tree.remove(SHOP)
        d.tree.group(SHOP, 1, io_stat=io(("8:0", 2)))
        d.start()
        d.until(READ, 107, device="sda")
        equal(d.told(READ, device="sdb"), None, "it has not touched that one since")


def test_no_devices():
    with World("Devices=no") as d:
        d.tree.group(SHOP, 1, io_stat=io(("8:0", 100)))
        d.start()
        d.until(SUM, 100)
        equal(d.told(READ, device="sda"), None)
        d.settings("Devices=yes")
        d.caller().call("Reload")
        d.until(READ, 100, device="sda")
        d.settings("Devices=no")
        d.caller().call("Reload")
        d.until(READ, None, device="sda")


def test_bound():
    """The fixed series come first; who has too many is told once, and how many they are at each scrape."""
    with World("SeriesPerUnit=40") as d:
        d.tree.group(SHOP, 1, io_stat=io(*((f"8:{i}", i + 1) for i in range(20))))
        d.tree.group("system.slice/small.service", 1)
        d.start()
        d.until(SUM, 210)
        s = scrape(d.socket)

        def n(unit):
            return sum(1 for name in s if name.startswith("waggle_unit_") and name != DROPPED
                       for labels in s[name] if ("unit", unit) in labels)
        equal(n("shop.service"), 40)
        dropped = value(s, DROPPED, unit="shop.service", type="service")
        fixed = n("small.service") - 4
        equal(fixed + 80 - 40, dropped)
        equal(value(s, DROPPED, unit="small.service"), None)
        check(d.told("waggle_unit_tasks") is not None, "the fixed ones are there")
        d.wait_log("shop.service has more series than SeriesPerUnit=40")
        d.settings("SeriesPerUnit=200")
        d.caller().call("Reload")
        d.until(DROPPED, None)
        equal(d.told(READ, device="8:19"), 20)
        with open(d.log_path, encoding="utf-8") as log:
            equal(log.read().count("SeriesPerUnit="), 1, "lines in the log")


if __name__ == "__main__":
    main(globals())
