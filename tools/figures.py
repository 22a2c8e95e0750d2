#!/usr/bin/env python3
"""Draws the figures of scenarios: for each folder with a figure.txt, figure.dat and figure.svg.

usage: figures.py VETHSIM [--check] FOLDER...

figure.txt says what figure.dat holds, a line of it each:

    run NAME FILE [OPTION...]          runs "vethsim run FILE OPTION..."; its results are NAME's
    LINE: KIND NAME ENTITY METRIC...   a line of points, called LINE, from NAME's results

of samples.csv, where several METRICs, or an ENTITY with "*", are added up:

    rate N        what was counted in a second, for each of N parts of the run: "time [s], 1/s"
    mean N        the mean of a histogram in each of N parts: "time [s], ms"; no point where
                  nothing was
    level         the value as it was at each sample: "time [s], value"
    busy N        share of time spent, for each of N parts: "time [s], time a time"
    per DIVISOR   its value at the end, for each of the metric DIVISOR: one point, "0, value"

and of histograms.csv:

    percentiles   "1/(1-p), ms": what the share p of all values does not exceed
    cdf           "ms, %"

figure.gp draws figure.dat with gnuplot: `index 'LINE'` is a line's points.  A run is
deterministic, and so is figure.dat; figure.svg says at its end of which data and script it is.
With --check nothing is written: what would change is told, and the exit status is 1.  (Another
version of gnuplot may draw otherwise; then only that end of figure.svg is compared.)
"""

import csv
import fnmatch
import hashlib
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

STYLE = pathlib.Path(__file__).parent / "figures.gp"
PS_A_MS = 10**9
PS_A_S = 10**12
# Percentiles that are drawn: one a hundredth of a decade of 1/(1-p).
STEPS_A_DECADE = 60


class Bad(Exception):
    """What is wrong with a figure.txt."""


