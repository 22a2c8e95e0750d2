"""Times transfers over TCP, one after the other in one connection.

usage: bulk.py serve ADDRESS [CONGESTION]
           answers one client, with the congestion control CONGESTION; says when it is "ready"
       bulk.py fetch ADDRESS BYTES [COUNT]
           prints the seconds from connect() to the last byte of COUNT answers of so many bytes,
           one without it
"""
import socket
import struct
import sys
import time

PORT = 8080
BUFFER = 16 << 20  # Limits nobody; as root, beyond rmem_max and wmem_max.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33


def receive(connection, n):
    """False at the end of the stream."""
    while n > 0:
        data = connection.recv(min(n, 1 << 20))
        if not data:
            return False
        n -= len(data)
    return True


def serve(address, congestion=None):
    server = socket.create_server((address, PORT))
    if congestion:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    print("ready", flush=True)
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
    while request := connection.recv(8):
        connection.sendall(bytes(*struct.unpack("!Q", request)))
    connection.close()


def fetch(address, n_bytes, count="1"):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    start = time.monotonic()
    client.connect((address, PORT))
    for _ in range(int(count)):
        client.sendall(struct.pack("!Q", int(n_bytes)))
        if not receive(client, int(n_bytes)):
            sys.exit("the server has gone")
    print(time.monotonic() - start)


{"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
