"""How a sender's window moves, by the TCP segments at its card: see window.sh.

usage: window.py record IFACE PORT FILE
           records what passes IFACE of this namespace, from and to PORT, until a SIGTERM
       window.py read CAPTURE PORT FILE
           the same from vethsim's capture.pcapng
       window.py payload FILE
           prints the bytes of data that were sent
       window.py compare NAMES KERNEL SIMULATED
           prints those measures of the kernel's windows and of vethsim's that have NAMES in
           their names; succeeds if none are apart

A line of FILE is one segment: "out|in SEQ ACK BYTES".

The time of a segment does not count, only their order: as a function of the bytes that have
been acknowledged a window is the same on a busy machine."""
import signal
import socket
import statistics
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4
ETHER, IP, TCP = 14, 20, 6
BLOCK_PACKET = 6
MSS = 1460


def parse(frame, port):
    """The line of a frame, or None."""
    if len(frame) < ETHER + IP + 20 or frame[12:14] != b"\x08\x00" or frame[23] != TCP:
        return None
    ip_bytes, = struct.unpack_from("!H", frame, 16)
    begin = ETHER + (frame[14] & 15) * 4
    sport, dport, seq, ack, words = struct.unpack_from("!HHIIB", frame, begin)
    payload = ip_bytes - (begin - ETHER) - (words >> 4) * 4
    if port not in (sport, dport):
        return None
    return f"{'out' if sport == port else 'in'} {seq} {ack} {payload}"


def write(lines, path):
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


def record(iface, port, path):
    card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    frames = []

    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    card.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    card.bind((iface, 0))
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    try:
        while True:
            frames.append(card.recv(96))
    except KeyboardInterrupt:
        pass
    card.setblocking(False)
    try:
        while True:
            frames.append(card.recv(96))
    except BlockingIOError:
        pass
    _, n_lost = struct.unpack("II", card.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    if n_lost:
        sys.exit(f"{n_lost} packets were not recorded")
    write(filter(None, (parse(frame, port) for frame in frames)), path)


def read_capture(capture, port, path):
    """The packets of a pcapng file in the byte order of this machine's kind."""
    with open(capture, "rb") as file:
        data = file.read()
    lines, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == BLOCK_PACKET:
            n, = struct.unpack_from("<I", data, at + 20)
            lines.append(parse(data[at + 28:at + 28 + n], port))
        at += size
    write(filter(None, lines), path)


def flight(point):
    return point[1]


class Window:
    """Bytes in flight after each segment sent, by what was acknowledged then.

    A tooth is what lies between two losses: a run of segments none of which is sent again.
    Its bottom and top are the first and the last tenth of its windows by size, in segments, as
    is its length.  Those who are at its very ends belong to the recovery before and after."""

    def __init__(self, path):
        self.points = []        # (bytes acknowledged, bytes in flight)
        self.sent = self.n_again = 0
        self.tooth = []         # The longest between two losses, as points.
        first, acked, run = None, 0, None
        with open(path, encoding="ascii") as file:
            for line in file:
                way, *numbers = line.split()
                seq, ack, n = map(int, numbers)
                if way == "in" and first is not None:
                    acked = max(acked, (ack - first) % 2 ** 32)
                elif way == "out" and n > 0:
                    first = seq if first is None else first
                    begin = (seq - first) % 2 ** 32
                    if begin < self.sent:
                        self.n_again += 1
                        self.tooth = max(self.tooth, run or [], key=len)
                        run = []
                    self.sent = max(self.sent, begin + n)
                    self.points.append((acked, self.sent - acked))
                    if run is not None:
                        run.append(self.points[-1])

    def measures(self):
        """Name to (value, how far it may be off: a share, and so much)."""
        tenths = statistics.quantiles((flight for _, flight in self.tooth), n=10)
        return {
            "segments sent again": (self.n_again, 0.1, 3),
            "segments not acknowledged, at most": (max(self.points, key=flight)[1] / MSS, 0.1, 1),
            "bottom of a tooth": (tenths[0] / MSS, 0.1, 1),
            "middle of a tooth": (tenths[4] / MSS, 0.05, 1),
            "top of a tooth": (tenths[8] / MSS, 0.05, 1),
            "length of a tooth": ((self.tooth[-1][0] - self.tooth[0][0]) / MSS, 0.15, 0),
        }


def compare(names, kernel, simulated):
    """True if vethsim's measures are near the kernel's."""
    real = Window(kernel).measures()
    is_near = True
    for name, (value, share, least) in Window(simulated).measures().items():
        if names in name:
            is_right = abs(value - real[name][0]) <= max(share * real[name][0], least)
            is_near &= is_right
            print(f"{name}: kernel {real[name][0]:.1f}, vethsim {value:.1f}" +
                  ("" if is_right else ": APART"))
    return is_near


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "record":
        record(rest[0], int(rest[1]), rest[2])
    elif verb == "read":
        read_capture(rest[0], int(rest[1]), rest[2])
    elif verb == "payload":
        print(Window(rest[0]).sent)
    else:
        sys.exit(not compare(*rest))
