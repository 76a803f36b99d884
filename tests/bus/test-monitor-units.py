"""What is told of units beyond the fixed list: input and output by device, IP accounting that systemd is asked for
outside of scrapes, and the bound of series a unit."""

import os
import time

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

    def ip(self, unit, *numbers):
        """Bytes and packets in and out that the kernel has counted; none: it does not count."""
        path = os.path.join(self.units, unit + ".ip")
        if not numbers:
            os.unlink(path)
            return
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(" ".join(map(str, numbers)))
        os.rename(path + ".new", path)

    def accounted(self, *names):
        """Units that run and have IPAccounting=yes."""
        for name in names:
            self.tree.group("system.slice/" + name, 1)
            self.ip(name, 1000, 2000, 10, 20)
            self.unit(name, "[Service]\nExecStart=/bin/sleep 1000\nIPAccounting=yes\n")

    def gets(self):
        return self.mock("Gets")[0]

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


def test_ip_accounting():
    """Absent where it is off; counts on over restarts of the unit and of the monitor."""
    with World("IPAccountingSec=100ms", watch=True) as d:
        d.accounted("shop.service")
        d.tree.group("system.slice/other.service", 1)
        d.ip("other.service", 1, 2, 3, 4)
        d.unit("other.service")
        d.start()
        d.until(RECEIVED, 1000, type="service")
        equal([d.told(f"waggle_unit_ip_{what}_total") for what in
               ("sent_bytes", "received_packets", "sent_packets")], [2000, 10, 20])
        equal(d.told(RECEIVED, unit="other.service"), None, "one without accounting")
        d.ip("shop.service", 1500, 2500, 15, 25)
        d.until(RECEIVED, 1500)
        d.ip("shop.service")
        d.until(RECEIVED, None)
        d.ip("shop.service", 1700, 2700, 17, 27)
        d.until(RECEIVED, 1700)
        d.systemd("StopUnit", "(ss)", "shop.service", "replace")
        d.until(RECEIVED, None)
        d.ip("shop.service", 30, 30, 3, 3)
        d.systemd("StartUnit", "(ss)", "shop.service", "replace")
        d.until(RECEIVED, 1730)
        d.restart()
        d.until(RECEIVED, 1730)
        check(not any("other" in one for one in d.gets()), "who has it off is not asked about")


def test_no_call_a_scrape():
    """One round of questions an interval, whoever scrapes; with 0 none at all."""
    with World("IPAccountingSec=1h", watch=True) as d:
        d.accounted("shop.service")
        d.start()
        d.until(RECEIVED, 1000)
        asked = [f"shop_2eservice IP{what}" for what in
                 ("IngressBytes", "EgressBytes", "IngressPackets", "EgressPackets")]
        equal(d.gets(), asked)
        for _ in range(20):
            scrape(d.socket)
        equal(d.gets(), asked, "after 20 scrapes")
        d.settings("IPAccountingSec=0")
        d.caller().call("Reload")
        d.until(RECEIVED, None)
        equal(d.gets(), asked, "with 0")


def test_calls_are_bounded():
    """However many units and however short the interval: 50 calls a second, each unit in its turn."""
    units = [f"u{i}.service" for i in range(8)]
    with World("IPAccountingSec=1ms", watch=True) as d:
        d.accounted(*units)
        begin = time.monotonic()
        d.start()
        for unit in units:
            d.until(RECEIVED, 1000, unit=unit)
        wait_for(lambda: len(d.gets()) > 80, "rounds")
        n = len(d.gets())
        check(n / (time.monotonic() - begin) <= 50, f"{n} calls in {time.monotonic() - begin:.2f} s")
        check(len({one.split()[0] for one in d.gets()[-32:]}) >= 7, "each in its turn")


if __name__ == "__main__":
    main(globals())
