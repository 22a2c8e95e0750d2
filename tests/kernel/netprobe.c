/* The kernel's side of the comparison: small servers, clients and a recorder of frames, each
 * in a network namespace made by `ip netns add`.
 *
 * usage: netprobe serve NETNS tcp|udp PORT
 *            answers each connection or datagram with NETNS, until killed
 *        netprobe ask NETNS tcp|udp ADDRESS PORT COUNT [SOURCE_PORT]
 *            asks COUNT times, one after the other, from SOURCE_PORT, SOURCE_PORT + 1, ..., and
 *            prints each answer: its text, "refused", "unreachable", "reset" or "timeout".
 *            With a SOURCE_PORT it sends a datagram from there by lo before each question, to
 *            port 9 (discard), which marks the beginning for who records
 *        netprobe send NETNS
 *            sends the packets of the list on stdin, each a line "SADDR DADDR udp|tcp SPORT
 *            DPORT TTL", from whatever address it says: a datagram of 4 bytes or a SYN
 *        netprobe record NETNS...
 *            prints a line for each TCP, UDP or ICMP frame at any interface of these
 *            namespaces in the order of the kernel's time stamps, when it gets a SIGTERM:
 *            "NETNS IFACE in|out tcp|udp|icmp SADDR SPORT DADDR DPORT FLAGS TTL", where
 *            ICMP's type and code stand for the ports */
#define _GNU_SOURCE /* setns() */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* An ICMP error that comes while connect() still holds the socket does not count: only that
 * to the second SYN, after a second, ends it. */
enum {
    MAX_NAMESPACES = 64,
    MAX_LINE = 160,
    TCP_TIMEOUT_MS = 1500,
    UDP_TIMEOUT_MS = 500,
};

static void
fail(const char *what, const char *name)
{
    fprintf(stderr, "netprobe: %s %s: %s\n", what, name, strerror(errno));
    exit(EXIT_FAILURE);
}

static void
enter_netns(const char *name)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "/run/netns/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        fail("namespace", name);
    }
    close(fd);
}

static int
open_socket(bool is_tcp, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    int on = 1;

    if (fd < 0) {
        fail("socket", "");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail("bind", "");
    }
    return fd;
}

/* ---- serve ---- */

static void
serve_stream(int listener, const char *text)
{
    for (;;) {
        char request[64];
        int fd = accept(listener, NULL, NULL);

        if (fd < 0) {
            continue;
        }
        if (read(fd, request, sizeof(request)) > 0 &&
            write(fd, text, strlen(text)) < 0) {
            perror("netprobe: answer");
        }
        close(fd);
    }
}

static void
serve_datagrams(int fd, const char *text)
{
    for (;;) {
        char request[64];
        struct sockaddr_in from;
        socklen_t length = sizeof(from);

        if (recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&from,
                     &length) >= 0 &&
            sendto(fd, text, strlen(text), 0, (struct sockaddr *)&from, length) < 0) {
            perror("netprobe: answer");
        }
    }
}

static int
serve(char **argv)
{
    bool is_tcp = strcmp(argv[1], "tcp") == 0;
    int fd;

    enter_netns(argv[0]);
    fd = open_socket(is_tcp, (uint16_t)atoi(argv[2]));
    if (is_tcp) {
        if (listen(fd, 1024) != 0) {
            fail("listen", argv[2]);
        }
        serve_stream(fd, argv[0]);
    } else {
        serve_datagrams(fd, argv[0]);
    }
    return EXIT_SUCCESS;
}

/* ---- ask ---- */

static const char *
failure_name(void)
{
    switch (errno) {
    case ECONNREFUSED:
        return "refused";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "unreachable";
    case ECONNRESET:
        return "reset";
    case EINPROGRESS:
    case EAGAIN:
    case ETIMEDOUT:
        return "timeout";
    default:
        return strerror(errno);
    }
}

static void
mark_beginning(uint16_t source_port)
{
    struct sockaddr_in discard = {.sin_family = AF_INET,
                                  .sin_port = htons(9),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = open_socket(false, source_port);

    if (sendto(fd, "ask\n", 4, 0, (struct sockaddr *)&discard, sizeof(discard)) < 0) {
        perror("netprobe: mark");
    }
    close(fd);
}

static void
ask_once(bool is_tcp, const struct sockaddr_in *to, uint16_t source_port)
{
    int timeout_ms = is_tcp ? TCP_TIMEOUT_MS : UDP_TIMEOUT_MS;
    struct timeval patience = {.tv_sec = timeout_ms / 1000,
                               .tv_usec = timeout_ms % 1000 * 1000};
    char answer[64] = "";
    int fd = open_socket(is_tcp, source_port);
    ssize_t length = -1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 &&
        write(fd, "ask\n", 4) == 4) {
        length = read(fd, answer, sizeof(answer) - 1);
    }
    if (length > 0) {
        puts(answer);
    } else {
        puts(length == 0 ? "closed" : failure_name());
    }
    close(fd);
}

