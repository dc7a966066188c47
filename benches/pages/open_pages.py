"""What open pages cost while nothing happens: each follows *Now* as the script of the page does."""

import http.client
import os
import threading
import time

# As in live.js.
SLOW, EACH = 10, 12


class OpenPage(threading.Thread):
    def __init__(self, browser, end, told):
        super().__init__(daemon=True)
        self.browser, self.end, self.told = browser, end, told

    def get(self, path):
        connection = http.client.HTTPConnection(self.browser.at, timeout=60)
        connection.request("GET", path, headers={
            "cookie": self.browser.cookie, "connection": "close", "x-live": "1"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def run(self):
        connection = http.client.HTTPConnection(self.browser.at, timeout=60)
        connection.request("GET", "/ui/changes", headers={"cookie": self.browser.cookie})
        answer = connection.getresponse()
        if answer.status == 200:
            self.told.append("told")
            while time.monotonic() < self.end:
                if answer.readline().startswith(b"event: changed"):
                    self.get("/ui/")
            return
        self.told.append("asks")
        known, looks = None, 0
        while time.monotonic() < self.end:
            _, mark = self.get("/ui/mark")
            looks += 1
            if mark != known or looks % EACH == 0:
                self.get("/ui/")
            known = mark
            time.sleep(SLOW)


def seconds_of(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        parts = stat.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def share_of_a_core(browser, process, pages, span):
    """What the process uses of one core while so many pages are open, beyond what it uses without."""
    def used():
        before, begun = seconds_of(process), time.monotonic()
        time.sleep(span)
        return (seconds_of(process) - before) / (time.monotonic() - begun)
    alone = used()
    told = []
    end = time.monotonic() + span + 2 * SLOW
    for number in range(pages):
        OpenPage(browser, end, told).start()
        time.sleep(SLOW / pages)
    # The first load of each page is no part of it.
    time.sleep(SLOW)
    opened = used()
    return opened - alone, alone, told.count("told"), told.count("asks")
