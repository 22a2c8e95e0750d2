#include "netfilter/ipset.h"

#include <string.h>

#include "base/units.h"
#include "netfilter/iptables_options.h"

enum { MAXELEM = 65536, SET_NAME_MAX = 31 }; /* IPSET_MAXNAMELEN - 1 */

/* Elements are written as their types, ',' between them but ':' behind a protocol. */
typedef struct SetType {
    const char *name;
    unsigned n_types;
    VsSetType types[VS_KEY_MAX_FIELDS];
    int net; /* The part that is a prefix; -1: none. */
} SetType;

#define ADDR VS_SET_IPV4_ADDR
#define PORT VS_SET_INET_PROTO, VS_SET_INET_SERVICE

static const SetType set_types[] = {
    {"hash:ip", 1, {ADDR}, -1},
    {"hash:net", 1, {ADDR}, 0},
    {"hash:ip,port", 3, {ADDR, PORT}, -1},
    {"hash:net,port", 3, {ADDR, PORT}, 0},
    {"hash:ip,port,ip", 4, {ADDR, PORT, ADDR}, -1},
    {"hash:ip,port,net", 4, {ADDR, PORT, ADDR}, 3},
    {"bitmap:port", 1, {VS_SET_INET_SERVICE}, -1},
};

static const SetType *
type_of(const VsSet *set)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(set_types); i++) {
        const SetType *type = &set_types[i];

        if (type->n_types == set->n_types && type->types[0] == set->types[0] &&
            (type->net >= 0) == set->has_intervals) {
            return type;
        }
    }
    g_assert_not_reached(); /* Made by hand, with a key that ipset does not have. */
}

/* ---- create --------------------------------------------------------------------------- */

static const SetType *
find_type(VsIptReader *reader, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(set_types); i++) {
        if (g_str_equal(set_types[i].name, name)) {
            return &set_types[i];
        }
    }
    vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                "set type \"%s\" is not modelled: there are hash:ip, hash:net, "
                "hash:ip,port, hash:net,port, hash:ip,port,ip, hash:ip,port,net and "
                "bitmap:port",
                name);
    return NULL;
}

/* One option of "create" with its value. */
static bool
read_create_option(VsIptReader *reader, VsSet *set, const char *name, const char *value)
{
    static const char *const of_storage[] = {"hashsize", "bucketsize", "initval", NULL};
    bool is_bitmap = set->types[0] == VS_SET_INET_SERVICE;
    uint64_t number;

    if (value && is_bitmap && g_str_equal(name, "range")) {
        return g_str_equal(value, "0-65535") ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "range %s is not modelled: write range 0-65535", value);
    }
    if (value && !is_bitmap && g_str_equal(name, "family")) {
        return g_str_equal(value, "inet") ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "family %s is not modelled: write family inet", value);
    }
    if (value && !is_bitmap && g_str_equal(name, "maxelem")) {
        return vs_ipt_number(reader, name, value, UINT32_MAX, &set->size);
    }
    if (value && !is_bitmap && g_strv_contains(of_storage, name)) {
        return vs_ipt_number(reader, name, value, UINT32_MAX, &number);
    }
    return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                       "option %s of set %s is not modelled: write %s", name, set->name,
                       is_bitmap ? "range 0-65535 alone" : "family inet and maxelem");
}

static bool
create_set(VsIptReader *reader, char **words, unsigned n_words)
{
    const SetType *type;
    VsSet *set;

    if (n_words < 3 || strlen(words[1]) > SET_NAME_MAX) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "write create NAME TYPE, with a name of at most %d letters",
                           SET_NAME_MAX);
    }
    if (vs_ruleset_find_set(reader->ruleset, NULL, words[1])) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "there is a set \"%s\" already: give it another name",
                           words[1]);
    }
    type = find_type(reader, words[2]);
    if (!type) {
        return false;
    }
    set = vs_ruleset_get_set(reader->ruleset, NULL, words[1]);
    set->n_types = type->n_types;
    memcpy(set->types, type->types, sizeof(set->types));
    set->has_intervals = type->net >= 0;
    set->size = type->types[0] == VS_SET_INET_SERVICE ? 0 : MAXELEM;
    for (unsigned i = 3; i < n_words; i += 2) {
        if (!read_create_option(reader, set, words[i], words[i + 1])) {
            return false;
        }
    }
    return true;
}

/* ---- add ------------------------------------------------------------------------------ */

static bool
read_part(VsIptReader *reader, VsSetType type, const char *text, uint32_t *ret)
{
    uint64_t number;
    uint8_t protocol;

    switch (type) {
    case VS_SET_INET_PROTO:
        if (!vs_ipt_protocol(reader, "protocol", text, &protocol)) {
            return false;
        }
        *ret = protocol;
        return true;
    case VS_SET_INET_SERVICE:
        if (!vs_ipt_number(reader, "port", text, UINT16_MAX, &number)) {
            return false;
        }
        *ret = (uint32_t)number;
        return true;
    default:
        return vs_parse_ipv4(text, ret, NULL) ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "element \"%s\": write one IPv4 address", text);
    }
}

/* "10.0.0.0/8": its first and last address. */
static bool
read_net(VsIptReader *reader, const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
    uint32_t mask;

    if (!vs_ipt_address(reader, "element", text, ret_first, &mask)) {
        return false;
    }
    *ret_last = *ret_first | ~mask;
    return (mask != 0 && (~mask & (~mask + 1)) == 0) ||
           vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                       "element \"%s\": write a prefix of 1 to 32 bits", text);
}

/* "10.0.0.1,tcp:80,10.0.0.0/8": as many parts as the set has types; a protocol that is left
 * out is TCP.  'first' and 'last' differ in the part that is a prefix. */
