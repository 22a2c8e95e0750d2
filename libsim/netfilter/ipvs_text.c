#include <glib.h>
#include <string.h>

#include "base/units.h"
#include "netfilter/ipvs.h"

G_DEFINE_QUARK(vs - ipvs - error - quark, vs_ipvs_error)

enum {
    DEFAULT_PERSISTENCE_S = 360, /* Of a bare -p; ipvsadm's is 360. */
    MAX_PERSISTENCE_S = 31 * 24 * 3600,
    MAX_WEIGHT = 65535,
};

/* What the options of one line say. */
typedef struct Line {
    char command; /* A or a. */
    uint8_t protocol;
    VsAddr address, server;
    uint16_t port, server_port;
    const VsIpvsScheduler *scheduler;
    const char *flags; /* Of the line's words, or NULL. */
    uint64_t persistence_s;
    uint64_t weight;
    bool has_server;
} Line;

static bool
fail(GError **error, unsigned number, VsIpvsError code, const char *what,
     const char *value)
{
    g_set_error(error, VS_IPVS_ERROR, (int)code, "%u: \"%s\": %s", number, value, what);
    return false;
}

/* "10.96.0.1:443" */
static bool
parse_endpoint(const char *text, VsAddr *ret_address, uint16_t *ret_port)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    uint64_t port;

    if (g_strv_length(parts) != 2 || !vs_parse_ipv4(parts[0], ret_address, NULL) ||
        !g_ascii_string_to_unsigned(parts[1], 10, 1, UINT16_MAX, &port, NULL)) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

/* An option with its value; false with 'error' set. */
static bool
read_value(Line *line, char option, const char *value, unsigned number, GError **error)
{
    switch (option) {
    case 't':
    case 'u':
        line->protocol = option == 't' ? VS_PROTOCOL_TCP : VS_PROTOCOL_UDP;
        if (!parse_endpoint(value, &line->address, &line->port)) {
            return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                        "an address and a port are due, as in 10.96.0.1:443", value);
        }
        return true;
    case 'r':
        line->has_server = true;
        if (!parse_endpoint(value, &line->server, &line->server_port)) {
            return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                        "an address and a port are due, as in 10.0.0.2:6443", value);
        }
        return true;
    case 's':
        line->scheduler = vs_ipvs_scheduler_find(value);
        if (!line->scheduler) {
            return fail(error, number, VS_IPVS_ERROR_UNSUPPORTED,
                        "schedulers are rr, wrr, lc, wlc, sh, dh, sed, nq, mh, lblc, "
                        "lblcr, fo, ovf",
                        value);
        }
        return true;
    case 'b':
        line->flags = value;
        return true;
    case 'w':
        if (!g_ascii_string_to_unsigned(value, 10, 0, MAX_WEIGHT, &line->weight,
                                        NULL)) {
            return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                        "a weight is a number from 0 to 65535", value);
        }
        return true;
    default: /* p */
        if (!g_ascii_string_to_unsigned(value, 10, 1, MAX_PERSISTENCE_S,
                                        &line->persistence_s, NULL)) {
            return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                        "persistence is a number of seconds", value);
        }
        return true;
    }
}

static bool
read_options(Line *line, char **words, unsigned number, GError **error)
{
    for (; *words; words++) {
        const char *word = *words;
        char option = word[0] == '-' && word[1] && !word[2] ? word[1] : '\0';

        if (option == '\0') {
            return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                        "an option of one letter is due, as in -A", word);
        }
        if (option == 'A' || option == 'a') {
            line->command = option;
        } else if (option == 'p' && (!words[1] || words[1][0] == '-')) {
            line->persistence_s = DEFAULT_PERSISTENCE_S;
        } else if (strchr("turswpb", option)) {
            if (!words[1]) {
                return fail(error, number, VS_IPVS_ERROR_SYNTAX, "it wants a value",
                            word);
            }
            words++;
            if (!read_value(line, option, *words, number, error)) {
                return false;
            }
        } else if (option != 'm') {
            return fail(error, number, VS_IPVS_ERROR_UNSUPPORTED,
                        "options are -A -a -t -u -s -b -p -r -m -w", word);
        }
    }
    return true;
}

