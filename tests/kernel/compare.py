#!/usr/bin/env python3
"""Compares what the kernel did with vethsim's story of it: see kernel.sh.

usage: compare.py FOLDER MODE PREFIX
           prints a line "ok - ..." or "not ok - ..." for each case

FOLDER has the file cases, the recorder's frames, of case N the answers N.answers and the
story N.json, and the connections that a node remembers after all cases, NODE.conntrack.  A
line of the comparison is one packet at one interface:
"NETNS IFACE in|out PROTOCOL SADDR SPORT DADDR DPORT FLAGS TTL", or one connection: "NETNS
PROTOCOL STATE SADDR SPORT DADDR DPORT, reply SADDR SPORT DADDR DPORT, STATUS".
"""
import difflib
import json
import sys

FIRST_PORT = 20000      # Case N asks from FIRST_PORT + PORTS_EACH * N on.
PORTS_EACH = 100
MARK_PORT = "9"
FLAGS = {"SYN": "S", "SYN-ACK": "SA", "RST-ACK": "RA", "RST": "R"}
OUTCOMES = {"timed out": "timeout"}
NODES = ("n1", "n2")


def netns_of(place):
    """ "n1/root" is n1, "n1/a1" is a1."""
    host, _, name = place.partition("/")
    return host if name == "root" else name


def select(lines):
    """What is compared: the first packet of each direction, which opens, accepts or
    refuses.

    The kernel sends a bridged frame that was given another destination by way of the
    bridge's own interface when the ARP entry is not fresh, and past it when it is
    (br_nf_pre_routing_finish_bridge); so "out" there after "in" at a port says nothing.
    Nor does a packet that was sent again."""
    selected = []
    for line in lines:
        is_by_age = (line[1:3] == ["cni0", "out"] and selected and
                     selected[-1][0] == line[0] and selected[-1][2] == "in" and
                     selected[-1][1].startswith("veth-"))
        is_first = line not in selected and (line[3] != "tcp" or
                                             line[8] in FLAGS.values())
        if is_first and not is_by_age:
            selected.append(line)
    return selected


def rename_ports(lines, connections, known):
    """The asking socket's port is S; one that NAT drew is P1, the next P2."""
    names = {}
    renamed = []

    def name_of(port):
        return port if port in known else names.setdefault(port, f"P{len(names)}")

    if lines:
        names[lines[0][5]] = "S"
    for line in lines:
        line = list(line)
        if line[3] != "icmp":
            line[5], line[7] = name_of(line[5]), name_of(line[7])
        renamed.append(" ".join(line))
    return renamed + sorted(c.text(name_of) for c in connections)


class Connection:
    """An entry of conntrack; a tuple is saddr, sport, daddr, dport."""

    def __init__(self, netns, protocol, state, original, reply, is_replied, is_assured):
        self.netns, self.protocol, self.state = netns, protocol, state
        self.original, self.reply = tuple(original), tuple(reply)
        self.status = (["replied"] if is_replied else []) + (
            ["assured"] if is_assured else [])

    def text(self, name_of):
        original, reply = (f"{saddr} {name_of(sport)} {daddr} {name_of(dport)}"
                           for saddr, sport, daddr, dport in (self.original, self.reply))
        return " ".join([self.netns, self.protocol, self.state, original + ", reply",
                         reply + ",", *self.status])


# ---- vethsim --------------------------------------------------------------------------

def line_of(step, headers):
    protocol = headers["protocol"]
    if protocol == "icmp":
        ports = headers["icmp_type"], headers["icmp_code"]
    else:
        ports = headers["sport"], headers["dport"]
    flags = headers.get("flags", "-")
    return [netns_of(step["place"]), step["device"],
            "in" if step["kind"] == "receive" else "out", protocol,
            headers["saddr"], str(ports[0]), headers["daddr"], str(ports[1]),
            FLAGS.get(flags, flags), str(headers["ttl"])]


def lines_of_story(story):
    lines = []
    for packet in story["packets"]:
        headers = {}
        for step in packet["steps"]:
            headers.update(step.get("headers", {}))
            headers.update(step.get("after", {}))
            if step["kind"] in ("receive", "transmit"):
                lines.append(line_of(step, headers))
    return lines


def outcome_of_story(story):
    result = story["outcome"]["result"]
    if result != "completed":
        return OUTCOMES.get(result, result)
    for packet in story["packets"]:
        for step in packet["steps"]:
            if step["kind"] == "deliver":
                return netns_of(step["place"])
    return "nobody"