class Results:
    """A folder of results."""

    def __init__(self, folder):
        self.folder = folder
        self.series = {}
        self.times = []
        with open(folder / "samples.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = (row["entity"], row["metric"])
                self.series.setdefault(key, {})[int(row["time_ps"])] = int(row["value"])
        self.times = sorted(self.series[("(run)", "events")])
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        self.entities = {client["id"] for client in summary["clients"]}
        self.entities |= {row["entity"] for row in summary["counters"] + summary["queues"]}

    def find(self, entity, metrics):
        """The series of what is asked for; one that never began has no row."""
        entities = fnmatch.filter(self.entities, entity)
        if not entities:
            raise Bad(f"there is no entity {entity} in {self.folder.name}")
        return [self.series.get((of, metric), {}) for of in sorted(entities) for metric in metrics]

    def sampled(self, entity, metrics):
        """(time, value) of all samples, of the sum; a series is 0 before its first row."""
        found = self.find(entity, metrics)
        return [(0, 0)] + [(t, sum(series.get(t, 0) for series in found)) for t in self.times]

    def parts(self, entity, metrics, n_parts):
        """(start, end, value at the start, at the end) of so many equal parts."""
        points = self.sampled(entity, metrics)
        n_samples = len(points) - 1
        if n_samples % n_parts:
            raise Bad(f"{n_samples} samples do not make {n_parts} equal parts")
        edges = points[::n_samples // n_parts]
        return [(a[0], b[0], a[1], b[1]) for a, b in zip(edges, edges[1:])]

    def histogram(self, entity, metric):
        """(value, how many up to it) of each range that has any, by its upper end."""
        rows, total = [], 0
        with open(self.folder / "histograms.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["entity"] == entity and row["metric"] == metric:
                    total += int(row["count"])
                    rows.append((int(row["value_to"]), total))
        if not rows:
            raise Bad(f"{entity} has no {metric} in {self.folder.name}")
        return rows


def rate(results, entity, metrics, n_parts):
    return [((a + b) / 2 / PS_A_S, (y - x) / ((b - a) / PS_A_S))
            for a, b, x, y in results.parts(entity, metrics, int(n_parts))]


def busy(results, entity, metrics, n_parts):
    return [((a + b) / 2 / PS_A_S, (y - x) / (b - a))
            for a, b, x, y in results.parts(entity, metrics, int(n_parts))]


def mean(results, entity, metrics, n_parts):
    (metric,) = metrics
    sums = results.parts(entity, [metric + "-sum"], int(n_parts))
    counts = results.parts(entity, [metric + "-count"], int(n_parts))
    return [((a + b) / 2 / PS_A_S, (y - x) / (m - n) / PS_A_MS)
            for (a, b, x, y), (_, _, n, m) in zip(sums, counts) if m > n]


def level(results, entity, metrics):
    return [(t / PS_A_S, value) for t, value in results.sampled(entity, metrics)]


def per(results, entity, metrics, divisor):
    ends = [results.sampled(entity, what)[-1][1] for what in (metrics, [divisor])]
    return [(0, ends[0] / ends[1])]


def quantile(rows, share):
    """The least value that the share of all does not exceed."""
    return next(value for value, below in rows if below >= share * rows[-1][1])


def percentiles(results, entity, metrics):
    (metric,) = metrics
    rows = results.histogram(entity, metric)
    points, step = [], 0
    while (over := 10 ** (step / STEPS_A_DECADE)) < rows[-1][1]:
        points.append((over, quantile(rows, 1 - 1 / over) / PS_A_MS))
        step += 1
    return points + [(rows[-1][1], rows[-1][0] / PS_A_MS)]


def cdf(results, entity, metrics):
    (metric,) = metrics
    rows = results.histogram(entity, metric)
    return [(quantile(rows, part / 200) / PS_A_MS, part / 2) for part in range(201)]


# With a number of parts, or a divisor, as the first word behind; and without.
WITH_WORD = {"rate": rate, "mean": mean, "busy": busy, "per": per}
WITHOUT = {"level": level, "percentiles": percentiles, "cdf": cdf}


def run(vethsim, folder, options, to):
    """Runs a scenario of the folder; its results go to the folder 'to'."""
    done = subprocess.run([vethsim, "run", folder / options[0], *options[1:], "--no-plots", "-o", to],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Bad(done.stderr.strip())
    return Results(to)


def points_of(words, runs):
    """What the words of a line behind its name ask for."""
    kind, *words = words
    if kind not in WITH_WORD and kind not in WITHOUT:
        raise Bad(f"{kind} is no kind of line")
    more = [words.pop(0)] if kind in WITH_WORD else []
    name, entity, *metrics = words
    if name not in runs or not metrics:
        raise Bad(f"a line needs a run's name, an entity and metrics: {name} {entity}")
    return (WITH_WORD | WITHOUT)[kind](runs[name], entity, metrics, *more)


def same_point(a, b):
    return a[1] == b[1]


def thin(points):
    """Without the points in the middle of a level stretch."""
    return [p for i, p in enumerate(points)
            if i in (0, len(points) - 1)
            or not (same_point(points[i - 1], p) and same_point(p, points[i + 1]))]


def make_data(vethsim, folder):
    """The content of the folder's figure.dat."""
    runs, text = {}, ["# Made of figure.txt by tools/figures.py: make figures"]
    with tempfile.TemporaryDirectory() as results:
        for line in (folder / "figure.txt").read_text(encoding="utf-8").splitlines():
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] == "run":
                runs[words[1]] = run(vethsim, folder, words[2:], pathlib.Path(results) / words[1])
                continue
            name, _, rest = line.partition(":")
            points = points_of(shlex.split(rest), runs)
            text += ["", "", f"# {name.strip()}"]
            text += [f"{x:.6g} {y:.6g}" for x, y in thin(points)]
    return "\n".join(text) + "\n"


def mark(folder, data):
    """What figure.svg ends with: of which script, style and data it is."""
    summed = hashlib.sha256()
    for part in (STYLE.read_bytes(), (folder / "figure.gp").read_bytes(), data.encode()):
        summed.update(part)
    return f"<!-- of figure.gp and figure.dat {summed.hexdigest()[:16]} -->\n"


def draw(folder, data):
    """The figure, with figure.dat as it is in the folder."""
    drawn = subprocess.run(["gnuplot", "-d", STYLE.resolve(), "figure.gp"], cwd=folder,
                           capture_output=True, text=True, check=False)
    if drawn.returncode != 0 or drawn.stderr:
        raise Bad(f"gnuplot: {drawn.stderr.strip()}")
    return drawn.stdout + mark(folder, data)


def read(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


def drawn_by(figure):
    """The line that names gnuplot's version, which may draw otherwise than the next."""
    return next((line for line in figure.splitlines() if line.startswith("<desc>")), None)


def is_stale(folder, data, figure):
    if not figure.endswith(mark(folder, data)):
        return True
    if not shutil.which("gnuplot"):
        return False
    again = draw(folder, data)
    return drawn_by(again) == drawn_by(figure) and again != figure


def check(folder, data):
    """Prints what is stale; returns whether anything is."""
    stale = []
    if read(folder / "figure.dat") != data:
        stale.append("figure.dat is not what its runs give")
    elif is_stale(folder, data, read(folder / "figure.svg")):
        stale.append("figure.svg is not what figure.gp draws")
    if "](figure.svg)" not in read(folder / "README.md"):
        stale.append("README.md does not show figure.svg")
    for what in stale:
        print(f"{folder.name}: {what}")
    return bool(stale)


def main():
    arguments = [word for word in sys.argv[1:] if word != "--check"]
    if len(arguments) < 2:
        sys.exit(__doc__.split("\n\n")[1])
    vethsim = pathlib.Path(arguments[0]).resolve()
    is_bad = False
    for folder in map(pathlib.Path, arguments[1:]):
        try:
            data = make_data(vethsim, folder)
            if "--check" in sys.argv:
                is_bad |= check(folder, data)
                continue
            (folder / "figure.dat").write_text(data, encoding="utf-8")
            (folder / "figure.svg").write_text(draw(folder, data), encoding="utf-8")
        except Bad as bad:
            print(f"{folder.name}: {bad}")
            is_bad = True
    sys.exit(is_bad)


if __name__ == "__main__":
    main()