static bool
add_server(VsIpvs *ipvs, const Line *line, unsigned number, GError **error)
{
    VsIpvsService *service =
        vs_ipvs_find_service(ipvs, line->protocol, line->address, line->port);

    if (!service || !line->has_server) {
        return fail(error, number, VS_IPVS_ERROR_REFERENCE,
                    service ? "-r with the server is missing"
                            : "-A has not made such a service",
                    "-a");
    }
    if (vs_ipvs_find_server(service, line->server, line->server_port)) {
        return fail(error, number, VS_IPVS_ERROR_REFERENCE,
                    "the service has this server already", "-r");
    }
    vs_ipvs_add_server(service, line->server, line->server_port,
                       (uint32_t)line->weight);
    return true;
}

static bool
add_service(VsIpvs *ipvs, const Line *line, unsigned number, const char *text,
            GError **error)
{
    g_autoptr(GError) reason = NULL;
    VsIpvsService *service;
    unsigned flags = 0;

    if (line->flags && !vs_ipvs_flags_parse(line->scheduler, line->flags, &flags)) {
        return fail(
            error, number, VS_IPVS_ERROR_UNSUPPORTED,
            "flags are sh-fallback and sh-port of -s sh, mh-fallback and mh-port "
            "of -s mh",
            line->flags);
    }
    service = vs_ipvs_add_service(ipvs, line->protocol, line->address, line->port,
                                  line->scheduler, (VsTime)line->persistence_s * VS_S,
                                  &reason);
    if (!service) {
        return fail(error, number, VS_IPVS_ERROR_REFERENCE, reason->message, text);
    }
    vs_ipvs_set_flags(service, flags);
    return true;
}

static bool
read_line(VsIpvs *ipvs, const char *text, unsigned number, GError **error)
{
    Line line = {.scheduler = vs_ipvs_scheduler_find("wlc"), .weight = 1};
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) reason = NULL;

    if (!g_shell_parse_argv(text, NULL, &words, &reason)) {
        return fail(error, number, VS_IPVS_ERROR_SYNTAX, reason->message, text);
    }
    if (!read_options(&line, words, number, error)) {
        return false;
    }
    if (line.command == '\0' || line.protocol == 0) {
        return fail(error, number, VS_IPVS_ERROR_SYNTAX,
                    "-A or -a, and -t or -u with the service, are due", text);
    }
    return line.command == 'a' ? add_server(ipvs, &line, number, error)
                               : add_service(ipvs, &line, number, text, error);
}

bool
vs_ipvs_read(VsIpvs *ipvs, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; lines[i]; i++) {
        g_strstrip(lines[i]);
        if (lines[i][0] != '\0' && lines[i][0] != '#' &&
            !read_line(ipvs, lines[i], i + 1, error)) {
            return false;
        }
    }
    return true;
}

/* " -t 10.96.0.1:443" */
static void
append_service(GString *text, const VsIpvsService *service)
{
    g_autofree char *address = vs_format_ipv4(service->address);

    g_string_append_printf(text, "-%c %s:%u",
                           service->protocol == VS_PROTOCOL_TCP ? 't' : 'u', address,
                           service->port);
}

char *
vs_ipvs_print(const VsIpvs *ipvs)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < ipvs->services->len; i++) {
        const VsIpvsService *service = ipvs->services->pdata[i];
        g_autofree char *flags = vs_ipvs_flags_format(service->flags);

        g_string_append(text, "-A ");
        append_service(text, service);
        g_string_append_printf(text, " -s %s", service->scheduler->name);
        if (service->persistence != 0) {
            g_string_append_printf(text, " -p %" G_GINT64_FORMAT,
                                   (gint64)(service->persistence / VS_S));
        }
        if (*flags) {
            g_string_append_printf(text, " -b %s", flags);
        }
        g_string_append_c(text, '\n');
        for (unsigned k = 0; k < service->servers->len; k++) {
            const VsIpvsServer *server = service->servers->pdata[k];
            g_autofree char *address = vs_format_ipv4(server->address);

            g_string_append(text, "-a ");
            append_service(text, service);
            g_string_append_printf(text, " -r %s:%u -m -w %u\n", address, server->port,
                                   server->weight);
        }
    }
    return g_string_free(text, FALSE);
}
