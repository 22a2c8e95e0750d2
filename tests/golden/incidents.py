"""Runs the commands in the README of each incident, and compares what it claims with what came.

usage: incidents.py VETHSIM TOP FOLDER      FOLDER: an empty one, for results

Tables: the columns of variants, or the rows, are the README's commands in their order.  Each
cell with a figure must have been looked for.  Sentences: a pattern, with a group for each figure.
A figure is right if what came rounds to it, in as many digits as it has."""

import csv
import json
import pathlib
import re
import subprocess
import sys

UNITS = {"us": 1e6, "ms": 1e9, "s": 1e12}
FIGURE = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?: (us|ms|s|%)(?!\w))?")


class Run:
    """What one command gave."""

    def __init__(self, folder):
        self.folder = folder
        self.summary = json.loads((folder / "summary.json").read_text())

    def count(self, entity, name):
        for client in self.summary["clients"]:
            if client["id"] == entity:
                return (client["counters"] | client["failures"])[name]
        return next(row["count"] for row in self.summary["counters"]
                    if (row["entity"], row["name"]) == (entity, name))

    def latency(self, entity, which, name="latency"):
        rows = [(c["id"], "latency", c["latency"]) for c in self.summary["clients"]]
        rows += [(h["entity"], h["name"], h["of"]) for h in self.summary["histograms"]]
        return next(of for id, metric, of in rows
                    if (id, metric) == (entity, name))[which + "_ps"]

    def stage(self, place, what):
        """Mean for a request, ps."""
        return sum(row["mean_ps"] for row in self.summary["clients"][0]["stages"]["rows"]
                   if (row["place"], row["what"]) == (place, what))

    def number(self, entity, which):
        """In the first queue of the entity."""
        return next(q for q in self.summary["queues"] if q["entity"] == entity)[which]

    def total(self, name):
        """Of a counter, of all that have one."""
        return sum(row["count"] for row in self.summary["counters"] if row["name"] == name)

    def requests(self, prefix):
        """Of each pod whose name begins so, in order."""
        return [row["count"] for row in self.summary["counters"]
                if row["name"] == "requests" and row["entity"].startswith(prefix)]

    def at(self, entity, name, time_s):
        """A counter at the sample of that time."""
        with open(self.folder / "samples.csv", newline="") as file:
            return max((int(row["value"]) for row in csv.DictReader(file)
                        if (row["entity"], row["metric"]) == (entity, name)
                        and int(row["time_ps"]) <= time_s * 10**12), default=0)


def count(entity, name, per=None):
    return lambda run: [run.count(entity, name) / (run.count(entity, per) if per else 1)]


def latency(entity, *which, name="latency"):
    return lambda run: [run.latency(entity, one, name) for one in which]


def spread(prefix):
    return lambda run: [min(run.requests(prefix)), max(run.requests(prefix))]


def answered(start_s, end_s):
    """The words "all" and "none": of requests of the client users."""
    def ask(run):
        begun, done = (run.at("users", name, end_s) - run.at("users", name, start_s)
                       for name in ("requests", "completed"))
        return ["all" if done > 0.99 * begun else "none" if done == 0 else f"{done} of {begun}"]
    return ask


TABLES = {
    "cfs-throttle": {
        "p50": latency("users", "p50"),
        "p99": latency("users", "p99"),
        "CPU time used, of the limit of 500m":
            lambda run: [run.count("report/web", "cpu-time") / 300e12],
        "time throttled": lambda run: [run.count("report/web", "throttled-time")],
    },
    "dns-5s-race": {
        "lost packets": count("node-1", "conntrack-drop"),
        "`dns-timeouts`": count("calls", "dns-timeouts"),
        "`dns`, median": latency("calls", "p50", name="latency-dns"),
        "its worst": latency("calls", "max", name="latency-dns"),
    },
    "grpc-skew": {
        "requests of the four pods": spread("shop-"),
        "requests of each new pod": spread("new-"),
        "`connects`": count("calls", "connects"),
    },
    "lb-ip-change": {
        f"`{id}`": count(id, "error-timeout") for id in ("glibc", "browser", "jvm", "jvm-forever")
    },
    "ndots": {
        "questions for a request": count("calls", "lookups", "requests"),
        'of them "no such name"': count("calls", "no-such-name", "requests"),
        "`dns`, median": latency("calls", "p50", name="latency-dns"),
    },
    "oom-kill": {
        "`completed` of `users`, of 22,630": count("users", "completed"),
        "`error-refused`": count("users", "error-refused"),
        "`error-reset`: they were in a pod that was killed": count("users", "error-reset"),
        "`error-503`": count("users", "error-503"),
        "`oom-kills` of all pods": lambda run: [run.total("oom-kills")],
    },
    "prestop-drain": {
        "`error-refused` of `users`": count("users", "error-refused"),
        "`error-reset`": count("users", "error-reset"),
        "max of `network-programming-latency` of `node-1`":
            latency("node-1", "max", name="network-programming-latency"),
    },
    "retry-storm": {
        "answered, 1 s to 10 s": answered(1, 10),
        "answered, 25 s to 40 s": answered(25, 40),
        "tries, `requests` of `shop/web`": count("shop/web", "requests"),
        "the longest queue of `shop/web`": lambda run: [run.number("shop/web", "max")],
    },
    "syn-backlog": {
        "p50, p90 and max of `burst`": latency("burst", "p50", "p90", "max"),
        "max of `latency-connect` of `burst`": latency("burst", "max", name="latency-connect"),
        "`listen-overflows` of `shop/web` (`nstat -az TcpExtListenOverflows`)":
            count("shop/web", "listen-overflows"),
    },
    "time-wait-ports": {
        "`completed` of `proxy`": count("proxy", "completed"),
        "`error-no-port`": count("proxy", "error-no-port"),
        "`connections` of `shop/web`": count("shop/web", "connections"),
    },
    "websocket-idle": {
        "`closed-cut` of `users`": count("users", "closed-cut"),
        "`websockets-opened` of `users`": count("users", "websockets-opened"),
        "p99 of messages": latency("users", "p99"),
        "`pushes` that users got": count("users", "pushes"),
        "`pings` of `users`": count("users", "pings"),
    },
}