static int
ask(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[3]))};
    int source_port = argc > 5 ? atoi(argv[5]) : 0;
    int count = atoi(argv[4]);

    enter_netns(argv[0]);
    if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
        fail("address", argv[2]);
    }
    for (int i = 0; i < count; i++) {
        if (source_port) {
            mark_beginning((uint16_t)(source_port + i));
        }
        ask_once(strcmp(argv[1], "tcp") == 0, &to,
                 (uint16_t)(source_port ? source_port + i : 0));
    }
    return EXIT_SUCCESS;
}

/* ---- send ---- */

enum { PAYLOAD_BYTES = 4 };

/* The kernel completes the header of IP; the checksums of UDP and TCP are left 0. */
static size_t
make_packet(uint8_t *bytes, bool is_tcp, uint16_t sport, uint16_t dport, uint8_t ttl)
{
    struct ip *ip = (struct ip *)bytes;
    uint16_t ports[2] = {htons(sport), htons(dport)};
    size_t length = sizeof(*ip) + (is_tcp ? sizeof(struct tcphdr)
                                          : sizeof(struct udphdr) + PAYLOAD_BYTES);

    memset(bytes, 0, length);
    ip->ip_v = 4;
    ip->ip_hl = sizeof(*ip) / 4;
    ip->ip_ttl = ttl;
    ip->ip_p = is_tcp ? IPPROTO_TCP : IPPROTO_UDP;
    memcpy(bytes + sizeof(*ip), ports, sizeof(ports));
    if (is_tcp) {
        struct tcphdr *tcp = (struct tcphdr *)(bytes + sizeof(*ip));

        tcp->doff = sizeof(*tcp) / 4;
        tcp->syn = 1;
    } else {
        ((struct udphdr *)(bytes + sizeof(*ip)))->len =
            htons(sizeof(struct udphdr) + PAYLOAD_BYTES);
    }
    return length;
}

static int
send_packets(const char *netns)
{
    char saddr[32], daddr[32], protocol[8];
    unsigned sport, dport, ttl;
    int fd;

    enter_netns(netns);
    fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW); /* Which brings its header along. */
    if (fd < 0) {
        fail("raw socket", netns);
    }
    while (scanf("%31s %31s %7s %u %u %u", saddr, daddr, protocol, &sport, &dport,
                 &ttl) == 6) {
        uint8_t bytes[64];
        size_t length = make_packet(bytes, strcmp(protocol, "tcp") == 0,
                                    (uint16_t)sport, (uint16_t)dport, (uint8_t)ttl);
        struct ip *ip = (struct ip *)bytes;
        struct sockaddr_in to = {.sin_family = AF_INET};

        if (inet_pton(AF_INET, saddr, &ip->ip_src) != 1 ||
            inet_pton(AF_INET, daddr, &ip->ip_dst) != 1) {
            fail("address", daddr);
        }
        to.sin_addr = ip->ip_dst;
        if (sendto(fd, bytes, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
            fail("send", daddr);
        }
    }
    close(fd);
    return EXIT_SUCCESS;
}

/* ---- record ---- */

typedef struct Line {
    struct timespec at;
    size_t number;
    char text[MAX_LINE];
} Line;

typedef struct Record {
    Line *lines;
    size_t n_lines;
    size_t capacity;
} Record;

static volatile sig_atomic_t is_over;

static void
end(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static void
format_flags(const struct tcphdr *tcp, char *flags)
{
    static const char letters[] = "FSRPA";

    for (int i = 0; i < 5; i++) {
        if (((const uint8_t *)tcp)[13] & 1 << i) {
            *flags++ = letters[i];
        }
    }
    *flags = '\0';
}

/* NULL for those that are not recorded. */
static const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
        return "icmp";
    default:
        return NULL;
    }
}

static size_t
header_bytes(uint8_t protocol)
{
    return protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
}

/* One line of an IPv4 packet of TCP, UDP or ICMP; false for others. */
static bool
describe(const uint8_t *bytes, size_t length, char *text, size_t size)
{
    const struct ip *ip = (const struct ip *)bytes;
    const uint8_t *inner;
    const char *protocol;
    char saddr[INET_ADDRSTRLEN];
    char daddr[INET_ADDRSTRLEN];
    char flags[8] = "-";
    uint16_t ports[2];

    if (length < sizeof(*ip) || ip->ip_v != 4) {
        return false;
    }
    protocol = protocol_name(ip->ip_p);
    if (!protocol || length < (size_t)ip->ip_hl * 4 + header_bytes(ip->ip_p)) {
        return false;
    }
    inner = bytes + (size_t)ip->ip_hl * 4;
    memcpy(ports, inner, sizeof(ports));
    if (ip->ip_p == IPPROTO_ICMP) {
        ports[0] = htons(inner[0]);
        ports[1] = htons(inner[1]);
    }
    inet_ntop(AF_INET, &ip->ip_src, saddr, sizeof(saddr));
    inet_ntop(AF_INET, &ip->ip_dst, daddr, sizeof(daddr));
    if (ip->ip_p == IPPROTO_TCP) {
        format_flags((const struct tcphdr *)inner, flags);
    }
    snprintf(text, size, "%s %s %u %s %u %s %u", protocol, saddr, ntohs(ports[0]),
             daddr, ntohs(ports[1]), flags, ip->ip_ttl);
    return true;
}

