#include "model/rss_params.h"

#include <glib.h>
#include <string.h>

#include "model/element.h"

static const char *const udp_names[] = {
    [VS_RSS_UDP_SD] = "sd",
    [VS_RSS_UDP_SDFN] = "sdfn",
    NULL,
};

const VsParam vs_rss_params[] = {
    VS_PARAM_UINT(VsRssParams, queues, "queues", .def = "0", .max = "256",
                  .doc =
                      "Receive queues; queue i is served by core i modulo the number "
                      "of cores.  0: as many as there are weights, and without "
                      "weights as the host has cores."),
    VS_PARAM_UINT(VsRssParams, table_size, "table-size", .def = "128", .min = "1",
                  .max = "4096",
                  .doc = "Places of the indirection table, a power of two; place i has "
                         "queue i modulo the number of queues."),
    VS_PARAM_STRING(VsRssParams, weights, "weights",
                    .doc = "How many of the table's places each queue has in "
                           "proportion, in blocks: \"6 2\" (ethtool -X weight).  "
                           "Without it all have as many."),
    VS_PARAM_STRING(VsRssParams, key, "key",
                    .doc = "Of the Toeplitz hash, 40 bytes as ethtool -x prints them: "
                           "\"6d:5a:...\".  Without it the key that Microsoft's "
                           "documents verify the hash with."),
    VS_PARAM_CHOICE(VsRssParams, udp, "udp", .def = "sd", .choices = udp_names,
                    .doc = "What of UDP is hashed: addresses (sd) or ports, too (sdfn) "
                           "(ethtool -N rx-flow-hash udp4).  Of TCP it is both, of all "
                           "else and of fragments addresses."),
    {0},
};

/* Bytes in hexadecimal with ":" between them; false: they are not exactly so many. */
static bool
parse_key(const char *text, uint8_t *ret_key)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);

    if (g_strv_length(parts) != VS_TOEPLITZ_KEY_BYTES) {
        return false;
    }
    for (unsigned i = 0; i < VS_TOEPLITZ_KEY_BYTES; i++) {
        uint64_t byte;

        if (strlen(parts[i]) != 2 ||
            !g_ascii_string_to_unsigned(parts[i], 16, 0, UINT8_MAX, &byte, NULL)) {
            return false;
        }
        ret_key[i] = (uint8_t)byte;
    }
    return true;
}

/* The weights with the room of all queues, 0 where none is given; their number in
 * 'ret_n'.  False: one is no number, or there are too many. */
static bool
parse_weights(const char *text, uint32_t *ret_weights, unsigned *ret_n)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t\n", -1);
    unsigned n = 0;

    memset(ret_weights, 0, VS_RSS_MAX_QUEUES * sizeof(*ret_weights));
    for (char **part = parts; *part; part++) {
        uint64_t weight;

        if (**part == '\0') {
            continue;
        }
        if (n == VS_RSS_MAX_QUEUES ||
            !g_ascii_string_to_unsigned(*part, 10, 0, UINT16_MAX, &weight, NULL)) {
            return false;
        }
        ret_weights[n++] = (uint32_t)weight;
    }
    *ret_n = n;
    return n > 0;
}

static bool
check_weights(const VsRssParams *params, const VsElement *element, GError **error)
{
    uint32_t weights[VS_RSS_MAX_QUEUES];
    unsigned n;
    uint64_t sum = 0;

    if (!parse_weights(params->weights, weights, &n)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_VALUE,
            "weights=\"%s\" is not a list of up to %d numbers such as \"6 2\"",
            params->weights, VS_RSS_MAX_QUEUES);
        return false;
    }
    if (params->queues != 0 && n > params->queues) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "weights=\"%s\" has %u weights for %u queues; leave out queues",
                        params->weights, n, params->queues);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        sum += weights[i];
    }
    if (sum == 0 || sum > params->table_size) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "weights=\"%s\" have a sum of %" G_GUINT64_FORMAT
                        "; it is to be from 1 to the table's size, %u",
                        params->weights, sum, params->table_size);
        return false;
    }
    return true;
}

bool
vs_rss_params_check(const VsRssParams *params, const VsElement *element, GError **error)
{
    uint8_t key[VS_TOEPLITZ_KEY_BYTES];

    if ((params->table_size & (params->table_size - 1)) != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "table-size=\"%u\" is no power of two; 128 is usual",
                        params->table_size);
        return false;
    }
    if (params->key && !parse_key(params->key, key)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "key=\"%s\" is not %d bytes as in \"6d:5a:56\"", params->key,
                        VS_TOEPLITZ_KEY_BYTES);
        return false;
    }
    return !params->weights || check_weights(params, element, error);
}

VsRss *
vs_rss_params_open(const VsRssParams *params, unsigned n_cores)
{
    uint8_t key[VS_TOEPLITZ_KEY_BYTES];
    uint32_t weights[VS_RSS_MAX_QUEUES];
    VsRssConfig config = {.n_queues = params->queues,
                          .table_size = params->table_size,
                          .key = vs_toeplitz_key_microsoft,
                          .is_hashing_udp_ports = params->udp == VS_RSS_UDP_SDFN};
    unsigned n_weights = 0;

    if (params->weights && parse_weights(params->weights, weights, &n_weights)) {
        config.weights = weights;
    }
    if (config.n_queues == 0) {
        config.n_queues = n_weights ? n_weights : n_cores;
    }
    if (params->key && parse_key(params->key, key)) {
        config.key = key;
    }
    return vs_rss_new(&config);
}