# (command, pattern, what its groups are)
SENTENCES = {
    "cfs-throttle": [
        (1, r"percentile is (\d+ ms)", latency("users", "p99")),
        (2, r"the work takes (\d+ ms)", latency("users", "p99")),
        (1, r"(\S+ ms) of `queueing` for each",
         lambda run: [run.stage("container report/web", "throttled")]),
    ],
    "dns-5s-race": [
        (3, r"of (\S+) questions (\d+) go further",
         lambda run: [run.count("calls", "lookups"),
                      run.count("node-1/nodelocaldns:1", "cluster-asked")]),
    ],
    "oom-kill": [
        (1, r"of `users`, of (\S+)", count("users", "requests")),
    ],
    "syn-backlog": [
        (2, r"here (\d+) requests come", count("burst", "requests")),
    ],
}


def is_right(figure, unit, value):
    decimals = len(figure.partition(".")[2])
    if unit == "%":
        value *= 100
    elif unit:
        value /= UNITS[unit]
    return abs(value - float(figure.replace(",", ""))) <= 0.5000001 * 10 ** -decimals


def compare(text, values):
    """What is wrong, or None: the figures of a text, or its word."""
    if isinstance(values[0], str):
        return None if text == values[0] else f'"{text}" is {values[0]}'
    found = FIGURE.findall(text)
    if len(found) == 1 and len(set(values)) == 1:
        values = values[:1]
    if len(found) != len(values):
        return f'"{text}" has {len(found)} figures, not {len(values)}: {values}'
    wrong = [value for (figure, unit), value in zip(found, values)
             if not is_right(figure, unit, value)]
    return f'"{text}" is wrong: {values}' if wrong else None


def read_table(readme):
    """The cells of its table, rows of columns."""
    rows = [line.strip("|").split("|") for line in readme.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set(row[0].strip()) == {"-"}]


def check_table(table, expected, runs):
    """Problems: cells whose figures are not what came, and such as nobody looked for."""
    if set(expected) <= set(table[0]):
        table = [list(column) for column in zip(*table)]
    problems = []
    for label, *cells in table[1:]:
        if label not in expected:
            if any(map(FIGURE.search, cells)):
                problems.append(f'nobody has looked for "{label}"')
            continue
        if len(cells) > len(runs):
            problems.append(f"{label}: there are {len(runs)} commands for {len(cells)} figures")
        for run, cell in zip(runs, cells):
            problem = compare(cell, expected[label](run))
            problems += [f"{label}: {problem}"] if problem else []
    missing = set(expected) - {row[0] for row in table}
    return problems + [f'there is no "{label}"' for label in missing]


def check_sentences(readme, expected, runs):
    text = " ".join(readme.split())
    problems = []
    for number, pattern, ask in expected:
        found = re.search(pattern, text)
        values = ask(runs[number - 1])
        if not found:
            problems.append(f'nothing says "{pattern}"')
            continue
        for group, value in zip(found.groups(), values):
            problem = compare(group, [value])
            problems += [f"{pattern}: {problem}"] if problem else []
    return problems


def run_commands(vethsim, top, readme, folder):
    commands = re.findall(r"^    vethsim run (\S.*)$", readme, flags=re.M)
    runs = []
    for number, command in enumerate(commands, start=1):
        to = folder / str(number)
        subprocess.run([vethsim, "run", *command.split(), "--no-plots", "-o", to], cwd=top,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs.append(Run(to))
    return runs


def main():
    vethsim, top, folder = sys.argv[1:]
    is_good = True
    for path in sorted(pathlib.Path(top).glob("scenarios/incidents/*/README.md")):
        name = path.parent.name
        readme = path.read_text()
        runs = run_commands(vethsim, top, readme, pathlib.Path(folder) / name)
        problems = check_table(read_table(readme), TABLES.get(name, {}), runs)
        problems += check_sentences(readme, SENTENCES.get(name, []), runs)
        print("not ok" if problems else "ok", f"- {name} shows the figures that its README has")
        for problem in problems:
            print("#", problem)
        is_good = is_good and not problems
    sys.exit(not is_good)


main()