/* The time stamp the kernel gave the frame. */
static struct timespec
time_of(struct msghdr *message)
{
    struct timespec at = {0};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            memcpy(&at, CMSG_DATA(c), sizeof(at));
        }
    }
    return at;
}

static void
take_frame(Record *record, int fd, const char *netns, char (*names)[IF_NAMESIZE])
{
    uint8_t bytes[2048];
    uint8_t control[256];
    struct sockaddr_ll from;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    char text[MAX_LINE];
    Line *line;

    if (length < 0 || from.sll_ifindex >= 64 || ntohs(from.sll_protocol) != ETH_P_IP ||
        !describe(bytes, (size_t)length, text, sizeof(text))) {
        return;
    }
    if (record->n_lines == record->capacity) {
        record->capacity = record->capacity ? 2 * record->capacity : 1024;
        record->lines = realloc(record->lines, record->capacity * sizeof(Line));
    }
    line = &record->lines[record->n_lines];
    line->number = record->n_lines++;
    line->at = time_of(&message);
    snprintf(line->text, sizeof(line->text), "%s %s %s %.100s", netns,
             names[from.sll_ifindex],
             from.sll_pkttype == PACKET_OUTGOING ? "out" : "in", text);
}

static int
compare_lines(const void *a_, const void *b_)
{
    const Line *a = a_;
    const Line *b = b_;

    if (a->at.tv_sec != b->at.tv_sec) {
        return a->at.tv_sec < b->at.tv_sec ? -1 : 1;
    }
    if (a->at.tv_nsec != b->at.tv_nsec) {
        return a->at.tv_nsec < b->at.tv_nsec ? -1 : 1;
    }
    return a->number < b->number ? -1 : 1;
}

/* A socket that sees the IPv4 payload of every frame at every interface. */
static int
open_recorder(const char *netns, char (*names)[IF_NAMESIZE])
{
    int on = 1;
    int bytes = 4 << 20;
    int fd;

    enter_netns(netns);
    fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
    if (fd < 0) {
        fail("record", netns);
    }
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    for (unsigned i = 1; i < 64; i++) {
        if (!if_indextoname(i, names[i])) {
            names[i][0] = '\0';
        }
    }
    return fd;
}

static int
record_frames(int n_namespaces, char **namespaces)
{
    static char names[MAX_NAMESPACES][64][IF_NAMESIZE];
    struct pollfd sockets[MAX_NAMESPACES];
    Record record = {0};
    struct sigaction action = {.sa_handler = end};

    if (n_namespaces > MAX_NAMESPACES) {
        fprintf(stderr, "netprobe: at most %d namespaces\n", MAX_NAMESPACES);
        return EXIT_FAILURE;
    }
    for (int i = 0; i < n_namespaces; i++) {
        sockets[i].fd = open_recorder(namespaces[i], names[i]);
        sockets[i].events = POLLIN;
    }
    sigaction(SIGTERM, &action, NULL);
    fputs("ready\n", stderr);
    while (poll(sockets, (nfds_t)n_namespaces, is_over ? 0 : 100) > 0 || !is_over) {
        for (int i = 0; i < n_namespaces; i++) {
            if (sockets[i].revents & POLLIN) {
                take_frame(&record, sockets[i].fd, namespaces[i], names[i]);
            }
        }
    }
    qsort(record.lines, record.n_lines, sizeof(Line), compare_lines);
    for (size_t i = 0; i < record.n_lines; i++) {
        puts(record.lines[i].text);
    }
    free(record.lines);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 5 && strcmp(argv[1], "serve") == 0) {
        return serve(argv + 2);
    }
    if (argc >= 7 && strcmp(argv[1], "ask") == 0) {
        return ask(argc - 2, argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "send") == 0) {
        return send_packets(argv[2]);
    }
    if (argc >= 3 && strcmp(argv[1], "record") == 0) {
        return record_frames(argc - 2, argv + 2);
    }
    fputs("usage: netprobe serve|ask|send|record ...: see netprobe.c\n", stderr);
    return EXIT_FAILURE;
}
