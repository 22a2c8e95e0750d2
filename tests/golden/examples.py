"""Does `vethsim check` take the XML examples of a page of the manual?

usage: examples.py VETHSIM PAGE FOLDER

An example shows a part of a scenario.  What it leaves out is added: "..." by what an element
must have, hosts and services that it names by plain ones.  Files are made in FOLDER.  Prints
a line of the Test Anything Protocol for each example.
"""

import json
import pathlib
import re
import subprocess
import sys

SCENARIO = '<scenario version="1" until="10s" xmlns="urn:vethsim:scenario:1">'

# What an example must have in it, what it then must not have, and what is added.
MISSING = [
    (r'ecmp=', r'<node', '<switch id="a"/><link from="a" to="leaf"/>'
                         '<switch id="b"/><link from="b" to="far-leaf"/>'),
    (r'(from|to)="n1"', r'<node id="n1"', '<node id="n1"/>'),
    (r'(from|to)="r"', r'<router id="r"', '<router id="r"/>'),
    (r'(from|to)="sw"', r'<switch id="sw"', '<switch id="sw"/>'),
    (r'dev="eth0"', r'<link', '<router id="r"/><link from="n1" to="r"/>'),
    (r'<node [^>]*count=', r'<link', '<switch id="sw"/><link from="node" to="sw"/>'),
    (r'"isp', r'id="isp"', '<dns id="authority"><record name="api.partner.com" to="isp"/></dns>'
                           '<resolver id="isp" upstream="authority"/>'
                           '<link from="authority" to="isp"/>'),
    (r' backup"', r'id="backup"', '<resolver id="backup" upstream="authority"/>'
                                  '<link from="backup" to="isp"/>'),
    (r'<client id="users".*resolver=', r'<link', '<link from="users" to="isp"/>'),
    (r'dns-nameservers=', r'<link', '<link from="isp" to="sw"/>'),
    (r'<pod', r'<node', '<node id="a-node"/>'),
    (r'service="shop"', r'<service id="shop"', '<service id="shop" type="LoadBalancer" select="app=shop"/>'),
    (r'service="shop"', r'<pod', '<pod id="shop" labels="app=shop">'
                                 '<container id="web"/></pod>'),
    (r'<lb id="edge"', r'<link', '<link from="edge" to="n1"/>'),
    (r'shop\.default', r'coredns', '<service id="shop" select="app=shop"/>'
                                    '<service id="kube-dns" protocol="udp" port="53" '
                                    'cluster-ip="10.96.0.10" select="k8s-app=kube-dns"/>'
                                    '<pod id="dns" labels="k8s-app=kube-dns"><coredns/></pod>'),
    (r'<nodelocaldns', r'id="kube-dns"', '<service id="kube-dns" protocol="udp" port="53" '
                                         'cluster-ip="10.96.0.10" select="k8s-app=kube-dns"/>'),
    (r'to="old"', r'id="old"', '<switch id="sw"/><link from="authority" to="sw"/>'
                               '<link from="isp" to="sw"/>' + "".join(
                                   f'<router id="{name}"/><link from="{name}" to="sw"/>'
                                   for name in ("old", "new", "here", "there"))),
    (r'id="tld"', r'<link', '<router id="edge"/><switch id="sw"/>' + "".join(
        f'<link from="{name}" to="sw"/>'
        for name in ("isp", "root", "tld", "authority", "edge"))),
    (r'endpoint-delay=', r'<service', '<service id="shop" select="app=shop"/>'),
    (r'service="db"', r'<service id="db"', '<service id="db" select="app=db"/>'),
    (r'service="db"', r'labels="app=db"', '<pod id="db" labels="app=db">'
                                          '<container id="db" http-version="both"/></pod>'),
]

FILES = {
    "node-1.rules": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
                    ":OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    "node-1.sets": "create pods hash:net family inet\nadd pods 10.244.0.0/16\n",
    "node-1.addr.json": json.dumps([{"ifname": "lo", "mtu": 65536, "addr_info": [
        {"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]}]),
    "node-1.route.json": "[]",
    "profiles/cluster.xml": '<profile version="1" xmlns="urn:vethsim:scenario:1">'
                            '<node id="node"/></profile>',
}


def complete(example):
    """The whole scenario of which 'example' shows a part."""
    host = "api.partner.com" if "resolver=" in example else "172.16.0.2"
    for attribute, value in [("arrivals", "constant(1/s)"), ("to", f"http://{host}/")]:
        example = re.sub(
            r"(<client\b[^>]*?) \.\.\./>",
            lambda m: m[1] + (f' {attribute}="{value}"' if f" {attribute}=" not in m[1] else "")
            + " .../>", example)
    example = example.replace(" .../>", "/>").replace("> ... <", '><container id="web" port="80"/><')
    if example.startswith("<scenario"):
        example = example.replace(" ... ", SCENARIO[len("<scenario"):-1] + " ")
        return example if "</scenario>" in example else example + "</scenario>"
    if example.startswith("<qdisc"):
        example = f'<link from="n1" to="r">{example}</link>'
    for has, has_not, text in MISSING:
        if re.search(has, example, re.S) and not re.search(has_not, example):
            example += text
    return f"{SCENARIO}\n{example}</scenario>\n"


def main():
    vethsim, page, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    text = pathlib.Path(page).read_text(encoding="utf-8")
    n_failed = 0

    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    for found in re.finditer(r"^```xml\n(.*?)^```", text, re.S | re.M):
        fact = f"the example at line {text.count(chr(10), 0, found.start()) + 2} is a scenario's"
        file = folder / "example.xml"
        file.write_text(complete(found[1]), encoding="utf-8")
        said = subprocess.run([vethsim, "check", file], capture_output=True, text=True,
                              check=False)
        n_failed += said.returncode != 0
        print("ok" if said.returncode == 0 else "not ok", "-", fact)
        for line in said.stderr.splitlines():
            print("#", line)
    if "```xml" not in text:
        sys.exit(f"{page} has no examples")
    sys.exit(n_failed > 0)


main()
