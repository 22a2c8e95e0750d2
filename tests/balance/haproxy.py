"""haproxy.py PICK FOLDER: the real HAProxy and our balancers choose for the same requests.

One HAProxy (a child, one thread) has a listener and servers for each case; a case is a list
of steps, which are keys to choose by or, as PICK has them, commands "!down s2".  Each server
says who it is.  Prints a line "ok - ..." or "not ok - ..." a case, fails if one did.
"""

import os
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

FIRST_PORT = 20000
HELD = "/held"


class Server(socketserver.StreamRequestHandler):
    """Answers with its port; of "/held" the body is sent when the test says so."""

    disable_nagle_algorithm = True
    held = {}  # The requests that wait, by port.

    def handle(self):
        try:
            while request := self.rfile.readline():
                self.answer(request)
        except ConnectionError:
            pass  # HAProxy ends idle connections so.

    def answer(self, request):
        port = self.server.server_address[1]
        header = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nPort: %d\r\n\r\n" % port
        while self.rfile.readline().strip():
            pass
        if HELD.encode() in request:
            over = threading.Event()
            Server.held.setdefault(port, []).append(over)
            self.wfile.write(header)
            over.wait()
            self.wfile.write(b".")
        else:
            self.wfile.write(header + b".")


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Case:
    n_ports = 0

    def __init__(self, title, kind, balance, weights, steps, params=(), options=(),
                 send="nothing", disabled=(), server_options=""):
        self.title, self.kind, self.balance = title, kind, balance
        self.weights, self.steps, self.params = weights, steps, params
        self.options, self.send, self.disabled = options, send, disabled
        self.server_options = server_options
        self.port = FIRST_PORT + Case.n_ports
        Case.n_ports += len(weights) + 2  # One is for a server that is added.
        self.name = "case%d" % self.port

    def server_port(self, server):
        return self.port + int(server[1:])

    def config(self):
        lines = ["listen " + self.name, "bind 127.0.0.1:%d" % self.port,
                 "balance " + self.balance, *self.options]
        for i, weight in enumerate(self.weights, 1):
            lines.append("server s%d 127.0.0.1:%d weight %d %s %s" % (
                i, self.port + i, weight, self.server_options,
                "disabled" if "s%d" % i in self.disabled else ""))
        return "\n  ".join(lines) + "\n"


class Client:
    """Sends a case's keys; by source address, on a connection for each."""

    def __init__(self, case, admin):
        self.case, self.admin = case, admin
        self.connection = None
        self.is_held = False
        self.waiting = []  # Servers and connections that wait for a body, oldest first.

    def connect(self, source="127.0.0.1"):
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", self.case.port))
        return connection

    @staticmethod
    def answer(connection, has_body):
        data = b""
        while b"\r\n\r\n" not in data or has_body and data.endswith(b"\r\n\r\n"):
            part = connection.recv(4096)
            if not part:
                raise OSError("HAProxy closed: %r" % data)
            data += part
        for line in data.split(b"\r\n"):
            if line.lower().startswith(b"port: "):
                return int(line[6:])
        return None  # HAProxy's own answer: 503.

    def request(self, key):
        uri, header, source = "/", "", "127.0.0.1"
        if self.case.send == "uri":
            uri = key
        elif self.case.send == "hdr" and key:
            header = "X-Key: %s\r\n" % key
        elif self.case.send == "source":
            source = key
        fresh = self.is_held or self.case.send == "source" or not self.connection
        connection = self.connect(source) if fresh else self.connection
        if self.is_held and self.case.send == "nothing":
            uri = HELD
        # Host comes last: use_domain_only looks at the byte behind the value.
        connection.sendall(("GET %s HTTP/1.1\r\n%sHost: example.com\r\n\r\n" %
                            (uri, header)).encode())
        port = self.answer(connection, not self.is_held)
        server = "s%d" % (port - self.case.port) if port else "-"
        if self.is_held:
            if port:
                self.waiting.append((server, connection))
        elif self.case.send == "source":
            connection.close()
        else:
            self.connection = connection
        return server

    def tell(self, command):
        answer = self.admin(command).strip()
        if answer and not answer.startswith(("New server registered", "Server deleted")):
            raise RuntimeError("%s: %s" % (command, answer))

    def n_served(self, server):
        for line in self.admin("show servers conn " + self.case.name).splitlines():
            words = line.split()
            if words and words[0] == "%s/%s" % (self.case.name, server):
                return int(words[6])
        raise RuntimeError("no server " + server)

    def release(self, n):
        if not self.waiting:
            return
        n %= len(self.waiting)
        server, connection = self.waiting[n]
        n_before = [other for other, _ in self.waiting[:n]].count(server)
        Server.held[self.case.server_port(server)].pop(n_before).set()
        connection.recv(1)
        connection.close()
        self.waiting.pop(n)
        n_left = [other for other, _ in self.waiting].count(server)
        while self.n_served(server) != n_left:
            time.sleep(0.001)

    def obey(self, command):
        verb, *words = command.split()
        target = "%s/%s" % (self.case.name, words[0].split("=")[0]) if words else ""
        if verb == "hold":
            self.is_held = True
        elif verb == "release":
            self.release(int(words[0]))
        elif verb == "weight":
            self.tell("set server %s weight %s" % (target, words[1]))
        elif verb == "add":
            name, weight = words[0].split("=")
            self.tell("add server %s 127.0.0.1:%d weight %s" % (
                target, self.case.server_port(name), weight))
            self.tell("set server %s state ready" % target)
        elif verb == "remove":
            self.tell("set server %s state maint" % target)
            self.tell("del server " + target)
        else:
            state = "ready" if verb == "up" else "maint"
            self.tell("set server %s state %s" % (target, state))

    def run(self):
        picks = []
        for step in self.case.steps:
            if not step.startswith("!"):
                picks.append(self.request(step))
            elif step[1:].split()[-1] not in self.case.disabled or picks:
                self.obey(step[1:])
        if self.connection:
            self.connection.close()
        return picks


