#!/usr/bin/env python3
"""The kernel's side of sidecar.sh, inside a network namespace.

usage: sidecar.py serve PORT...           tells each connection who accepted it, and where it
                                          was meant to go, until killed
       sidecar.py ask UID ADDRESS PORT    connects as this user, and prints what it is told
"""
import os
import selectors
import socket
import struct
import sys

SO_ORIGINAL_DST = 80


def original(connection):
    try:
        packed = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    except OSError:
        return "-"
    port, address = struct.unpack("!2xH4s8x", packed)
    return f"{socket.inet_ntoa(address)}:{port}"


def serve(ports):
    selector = selectors.DefaultSelector()
    for port in ports:
        listener = socket.create_server(("0.0.0.0", int(port)))
        selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            connection, _ = key.fileobj.accept()
            address, port = connection.getsockname()
            connection.sendall(f"{address}:{port} {original(connection)}\n".encode())
            connection.close()


def ask(uid, address, port):
    os.setgid(int(uid))
    os.setuid(int(uid))
    try:
        with socket.socket() as connection:  # A socket is whose program makes it.
            connection.settimeout(3)
            connection.connect((address, int(port)))
            print(connection.recv(100).decode(), end="")
    except OSError:
        print("refused")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2:])
    else:
        ask(*sys.argv[2:])
