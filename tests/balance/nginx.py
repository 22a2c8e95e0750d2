"""Asks nginx and vethsim which backends they pick: nginx.py PICK FOLDER

nginx has one worker, a port for each case, and proxies to itself: all of 127.0.0.0/8
answers at BACKEND_PORT with the address that was asked.  At HELD_PORT this script answers
when it likes, so that connections last.  Lines that nginx_pick.c reads are what was asked.
"""

import collections
import random
import select
import signal
import socket
import subprocess
import sys
import time

BACKEND_PORT = 9000
HELD_PORT = 9001
DEAD_PORT = 9002
FIRST_PORT = 8000
N_REQUESTS = 1000
SURELY_WRONG = 45  # Chi-square with 3 degrees of freedom: p < 1e-9.


class Case:
    """An upstream; servers are (number, weight, state), state "", "down" or "dead"."""

    def __init__(self, fact, kind, method, servers, key="none", params=(), server="",
                 port=BACKEND_PORT):
        self.fact, self.kind, self.method, self.key = fact, kind, method, key
        self.params, self.options = params, server
        self.servers = [(name(number, DEAD_PORT if state == "dead" else port), weight,
                         state) for number, weight, state in servers]

    def upstream(self):
        lines = [f"server {server} weight={weight} {self.options}"
                 f"{' down' if state == 'down' else ''};"
                 for server, weight, state in self.servers]
        return "\n".join([self.method] + lines)

    def backends(self):
        return ",".join(f"{server}*{weight}{'!' + state if state else ''}"
                        for server, weight, state in self.servers)


def name(number, port=BACKEND_PORT):
    return f"127.0.{number // 250}.{number % 250 + 2}:{port}"


def up(*weights):
    return [(number, weight, "") for number, weight in enumerate(weights)]


