"""Times a bulk transfer over TCP: bulk.py serve ADDRESS BYTES, or bulk.py fetch ADDRESS, which
prints the seconds from connect() to the last byte."""
import socket
import sys
import time

PORT = 8080

if sys.argv[1] == "serve":
    server = socket.create_server((sys.argv[2], PORT))
    print("ready", flush=True)
    connection, _ = server.accept()
    connection.recv(1)
    connection.sendall(bytes(int(sys.argv[3])))
    connection.close()
else:
    start = time.monotonic()
    connection = socket.create_connection((sys.argv[2], PORT))
    connection.sendall(b"?")
    while connection.recv(1 << 20):
        pass
    print(time.monotonic() - start)
