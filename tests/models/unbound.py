"""unbound.py VETHSIM FOLDER: the real Unbound and our recursive resolver ask for the same names.

The same zones are given to NSD servers, one at each address, and to a scenario.  For each case a
few names are asked for, one after the other; which server is asked for what, in which order, must
be the same.  Prints a line "ok - ..." or "not ok - ..." a case, fails if one did.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

VETHSIM, FOLDER = sys.argv[1:3]

# Servers, and what each has: lines of a zone file.
ROOT = {".": """. NS a.root-servers.net.
a.root-servers.net. A {root}
com. NS ns.com.
ns.com. A {com}
net. NS ns.net.
ns.net. A {net}"""}
COM = {"com.": """com. NS ns.com.
ns.com. A {com}
example.com. NS ns1.example.com.
ns1.example.com. A {one}
glueless.com. NS ns1.example.net."""}
NET = {"net.": """net. NS ns.net.
ns.net. A {net}
example.net. NS ns1.example.net.
ns1.example.net. A {two}"""}
ONE = {"example.com.": """example.com. NS ns1.example.com.
ns1.example.com. A {one}
www.example.com. A 192.0.2.1
inside.example.com. CNAME www.example.com.
outside.example.com. CNAME www.example.net.
nowhere.example.com. CNAME no.example.net.
a.b.c.d.example.com. A 192.0.2.2""" + "".join(
    f"\nlong.example.com. A 192.0.2.{i}" for i in range(1, 101))}
TWO = {"example.net.": """example.net. NS ns1.example.net.
ns1.example.net. A {two}
www.example.net. A 192.0.2.4""", "glueless.com.": """glueless.com. NS ns1.example.net.
www.glueless.com. A 192.0.2.3"""}
SERVERS = {"root": ROOT, "com": COM, "net": NET, "one": ONE, "two": TWO}
ADDRESSES = {name: f"127.0.1.{i}" for i, name in enumerate(SERVERS, 1)}

CASES = [
    ("a name below example.com, and another", ["www.example.com", "inside.example.com"]),
    ("a name asked for again", ["www.example.com", "www.example.com"]),
    ("names in another zone", ["outside.example.com", "www.example.net"]),
    ("a server without glue", ["www.glueless.com", "www.example.net"]),
    ("a server without glue that is known", ["www.example.net", "www.glueless.com"]),
    ("no such name, twice", ["no.example.com", "no.example.com"]),
    ("another name of none", ["nowhere.example.com", "no.example.net"]),
    ("a name with labels between", ["a.b.c.d.example.com", "x.d.example.com"]),
    ("no such name above", ["x.y.no.example.com"]),
    ("an answer that is too long", ["long.example.com"]),
]


def zone_file(text):
    """A zone file: NSD wants a SOA record, and so do denials."""
    top = text.split()[0]
    return (f"$TTL 600\n{top} SOA ns. hostmaster. 1 7200 1800 86400 300\n"
            + re.sub(r"^(\S+) (A|NS|CNAME) ", r"\1 600 IN \2 ",
                     text.format(**ADDRESSES), flags=re.M) + "\n")


def start_nsd(name):
    """One NSD at the address of server 'name'."""
    folder = f"{FOLDER}/{name}"
    os.mkdir(folder)
    conf = [f'server:\n  ip-address: {ADDRESSES[name]}\n  username: ""\n  chroot: ""\n'
            f'  zonesdir: "{folder}"\n  database: ""\n  pidfile: "{folder}/pid"\n'
            f'  xfrdfile: "{folder}/xfrd"\n  xfrdir: "{folder}"\n'
            f'  zonelistfile: "{folder}/list"\n  logfile: "{folder}/log"\n'
            f'  minimal-responses: yes\n'
            'remote-control:\n  control-enable: no\n']
    for i, (top, text) in enumerate(SERVERS[name].items()):
        with open(f"{folder}/{i}", "w") as file:
            file.write(zone_file(text))
        conf.append(f'zone:\n  name: "{top}"\n  zonefile: "{i}"\n')
    with open(f"{folder}/conf", "w") as file:
        file.write("".join(conf))
    return subprocess.Popen(["nsd", "-d", "-c", f"{folder}/conf"],
                            stderr=subprocess.DEVNULL, start_new_session=True)


def ask(name, kind=1, address="127.0.0.1", timeout=20):
    """The code and the number of answers to a question by UDP; None: no answer."""
    question = struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"".join(
        bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((address, 53))
        try:
            client.send(question + struct.pack("!BHH", 0, kind, 1))
            return client.recv(4096)[3] & 15
        except OSError:
            return None


def wait_for(address, name):
    for _ in range(200):
        if ask(name, 2, address, 0.1) is not None:
            return
        time.sleep(0.05)
    sys.exit(f"nothing answers at {address}")


def real_questions(names):
    """What a new Unbound asks whom, in order."""
    log = f"{FOLDER}/unbound.log"
    with open(f"{FOLDER}/hints", "w") as file:
        file.write(f". 600 NS a.root-servers.net.\n"
                   f"a.root-servers.net. 600 A {ADDRESSES['root']}\n")
    with open(f"{FOLDER}/unbound.conf", "w") as file:
        file.write(f'server:\n  interface: 127.0.0.1\n  username: ""\n  chroot: ""\n'
                   f'  directory: "{FOLDER}"\n  pidfile: "{FOLDER}/unbound.pid"\n'
                   f'  root-hints: "{FOLDER}/hints"\n  module-config: "iterator"\n'
                   f'  do-ip6: no\n  do-not-query-localhost: no\n  num-threads: 1\n'
                   f'  target-fetch-policy: "0 0 0 0 0"\n  verbosity: 4\n'
                   f'  use-syslog: no\n  logfile: "{log}"\n'
                   f'remote-control:\n  control-enable: no\n')
    if os.path.exists(log):
        os.remove(log)
    unbound = subprocess.Popen(["unbound", "-d", "-c", f"{FOLDER}/unbound.conf"],
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(200):
            with open(log) if os.path.exists(log) else open(os.devnull) as file:
                if "start of service" in file.read():
                    break
            time.sleep(0.05)
        for name in names:
            ask(name)
    finally:
        unbound.send_signal(signal.SIGTERM)
        unbound.wait()
    with open(log) as file:
        return parse_log(file.read())


def parse_log(text):
    """"sending query: NAME TYPE IN" is followed by "sending to target: <ZONE> ADDRESS#53"."""
    names = {address: name for name, address in ADDRESSES.items()}
    asked = []
    query = None
    for line in text.splitlines():
        if found := re.search(r"sending query: (\S+) (\S+) IN", line):
            query = found[1].rstrip("."), found[2]
        elif found := re.search(r"sending to target: <\S*> (\S+)#53", line):
            asked.append((names[found[1]], *query))
    return asked


def element(record):
    name, kind, value = record.split()
    top = name.rstrip(".") or "."
    value = value.rstrip(".") if kind != "A" else value
    attribute = {"A": "address", "NS": "ns", "CNAME": "cname"}[kind]
    if kind == "A" and value.startswith("{"):
        attribute, value = "to", value.strip("{}")
    return f'<record name="{top}" {attribute}="{value}" ttl="600s"/>'


def our_questions(names):
    """What our resolver asks whom: of a capture.  Addresses follow the order of links."""
    hosts = ["isp", *SERVERS, *(f"c{i}" for i in range(len(names)))]
    lines = ['<scenario version="1" seed="1" until="100s" xmlns="urn:vethsim:scenario:1">'
             '<switch id="sw" subnet="10.0.0.0/24"/><resolver id="isp" roots="root"/>']
    for name, zones in SERVERS.items():
        lines.append(f'<dns id="{name}">')
        for top, text in zones.items():
            lines.append(f'<zone name="{top}" negative-ttl="300s">')
            lines += map(element, text.splitlines())
            lines.append('</zone>')
        lines.append('</dns>')
    for i, name in enumerate(names):
        lines.append(f'<client id="c{i}" resolver="isp" arrivals="constant(0.001/s)" '
                     f'start="{i * 20}s" to="http://{name}/"/>')
    lines += [f'<link from="{host}" to="sw"/>' for host in hosts]
    with open(f"{FOLDER}/scenario.xml", "w") as file:
        file.write("\n".join(lines) + "</scenario>\n")
    subprocess.run([VETHSIM, "run", f"{FOLDER}/scenario.xml", "--no-plots", "-o",
                    f"{FOLDER}/results", f"--pcapng={FOLDER}/capture"],
                   check=True, capture_output=True)
    return read_capture({f"10.0.0.{i}": host for i, host in enumerate(hosts, 1)})


def read_capture(hosts):
    """Questions without "recursion desired", which are the resolver's own, each once: it is
    seen at many interfaces.  Those by TCP are left out, as Unbound does not log them."""
    fields = ["dns.id", "ip.dst", "dns.qry.name", "dns.qry.type"]
    said = subprocess.run(
        ["tshark", "-r", f"{FOLDER}/capture", "-Y",
         "udp && dns.flags.response == 0 && dns.flags.recdesired == 0", "-T", "fields",
         *(word for field in fields for word in ("-e", field))],
        check=True, capture_output=True, text=True).stdout
    kinds = {"1": "A", "2": "NS"}
    asked = []
    for line in dict.fromkeys(said.splitlines()):
        _, address, name, kind = line.split("\t")
        asked.append((hosts[address], name.replace("<Root>", ""), kinds[kind]))
    return asked


def main():
    failed = False
    servers = [start_nsd(name) for name in SERVERS]
    try:
        for name in SERVERS:
            wait_for(ADDRESSES[name], "example")
        for title, names in CASES:
            real = real_questions(names)
            ours = our_questions(names)
            failed |= real != ours or len(real) < 4
            print("ok -" if real == ours and len(real) >= 4 else "not ok -", title)
            if real != ours:
                print(f"# Unbound: {real}\n# ours:    {ours}")
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    return failed


if __name__ == "__main__":
    sys.exit(main())