def connections_of_story(story):
    connections = []
    for entry in story["connections"]:
        if netns_of(entry["namespace"]) not in NODES:
            continue
        tuples = []
        for name in ("original", "reply"):
            source, _, destination, protocol = entry[name].split()
            tuples.append(source.split(":") + destination.split(":"))
        connections.append(Connection(
            netns_of(entry["namespace"]), protocol,
            entry["state"] if protocol == "tcp" else "-", *tuples,
            entry["is_replied"], entry["is_assured"]))
    return connections


# ---- the kernel -----------------------------------------------------------------------

def split_frames(path, prefix):
    """The frames of each request, by its source port: they follow one another, after a
    datagram by lo that netprobe sends first."""
    requests = {}
    lines = []
    with open(path) as frames:
        for text in frames:
            line = text.split()
            line[0] = line[0].removeprefix(prefix)
            if line[6] != "127.0.0.1":
                lines.append(line)
            elif line[2] == "out" and line[7] == MARK_PORT:
                lines = requests.setdefault(int(line[5]), [])
    return requests


def read_connections(folder):
    """What all nodes remember, but of the datagrams that mark beginnings."""
    connections = []
    for netns in NODES:
        with open(f"{folder}/{netns}.conntrack") as file:
            words = [line.split() for line in file]
        for line in words:
            fields = [word.partition("=")[::2] for word in line]
            values = {name: [v for n, v in fields if n == name]
                      for name in ("src", "sport", "dst", "dport")}
            if line[2] not in ("tcp", "udp") or values["src"][0] == "127.0.0.1":
                continue
            connections.append(Connection(
                netns, line[2], line[5] if line[2] == "tcp" else "-",
                *zip(*values.values()), "[UNREPLIED]" not in line, "[ASSURED]" in line))
    return connections


def connections_of(connections, protocol, port):
    """Those of the request from 'port': its packets leave one node as the reply of the
    connection there says, and come to the next so.  NAT may have drawn that port for another
    request, whose packets have it at the next node."""
    found = []
    drawn = {c.reply[2:] + c.reply[:2] for c in connections if c.original[1] != str(port)}
    tuples = {c.original for c in connections
              if c.original[1] == str(port) and c.original not in drawn}
    while tuples:
        new = [c for c in connections if c.protocol == protocol and
               c.original in tuples and c not in found]
        found += new
        tuples = {c.reply[2:] + c.reply[:2] for c in new}
    return found


def find_request(answers, wanted):
    """The first request with the outcome that vethsim has, or simply the first."""
    return answers.index(wanted) if wanted in answers else 0


# ---- the comparison -------------------------------------------------------------------

def expected_in(mode, text):
    words = text.split()
    if not text.startswith("iptables:"):
        return words
    return [w.partition(":")[2] for w in words if w.startswith(mode)]


def differences(case, mode, story, answers, requests, connections, number):
    _, _, to, protocol, _, expected = case
    expected = expected_in(mode, expected)
    told = outcome_of_story(story)
    if expected == ["same"]:
        return [] if len(set(answers)) == 1 else ["answers: " + " ".join(answers)]

    found = []
    if told not in expected:
        found.append(f"vethsim's outcome is {told}, not {' or '.join(expected)}")
    if not set(answers) <= set(expected):
        found.append(f"the kernel's outcome is {' '.join(answers)}")
    request = find_request(answers, told)
    port = FIRST_PORT + PORTS_EACH * number + request
    frames = requests.get(port, [])
    known = {to.partition(":")[2], "8080", "80"}
    found += difflib.unified_diff(
        rename_ports(select(frames), connections_of(connections, protocol, port), known),
        rename_ports(select(lines_of_story(story)), connections_of_story(story), known),
        "kernel", "vethsim", lineterm="", n=99)
    return found


def compare_cases(folder, mode, prefix):
    requests = split_frames(f"{folder}/frames", prefix)
    connections = read_connections(folder)
    n_failed = 0
    with open(f"{folder}/cases") as file:
        cases = [line.rstrip("\n").split("|") for line in file]
    for number, case in enumerate(cases, 1):
        with open(f"{folder}/{number}.json") as file:
            story = json.load(file)
        with open(f"{folder}/{number}.answers") as file:
            answers = [line.strip().removeprefix(prefix) for line in file]
        found = differences(case, mode, story, answers, requests, connections, number)
        print(f"{'not ok' if found else 'ok'} - {mode}: {case[0]}")
        for line in found:
            print(f"# {line}")
        n_failed += len(found) > 0
    return n_failed


if __name__ == "__main__":
    sys.exit(compare_cases(*sys.argv[1:]) > 0)