def many_down(n, n_up):
    return [(i, 1 + i % 3, "" if i % (n // n_up) == 5 else "down") for i in range(n)]


one_dead = [(0, 2, ""), (1, 3, "dead"), (2, 1, "")]
HOUR = "max_fails=1 fail_timeout=3600"
HOUR_PARAMS = ("fail-timeout=3600",)

CASES = [
    Case("round robin, weights 5 1 1", "nginx-round-robin", "", up(5, 1, 1)),
    Case("round robin, weights 4 3 2", "nginx-round-robin", "", up(4, 3, 2)),
    Case("round robin, one down", "nginx-round-robin", "",
         [(0, 3, ""), (1, 5, "down"), (2, 2, ""), (3, 1, "")]),
    Case("round robin, one server", "nginx-round-robin", "", up(1)),
    Case("round robin, a dead one is tried once", "nginx-round-robin", "", one_dead,
         server=HOUR, params=HOUR_PARAMS),
    Case("round robin, all dead: nobody is asked again", "nginx-round-robin", "",
         [(0, 1, "dead"), (1, 1, "dead")], server=HOUR, params=HOUR_PARAMS),
    Case("least_conn without connections", "nginx-least-conn", "least_conn;",
         up(3, 1, 2)),
    Case("ip_hash, weights 1 2 3", "nginx-ip-hash", "ip_hash;", up(1, 2, 3), "address"),
    Case("ip_hash, one down", "nginx-ip-hash", "ip_hash;",
         [(0, 1, ""), (1, 2, "down"), (2, 1, "")], "address"),
    Case("ip_hash, nearly all down", "nginx-ip-hash", "ip_hash;", many_down(60, 2),
         "address"),
    Case("hash, equal weights", "nginx-hash", "hash $uri;", up(1, 1, 1), "uri"),
    Case("hash, weights 5 3 1, one down", "nginx-hash", "hash $uri;",
         [(0, 5, ""), (1, 3, "down"), (2, 1, "")], "uri"),
    Case("hash, nearly all down", "nginx-hash", "hash $uri;", many_down(60, 2), "uri"),
    Case("hash, a dead one", "nginx-hash", "hash $uri;", one_dead, "uri",
         server=HOUR, params=HOUR_PARAMS),
    Case("hash of nothing", "nginx-hash", "hash $arg_none;", up(2, 1), "empty"),
    Case("hash consistent, equal weights", "nginx-hash-consistent",
         "hash $uri consistent;", up(1, 1, 1), "uri"),
    Case("hash consistent, weights 4 2 1, one down", "nginx-hash-consistent",
         "hash $uri consistent;", [(0, 4, ""), (1, 2, "down"), (2, 1, "")], "uri"),
    Case("hash consistent, nearly all down", "nginx-hash-consistent",
         "hash $uri consistent;", many_down(60, 2), "uri"),
    Case("hash consistent, a server listed thrice", "nginx-hash-consistent",
         "hash $uri consistent;", [(0, 1, ""), (1, 1, ""), (0, 3, ""), (0, 2, "")],
         "uri"),
    Case("hash consistent, a dead one", "nginx-hash-consistent",
         "hash $uri consistent;", one_dead, "uri", server=HOUR, params=HOUR_PARAMS),
    Case("hash consistent of nothing", "nginx-hash-consistent",
         "hash $arg_none consistent;", up(2, 1), "empty"),
]
RETRIED = Case("a dead one is tried again after fail_timeout", "nginx-round-robin", "",
               one_dead, server="max_fails=1 fail_timeout=2", params=("fail-timeout=2",))
HELD = Case("least_conn with connections", "nginx-least-conn", "least_conn;",
            up(3, 1, 2, 1), port=HELD_PORT)
RANDOM = Case("random", "nginx-random", "random;", up(5, 3, 1, 1))
RANDOM_TWO = Case("random two", "nginx-random-two", "random two least_conn;",
                  up(5, 3, 1, 1))
RELOADED = [
    Case("round robin, a server added by a reload", "nginx-round-robin", "", up(3, 2)),
    Case("hash, a server added by a reload", "nginx-hash", "hash $uri;", up(3, 2), "uri"),
    Case("hash consistent, a server added by a reload", "nginx-hash-consistent",
         "hash $uri consistent;", up(3, 2), "uri"),
]
EVERY_CASE = CASES + [RETRIED, HELD, RANDOM, RANDOM_TWO] + RELOADED


def port_of(case):
    return FIRST_PORT + EVERY_CASE.index(case)


class Nginx:
    def __init__(self, folder):
        self.folder = folder
        self.write()
        self.process = subprocess.Popen(
            ["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c",
             f"{folder}/nginx.conf"])
        self.worker = self.wait_for_worker("")

    def write(self):
        temporary = "\n".join(f"{what}_temp_path {self.folder}/{what};" for what in
                              ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        servers = "\n".join(
            f"""upstream u{port_of(case)} {{ {case.upstream()} }}
            server {{
                listen 127.0.0.1:{port_of(case)};
                location / {{ proxy_pass http://u{port_of(case)}; }}
                location = /-worker {{ return 200 $pid; }}
            }}""" for case in EVERY_CASE)
        with open(f"{self.folder}/nginx.conf", "w", encoding="ascii") as conf:
            conf.write(f"""
            daemon off; worker_processes 1; user root; pid {self.folder}/pid;
            events {{ worker_connections 4096; }}
            http {{
                {temporary}
                access_log off; keepalive_requests 1000000;
                set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;
                add_header X-Tried "$upstream_addr" always;
                add_header X-Worker "$pid" always;
                server {{
                    listen {BACKEND_PORT};
                    location / {{ return 200 $server_addr:$server_port; }}
                }}
                {servers}
            }}""")

    def wait_for_worker(self, old):
        """Until 20 new connections in a row meet a worker that is not the old one."""
        n_in_a_row = 0
        for _ in range(2000):
            try:
                with Client(FIRST_PORT) as client:
                    worker = client.ask("/-worker")[1]
            except OSError:
                worker = old
            n_in_a_row = n_in_a_row + 1 if worker != old else 0
            if n_in_a_row == 20:
                return worker
            time.sleep(0.005)
        raise RuntimeError("nginx does not start: " + self.errors())

    def reload(self):
        self.write()
        self.process.send_signal(signal.SIGHUP)
        self.worker = self.wait_for_worker(self.worker)

    def errors(self):
        with open(f"{self.folder}/error.log", encoding="utf-8") as log:
            return log.read()[-2000:]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Client:
    """A connection to nginx that stays open."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, uri, address=None):
        forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
        self.socket.sendall(f"GET {uri} HTTP/1.1\r\nHost: x\r\n{forwarded}\r\n".encode())

    def receive(self):
        if not self.file.readline():
            raise OSError("nginx has closed the connection")
        headers = {}
        while (line := self.file.readline().decode().strip()):
            field, value = line.split(": ", 1)
            headers[field] = value
        return headers, self.file.read(int(headers["Content-Length"])).decode()

    def ask(self, uri, address=None):
        self.send(uri, address)
        return self.receive()


def random_address(rng):
    if rng.random() < 0.3:
        return "2001:db8:" + ":".join(f"{rng.randrange(1, 65536):x}" for _ in range(6))
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def keys(case, n):
    rng = random.Random(case.fact)
    for i in range(n):
        if case.key == "address":
            yield random_address(rng)
        elif case.key == "uri":
            yield f"/{rng.choice(['a', 'img', 'api/v1'])}/{rng.randrange(10**6)}.html"
        else:
            yield "" if case.key == "empty" else str(i)


def ask_nginx(nginx, case, lines, picks, n=N_REQUESTS):
    """Sends requests; appends what nginx_pick.c is to be asked, and what nginx has tried."""
    with Client(port_of(case)) as client:
        for key in keys(case, n):
            uri = key if case.key == "uri" else "/"
            headers, body = client.ask(uri, key if case.key == "address" else None)
            tried = headers["X-Tried"]
            if tried.startswith("u"):  # The name of the upstream: there was nobody.
                tried = "-"
            elif tried.split(", ")[-1].endswith(str(DEAD_PORT)):
                tried += "-"
            elif tried.split(", ")[-1] != body:
                raise RuntimeError(f"{body} answered for {tried}")
            if headers["X-Worker"] != nginx.worker:
                raise RuntimeError("an old worker has answered")
            lines.append("=" + key)
            picks.append(tried)


def hold(case, lines, picks):
    """Requests of random lengths, and each of least_conn's ties."""
    rng = random.Random(7)
    listeners = {}
    for server, _, _ in case.servers:
        listener = socket.create_server((server.split(":")[0], HELD_PORT), backlog=64)
        listeners[listener] = server
    held = []
    while len(picks) < N_REQUESTS:
        if held and (len(held) > 60 or rng.random() < 0.48):
            server, client, connection = held.pop(rng.randrange(len(held)))
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.close()
            client.receive()
            client.__exit__()
            lines.append("free " + server)
            continue
        client = Client(port_of(case))
        client.send("/")
        ready, _, _ = select.select(list(listeners), [], [], 10)
        held.append((listeners[ready[0]], client, ready[0].accept()[0]))
        lines.append("hold")
        picks.append(held[-1][0])


def pick(program, case, backends, lines):
    """What vethsim picks."""
    done = subprocess.run([program, case.kind, backends, *case.params],
                          input="\n".join(lines) + "\n", capture_output=True, text=True,
                          check=False)
    return done.stdout.splitlines() if done.returncode == 0 else [done.stderr]


def report(fact, problem):
    print(f"not ok - {fact}\n# {problem}" if problem else f"ok - {fact}", flush=True)
    return 1 if problem else 0


def compare(program, case, backends, lines, picks):
    ours = pick(program, case, backends, lines)
    asked = [line for line in lines if line[0] in "=h"]
    wrong = [f"{line}: nginx {real}, vethsim {our}"
             for line, real, our in zip(asked, picks, ours) if real != our]
    problem = f"{len(picks)} picks, vethsim {len(ours)}: {ours[-1:]}"
    if len(ours) == len(picks):
        problem = f"{len(wrong)} of {len(picks)} differ, {wrong[:5]}" if wrong else ""
    return report(f"{case.fact}: {len(picks)} picks", problem)


def second_draw(weights):
    """The share of each as the second of two different ones drawn by weight."""
    total = sum(weights)
    return [sum(first / total * weight / (total - first)
                for j, first in enumerate(weights) if j != i)
            for i, weight in enumerate(weights)]


def compare_shares(program, case, shares, lines, picks):
    problem = ""
    for who, whose in (("nginx", picks),
                       ("vethsim", pick(program, case, case.backends(), lines))):
        counts = collections.Counter(whose)
        expected = {server: share * len(lines)
                    for (server, _, _), share in zip(case.servers, shares)}
        chi_square = sum((counts[server] - count) ** 2 / count
                         for server, count in expected.items())
        if chi_square > SURELY_WRONG or set(counts) - set(expected):
            problem += f"{who} picks {dict(counts)}, not {expected}; "
    return report(f"{case.fact}: {len(lines)} picks in the same shares", problem)


def run(program, nginx):
    n_failed = 0
    for case in CASES:
        lines, picks = [], []
        ask_nginx(nginx, case, lines, picks)
        n_failed += compare(program, case, case.backends(), lines, picks)

    lines, picks = ["@0"], []
    ask_nginx(nginx, RETRIED, lines, picks, 100)
    time.sleep(4)
    lines.append("@4")
    ask_nginx(nginx, RETRIED, lines, picks, 100)
    n_failed += compare(program, RETRIED, RETRIED.backends(), lines, picks)

    lines, picks = [], []
    hold(HELD, lines, picks)
    n_failed += compare(program, HELD, HELD.backends(), lines, picks)

    weights = [weight for _, weight, _ in RANDOM.servers]
    for case, shares in ((RANDOM, [weight / sum(weights) for weight in weights]),
                         (RANDOM_TWO, second_draw(weights))):
        lines, picks = [], []
        ask_nginx(nginx, case, lines, picks, 4 * N_REQUESTS)
        n_failed += compare_shares(program, case, shares, lines, picks)

    before = [(case, case.backends(), [], []) for case in RELOADED]
    for case, _, lines, picks in before:
        ask_nginx(nginx, case, lines, picks, N_REQUESTS + 1)
        case.servers.append((name(9), 2, ""))
        lines.append(f"+{name(9)}*2")
    nginx.reload()
    for case, backends, lines, picks in before:
        ask_nginx(nginx, case, lines, picks)
        n_failed += compare(program, case, backends, lines, picks)
    return n_failed


def main():
    program, folder = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    nginx = Nginx(folder)
    try:
        return 1 if run(program, nginx) else 0
    except (OSError, RuntimeError, KeyError, IndexError) as error:
        return report("nginx answers", f"{error!r} {nginx.errors()}")
    finally:
        nginx.stop()


if __name__ == "__main__":
    sys.exit(main())