static bool
read_parts(VsIptReader *reader, const VsSet *set, char *text, uint32_t *first,
           uint32_t *last)
{
    int net = type_of(set)->net;
    char *cursor = text;

    for (unsigned i = 0; i < set->n_types; i++) {
        bool is_protocol = set->types[i] == VS_SET_INET_PROTO;
        char *end;

        if (!cursor) {
            return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                               "element of set %s has too few parts: write it as %s",
                               set->name, type_of(set)->name);
        }
        end = strpbrk(cursor, is_protocol ? ":," : ",");
        if (is_protocol && (!end || *end == ',')) {
            first[i] = last[i] = VS_PROTOCOL_TCP;
            continue;
        }
        if (end) {
            *end = '\0';
        }
        if ((int)i == net ? !read_net(reader, cursor, &first[i], &last[i])
                          : !read_part(reader, set->types[i], cursor, &first[i])) {
            return false;
        }
        last[i] = (int)i == net ? last[i] : first[i];
        cursor = end ? end + 1 : NULL;
    }
    if (cursor) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "element of set %s has too many parts: write it as %s",
                           set->name, type_of(set)->name);
    }
    return true;
}

static bool
add_parts(VsIptReader *reader, VsSet *set, char *text)
{
    uint32_t first[VS_KEY_MAX_FIELDS], last[VS_KEY_MAX_FIELDS];
    int net = type_of(set)->net;
    VsSetElement *element;
    VsKey key, end;

    if (!read_parts(reader, set, text, first, last)) {
        return false;
    }
    key = vs_set_key(first, set->n_types);
    end = vs_set_key(last, set->n_types);
    if (net < 0) {
        vs_set_add(set, &key);
    } else {
        element = vs_set_add_interval(set, &key, &end);
        element->prefix_length =
            (uint8_t)(32 - __builtin_popcount(first[net] ^ last[net]));
    }
    return true;
}

static bool
add_element(VsIptReader *reader, char **words, unsigned n_words)
{
    VsSet *set =
        n_words > 1 ? vs_ruleset_find_set(reader->ruleset, NULL, words[1]) : NULL;

    if (n_words < 3 || !set) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                           "write add NAME ELEMENT, with the name of a set that was "
                           "created before");
    }
    if (n_words > 3) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "option %s of an element is not modelled: leave it out",
                           words[3]);
    }
    if (set->size > 0 && set->elements->len >= set->size) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "set %s is full with %u elements: write a larger maxelem",
                           set->name, set->elements->len);
    }
    return add_parts(reader, set, words[2]);
}

/* ---- Texts ---------------------------------------------------------------------------- */

static bool
read_line(VsIptReader *reader, const char *line)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t\r", -1);
    unsigned n_words = 0;

    for (unsigned i = 0; words[i]; i++) {
        if (*words[i]) {
            char *word = words[i];

            words[i] = words[n_words];
            words[n_words++] = word;
        }
    }
    for (unsigned i = n_words; words[i]; i++) {
        g_clear_pointer(&words[i], g_free);
    }
    if (n_words == 0 || *words[0] == '#') {
        return true;
    }
    if (g_str_equal(words[0], "create")) {
        return create_set(reader, words, n_words);
    }
    if (g_str_equal(words[0], "add")) {
        return add_element(reader, words, n_words);
    }
    return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                       "\"%s\" is not modelled: write create or add", words[0]);
}

bool
vs_ipset_read(VsRuleset *ruleset, const char *text, const char *file_name,
              GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    VsIptReader reader = {.ruleset = ruleset, .file_name = file_name, .error = error};

    for (unsigned i = 0; lines[i]; i++) {
        reader.line = i + 1;
        if (!read_line(&reader, lines[i])) {
            return false;
        }
    }
    return true;
}

static void
print_part(GString *out, VsSetType type, uint32_t value)
{
    g_autofree char *address = NULL;
    const char *name;

    switch (type) {
    case VS_SET_INET_PROTO:
        name = vs_ipt_word_name(vs_ipt_protocols, value);
        if (name) {
            g_string_append(out, name);
        } else {
            g_string_append_printf(out, "%u", value);
        }
        break;
    case VS_SET_INET_SERVICE:
        g_string_append_printf(out, "%u", value);
        break;
    default:
        address = vs_format_ipv4(value);
        g_string_append(out, address);
        break;
    }
}

static void
print_element(GString *out, const VsSet *set, const VsSetElement *element)
{
    int net = type_of(set)->net;

    g_string_append_printf(out, "add %s ", set->name);
    for (unsigned i = 0; i < set->n_types; i++) {
        uint64_t word = element->key.w[i / 2];

        if (i > 0) {
            g_string_append_c(out, set->types[i - 1] == VS_SET_INET_PROTO ? ':' : ',');
        }
        print_part(out, set->types[i], (uint32_t)(i % 2 ? word : word >> 32));
        if ((int)i == net && element->prefix_length < 32) {
            g_string_append_printf(out, "/%u", element->prefix_length);
        }
    }
    g_string_append_c(out, '\n');
}

char *
vs_ipset_print(const VsRuleset *ruleset)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < ruleset->ipsets->len; i++) {
        const VsSet *set = ruleset->ipsets->pdata[i];

        g_string_append_printf(out, "create %s %s ", set->name, type_of(set)->name);
        if (set->types[0] == VS_SET_INET_SERVICE) {
            g_string_append(out, "range 0-65535\n");
        } else {
            g_string_append_printf(
                out, "family inet hashsize 1024 maxelem %" G_GUINT64_FORMAT "\n",
                set->size);
        }
        for (unsigned j = 0; j < set->elements->len; j++) {
            print_element(out, set, set->elements->pdata[j]);
        }
    }
    return g_string_free(out, FALSE);
}
