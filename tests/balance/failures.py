"""Asks nginx and HAProxy what they do when upstreams fail: failures.py FOLDER

Status, seconds, and requests or connections that upstreams saw, for what the profiles of
<ingress> say; time-outs are short.  All is on 127.0.0.1 of a namespace of its own.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

CLOSED_PORTS = range(9100, 9110)
FULL_PORT = 9010
SLACK = 0.9  # Seconds that a loaded machine may add.


class Upstream:
    """Answers n requests of each connection, then closes, or is silent."""

    def __init__(self, port, n_answers, is_silent=False):
        self.n_answers, self.is_silent = n_answers, is_silent
        self.n_connections = self.n_requests = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.n_connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        n = 0
        with connection:
            while self.has_request(connection):
                self.n_requests += 1
                n += 1
                if n <= self.n_answers:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                elif not self.is_silent:
                    break

    @staticmethod
    def has_request(connection):
        try:
            return connection.recv(65536) != b""
        except ConnectionResetError:
            return False


def ask(port, method="GET", connection=None):
    """The status, 0 if there is none, and how long it took."""
    start = time.monotonic()
    client = connection or socket.create_connection(("127.0.0.1", port))
    client.settimeout(30)
    client.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    answer = client.recv(65536)
    if not connection:
        client.close()
    return int(answer.split()[1]) if answer else 0, time.monotonic() - start


def fill_backlog():
    """A port whose SYN queue is full: what is sent to it vanishes."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", FULL_PORT))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", FULL_PORT))
    return [listener, *fillers]


class Checks:
    def __init__(self):
        self.n_failed = 0

    def check(self, fact, got, status, seconds=0, seen=None, expected_seen=None):
        good = (got[0] == status and seconds - 0.05 <= got[1] <= seconds + SLACK and
                seen == expected_seen)
        self.n_failed += not good
        print("ok" if good else "not ok", "-", fact, flush=True)
        if not good:
            print(f"# status {got[0]}, not {status}; {got[1]:.2f} s, not {seconds}; "
                  f"{seen} seen, not {expected_seen}", flush=True)


def wait_for(port):
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit("the proxy does not listen")


def run(command, port, folder):
    with open(os.path.join(folder, "log"), "w", encoding="ascii") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for(port)
    return process


def nginx_config(folder, pools):
    servers = "".join(
        f"upstream u{port} {{ {' '.join(f'server 127.0.0.1:{p} max_fails=0;' for p in pool)}"
        f" keepalive 8; }} server {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass http://u{port}; }} }}\n" for port, pool in pools.items())
    temporary = "".join(f"{what}_temp_path {folder}/{what};" for what in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (f"daemon off; worker_processes 1; pid {folder}/pid; events {{}} http {{"
            f"access_log off; {temporary} proxy_http_version 1.1;"
            'proxy_set_header Connection ""; proxy_connect_timeout 1s;'
            "proxy_read_timeout 1s; proxy_next_upstream error timeout;"
            f"proxy_next_upstream_tries 3;\n{servers}}}\n")


def ask_nginx(checks, folder, closing, silent, once):
    closed = list(CLOSED_PORTS)
    pools = {8000: closed[:5], 8001: [9002] * 5, 8002: [9003] * 5, 8003: [FULL_PORT] * 5,
             8004: [closed[0], 9001], 8005: [9004]}
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write(nginx_config(folder, pools))
    process = run(["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", config], 8000,
                  folder)
    try:
        checks.check("nginx: all refuse", ask(8000), 502)
        checks.check("nginx: a POST that is refused goes to the other", ask(8004, "POST"), 200)
        checks.check("nginx: all close, three are asked", ask(8001), 502, 0,
                     closing.n_requests, 3)
        checks.check("nginx: a POST is sent once", ask(8001, "POST"), 502, 0,
                     closing.n_requests, 3 + 1)
        checks.check("nginx: three silent ones", ask(8002), 504, 3, silent.n_requests, 3)
        checks.check("nginx: three that do not accept", ask(8003), 504, 3)
        checks.check("nginx: a first request", ask(8005), 200, 0, once.n_connections, 1)
        checks.check("nginx: a kept connection breaks, which does not count", ask(8005), 200,
                     0, once.n_connections, 2)
        checks.check("nginx: but for a POST", ask(8005, "POST"), 502, 0,
                     once.n_connections, 2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def ask_haproxy(checks, folder, closing, silent, good):
    pools = {8100: CLOSED_PORTS[:2], 8101: [9002], 8102: [9003], 8103: [FULL_PORT, 9001],
             8104: [CLOSED_PORTS[0], 9001], 8105: [9001]}
    config = os.path.join(folder, "haproxy.cfg")
    with open(config, "w", encoding="ascii") as file:
        file.write("global\n  nbthread 1\ndefaults\n  mode http\n  option http-keep-alive\n"
                   "  timeout connect 800ms\n  timeout client 50s\n  timeout server 1s\n")
        for port, pool in pools.items():
            file.write(f"listen l{port}\n  bind 127.0.0.1:{port}\n  balance roundrobin\n")
            file.writelines(f"  server s{i} 127.0.0.1:{p}\n" for i, p in enumerate(pool))
    process = run(["haproxy", "-db", "-f", config], 8100, folder)
    n_closed, n_silent = closing.n_requests, silent.n_requests
    try:
        checks.check("HAProxy: one refuses, and is asked again after the connect time-out",
                     ask(8104), 503, 3 * 0.8)
        checks.check("HAProxy: all refuse", ask(8100), 503, 3 * 0.8)
        checks.check("HAProxy: one that does not accept is asked four times", ask(8103), 503,
                     4 * 0.8)
        checks.check("HAProxy: one closes", ask(8101), 502, 0,
                     closing.n_requests - n_closed, 1)
        checks.check("HAProxy: one is silent", ask(8102), 504, 1,
                     silent.n_requests - n_silent, 1)
        n_connections = good.n_connections
        for _ in range(3):
            got = ask(8105)
        checks.check("HAProxy: each client's first request has a connection", got, 200, 0,
                     good.n_connections - n_connections, 3)
        n_connections = good.n_connections
        with socket.create_connection(("127.0.0.1", 8105)) as client:
            for _ in range(3):
                got = ask(8105, connection=client)
        checks.check("HAProxy: those after it do not", got, 200, 0,
                     good.n_connections - n_connections, 1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def main():
    program, folder = sys.argv[1:]
    checks = Checks()
    good = Upstream(9001, 1000)
    closing = Upstream(9002, 0)
    silent = Upstream(9003, 0, is_silent=True)
    once = Upstream(9004, 1)
    fillers = fill_backlog()
    if program == "nginx":
        ask_nginx(checks, folder, closing, silent, once)
    else:
        ask_haproxy(checks, folder, closing, silent, good)
    del fillers
    return checks.n_failed > 0


if __name__ == "__main__":
    sys.exit(main())