def pick(program, case):
    names = ",".join("s%d=%d" % (i, w) for i, w in enumerate(case.weights, 1))
    text = "".join(step + "\n" for step in case.steps)
    return subprocess.run([program, case.kind, names, *case.params], input=text, text=True,
                          stdout=subprocess.PIPE, check=True).stdout.split()


def compare(case, real, ours):
    """None, or where they differ first."""
    if len(real) != len(ours):
        return "%d answers, %d picks" % (len(real), len(ours))
    different = [i for i in range(len(real)) if real[i] != ours[i]]
    if not different:
        return None
    i = different[0]
    return "%d of %d differ, first %d: HAProxy %s, pick %s\n# %s\n# %s\n# %r" % (
        len(different), len(real), i, real[i], ours[i], " ".join(real[:60]),
        " ".join(ours[:60]), [s for s in case.steps if not s.startswith("!")][i])


# ---- Cases -----------------------------------------------------------------------------

N_KEYS = 1000
rng = random.Random(20260)


def turns(n=N_KEYS):
    return ["-"] * n


def sources(n=N_KEYS):
    return ["127.%d.%d.%d" % (rng.randrange(256), rng.randrange(256), rng.randrange(1, 255))
            for _ in range(n)]


def word():
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-_.%") for _ in
                   range(rng.randrange(1, 12)))


def uris(n=N_KEYS, is_absolute=False):
    keys = []
    for _ in range(n):
        path = "".join("/" + word() for _ in range(rng.randrange(0, 6))) or "/"
        query = "?%s=%s/%s" % (word(), word(), word()) if rng.random() < 0.4 else ""
        start = "http://example.com" if is_absolute and rng.random() < 0.5 else ""
        keys.append(start + path + query)
    return keys


def values(n=N_KEYS):
    odd = ["", "a,b", "  blank  ", "x , y", '"quoted, comma",rest', '"a\\",b",c', "a;q=1"]
    return [rng.choice(odd) if rng.random() < 0.2 else word() for _ in range(n)]


def hosts(n=N_KEYS):
    odd = ["example", "a.b", ".com", "example.com.", "x..com", "..", "1.2.3.4"]
    return [rng.choice(odd) if rng.random() < 0.3 else
            ".".join(word().strip(".") or "w" for _ in range(rng.randrange(1, 5)))
            for _ in range(n)]


def churn(keys, commands):
    """Keys with a command after every so many."""
    every = len(keys) // (len(commands) + 1)
    steps = list(keys)
    for i, command in reversed(list(enumerate(commands, 1))):
        steps[i * every:i * every] = [command]
    return steps


def loads(n, n_most, key=lambda: "-"):
    """Requests that are held, at most so many at once, and releases of them by chance."""
    steps, n_held = ["!hold"], 0
    while n > 0:
        if n_held < n_most and rng.random() < 0.55:
            steps.append(key())
            n_held, n = n_held + 1, n - 1
        elif n_held > 0:
            steps.append("!release %d" % rng.randrange(n_held))
            n_held -= 1
    return steps


def random_churn(n_servers, n, can_weigh):
    commands = []
    for _ in range(n):
        server = "s%d" % rng.randrange(1, n_servers + 1)
        if can_weigh and rng.random() < 0.5:
            commands.append("!weight %s %d" % (server, rng.choice([0, 1, 2, 3, 7, 50, 256])))
        else:
            commands.append("!%s %s" % (rng.choice(["down", "up"]), server))
    return ["!up s1", "!weight s1 3", *commands] if can_weigh else ["!up s1", *commands]


def hash_cases():
    """Each function, with and without the modifier, on a map and on a ring."""
    for function in "sdbm", "djb2", "wt6", "crc32":
        for modifier in "", "avalanche":
            for kind in "map-based", "consistent":
                settings = ["hash-type=" + kind, "hash-function=" + function]
                settings += ["hash-modifier=" + modifier] if modifier else []
                hash_type = " ".join(("hash-type", kind, function, modifier))
                yield Case("uri, " + hash_type, "haproxy-uri", "uri", [3, 2, 1, 1],
                           uris(), settings, [hash_type], "uri")


def turn_cases():
    for weights in [5, 1, 1], [4, 3, 2], [1], [256, 100, 3, 1, 17], [7] * 9, [0, 2, 0, 5]:
        yield Case("roundrobin, weights %s" % weights, "haproxy-roundrobin", "roundrobin",
                   weights, turns())
    for weights in [3, 2, 1], [5, 1, 1], [40, 20, 10], [250, 7, 99], [2, 4, 0, 1]:
        yield Case("static-rr, weights %s" % weights, "haproxy-static-rr", "static-rr",
                   weights, turns())
    yield Case("roundrobin, servers that go, come and change weight", "haproxy-roundrobin",
               "roundrobin", [5, 3, 2, 1, 8],
               churn(turns(2000), random_churn(5, 300, True)))
    yield Case("roundrobin, one of three disabled until later", "haproxy-roundrobin",
               "roundrobin", [3, 2, 1], ["!down s2", *turns(11), "!up s2", *turns()],
               disabled=["s2"])
    yield Case("roundrobin, a server that is added and removed", "haproxy-roundrobin",
               "roundrobin", [3, 2, 1],
               churn(turns(), ["!add s4=5", "!remove s4"]))
    yield Case("static-rr, servers that go and come", "haproxy-static-rr", "static-rr",
               [4, 6, 2, 9], churn(turns(2000), random_churn(4, 100, False)))


def load_cases():
    for weights in [1, 1, 1], [5, 2, 1], [256, 3, 50, 50]:
        yield Case("leastconn without load, weights %s" % weights, "haproxy-leastconn",
                   "leastconn", weights, turns())
        yield Case("leastconn, held connections, weights %s" % weights,
                   "haproxy-leastconn", "leastconn", weights, loads(N_KEYS, 60))
    yield Case("leastconn, held connections, servers that go, come and change weight",
               "haproxy-leastconn", "leastconn", [4, 2, 2, 1],
               churn(loads(N_KEYS, 40), random_churn(4, 60, True)))
    yield Case("first, maxconn 7, held connections", "haproxy-first", "first",
               [1, 9, 1, 3], loads(N_KEYS, 28), ["maxconn=7"],
               server_options="maxconn 7")
    yield Case("first, maxconn 7, servers that go and come", "haproxy-first", "first",
               [1, 1, 1], churn(loads(N_KEYS, 14), ["!down s1", "!up s1", "!down s2",
                                                    "!up s2", "!down s3", "!up s3"]),
               ["maxconn=7"], server_options="maxconn 7")


def key_cases():
    consistent = ["hash-type=consistent"], ["hash-type consistent"]
    for params, options in ([], []), consistent:
        said = options[0] if options else "hash-type map-based"
        yield Case("source, " + said, "haproxy-source", "source", [5, 1, 1, 3], sources(),
                   params, options, "source")
        yield Case("uri, %s, weights" % said, "haproxy-uri", "uri", [256, 1, 30, 7],
                   uris(), params, options, "uri")
        yield Case("hdr, " + said, "haproxy-hdr", "hdr(X-Key)", [3, 1, 2], values(),
                   params, options, "hdr")
        yield Case("uri, %s, servers that go and come" % said, "haproxy-uri", "uri",
                   [3, 5, 2, 1], churn(uris(2000), random_churn(4, 100, bool(params))),
                   params, options, "uri")
        yield Case("hdr, %s, absent as servers go and come" % said, "haproxy-hdr",
                   "hdr(X-Key)", [3, 5, 2, 1],
                   churn(values() + [""] * N_KEYS, random_churn(4, 100, bool(params))),
                   params, options, "hdr")
    yield Case("source, hash-type map-based sdbm avalanche", "haproxy-source", "source",
               [2, 3, 4], sources(), ["hash-function=sdbm", "hash-modifier=avalanche"],
               ["hash-type map-based sdbm avalanche"], "source")
    yield Case("uri, a server that is added", "haproxy-uri", "uri", [1, 2],
               churn(uris(), ["!add s3=4", "!remove s2"]), *consistent, "uri")
    yield Case("uri, hash-balance-factor 125, held connections", "haproxy-uri", "uri",
               [3, 2, 5, 1], loads(N_KEYS, 50, lambda: "%s/%s" % (HELD, word())),
               [*consistent[0], "hash-balance-factor=125"],
               [*consistent[1], "hash-balance-factor 125"], "uri")
    for balance, params in (
            ("whole", ["whole=yes"]), ("len 7", ["len=7"]), ("depth 2", ["depth=2"]),
            ("path-only", ["path-only=yes"]),
            ("len 9 depth 1 whole", ["len=9", "depth=1", "whole=yes"])):
        yield Case("uri " + balance, "haproxy-uri", "uri " + balance, [1] * 7,
                   uris(is_absolute=True), params, (), "uri")
    yield Case("hdr, use_domain_only", "haproxy-hdr", "hdr(X-Key) use_domain_only",
               [1] * 7, hosts(), ["use-domain-only=yes"], (), "hdr")


def check_random(program, admin, case):
    """Of the real one only the shares can be known: a chi-square test with our own."""
    real = Client(case, admin).run()
    case.steps = turns(100 * len(real))
    ours = pick(program, case)
    chi = 0
    for server in set(ours):
        expected = ours.count(server) / 100
        chi += (real.count(server) - expected) ** 2 / expected
    # Four degrees of freedom: above 30 once in 200000 runs.
    return None if chi < 30 else "chi-square %.1f" % chi


def main():
    program, folder = sys.argv[1:]
    path = os.path.join(folder, "admin")

    def admin(command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall((command + "\n").encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.decode()

    cases = [*turn_cases(), *hash_cases(), *key_cases(), *load_cases()]
    by_chance = [Case("random(%d), shares" % draws, "haproxy-random", "random(%d)" % draws,
                      [5, 1, 2, 8, 3], turns(2000), ["draws=%d" % draws])
                 for draws in (1, 2)]
    config = os.path.join(folder, "haproxy.cfg")
    with open(config, "w") as file:
        file.write("global\n  nbthread 1\n  stats socket %s level admin\n"
                   "defaults\n  mode http\n  option http-no-delay\n  timeout connect 10s\n  timeout client 60s\n"
                   "  timeout server 60s\n" % path)
        file.writelines(case.config() for case in cases + by_chance)
    for case in cases + by_chance:
        for i in range(1, len(case.weights) + 2):
            listener = Listener(("127.0.0.1", case.port + i), Server)
            threading.Thread(target=listener.serve_forever, daemon=True).start()
    with open(os.path.join(folder, "log"), "w") as log:
        haproxy = subprocess.Popen(["haproxy", "-db", "-f", config], stdout=log, stderr=log)
    try:
        while haproxy.poll() is None and not os.path.exists(path):
            time.sleep(0.01)
        if haproxy.poll() is not None:
            print("not ok - HAProxy starts\n# " +
                  open(os.path.join(folder, "log")).read().replace("\n", "\n# "))
            return 1
        n_failed = 0
        for case in cases + by_chance:
            try:
                if case in by_chance:
                    problem = check_random(program, admin, case)
                else:
                    problem = compare(case, Client(case, admin).run(), pick(program, case))
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                problem = repr(error)
            n_failed += problem is not None
            print("%s - %s%s" % ("not ok" if problem else "ok", case.title,
                                 "\n# " + problem if problem else ""), flush=True)
        return n_failed > 0
    finally:
        haproxy.send_signal(signal.SIGTERM)
        haproxy.wait()


if __name__ == "__main__":
    sys.exit(main())
