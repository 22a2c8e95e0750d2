/* Sets and maps in nft texts. */
#include <string.h>

#include "netfilter/nft_parse.h"

/* An element before it is added. */
typedef struct Element {
    VsKey key, end;
    uint8_t prefix_length;
    VsRuleVerdict verdict;
    VsNatRange nat; /* Its addresses and ports. */
    VsTime timeout, expires;
    char *comment;
} Element;

/* What elements have besides a key. */
typedef enum Data { DATA_NONE, DATA_VERDICT, DATA_ADDRESS } Data;

static void
element_clear(gpointer element_)
{
    Element *element = element_;

    g_free(element->verdict.target);
    g_free(element->comment);
}

static bool
read_part(VsNftParser *parser, VsNftKind kind, VsNftRange *ret)
{
    unsigned shift = vs_nft_kind_shift(kind);

    if (!vs_nft_read_range(parser, kind, true, ret)) {
        return false;
    }
    if (shift > 0) {
        ret->min <<= shift;
        ret->max = ret->max << shift | ((1u << shift) - 1);
        ret->prefix_length = VS_NFT_NO_PREFIX;
    }
    return true;
}

static bool
read_key(VsNftParser *parser, const VsNftKind *kinds, unsigned n_kinds,
         Element *element)
{
    uint32_t mins[VS_KEY_MAX_FIELDS] = {0};
    uint32_t maxs[VS_KEY_MAX_FIELDS] = {0};

    for (unsigned i = 0; i < n_kinds; i++) {
        VsNftRange range;

        if ((i > 0 && !vs_nft_expect(parser, ".")) ||
            !read_part(parser, kinds[i], &range)) {
            return false;
        }
        if (n_kinds > 1 && range.min != range.max) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "a range or prefix within a concatenation is not "
                               "modelled; write one element for each value");
        }
        mins[i] = range.min;
        maxs[i] = range.max;
        element->prefix_length = range.prefix_length;
    }
    element->key = vs_set_key(mins, n_kinds);
    element->end = vs_set_key(maxs, n_kinds);
    return true;
}

static bool
read_options(VsNftParser *parser, Element *element)
{
    for (;;) {
        if (vs_nft_take(parser, "timeout")) {
            if (!vs_nft_read_time(parser, &element->timeout)) {
                return false;
            }
        } else if (vs_nft_take(parser, "expires")) {
            if (!vs_nft_read_time(parser, &element->expires)) {
                return false;
            }
        } else if (vs_nft_take(parser, "comment")) {
            g_clear_pointer(&element->comment, g_free);
            if (!vs_nft_read_string(parser, "a comment", &element->comment)) {
                return false;
            }
        } else if (vs_nft_is(parser, "counter") || vs_nft_is(parser, "limit") ||
                   vs_nft_is(parser, "quota") || vs_nft_is(parser, "last")) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "\"%s\" of an element is not modelled; leave it out",
                               parser->lexer.text->str);
        } else {
            return true;
        }
    }
}

/* "ADDRESS" or "ADDRESS . PORT" */
static bool
read_address(VsNftParser *parser, VsNatRange *nat)
{
    uint32_t port = 0;

    if (!vs_nft_read_value(parser, VS_NFT_ADDRESS, true, &nat->min_address)) {
        return false;
    }
    nat->has_address = true;
    nat->max_address = nat->min_address;
    nat->has_ports = vs_nft_take(parser, ".");
    if (nat->has_ports && !vs_nft_read_value(parser, VS_NFT_PORT, true, &port)) {
        return false;
    }
    nat->min_port = nat->max_port = (uint16_t)port;
    return true;
}

static bool
read_element(VsNftParser *parser, const VsNftKind *kinds, unsigned n_kinds, Data data,
             Element *element)
{
    if (!read_key(parser, kinds, n_kinds, element) || !read_options(parser, element)) {
        return false;
    }
    if (data == DATA_NONE) {
        return true;
    }
    vs_nft_skip_newlines(parser);
    if (!vs_nft_expect(parser, ":")) {
        return false;
    }
    return data == DATA_VERDICT ? vs_nft_read_verdict(parser, &element->verdict)
                                : read_address(parser, &element->nat);
}

/* A map's elements have no data where they are to be removed. */
static GArray *
read_list(VsNftParser *parser, const VsNftKind *kinds, unsigned n_kinds, Data data)
{
    g_autoptr(GArray) elements = g_array_new(FALSE, TRUE, sizeof(Element));

    g_array_set_clear_func(elements, element_clear);
    if (!vs_nft_expect(parser, "{")) {
        return NULL;
    }
    vs_nft_skip_newlines(parser);
    do {
        vs_nft_skip_newlines(parser);
        if (vs_nft_is(parser, "}") && elements->len > 0) {
            break; /* After a last comma. */
        }
        g_array_set_size(elements, elements->len + 1);
        if (!read_element(parser, kinds, n_kinds, data,
                          &g_array_index(elements, Element, elements->len - 1))) {
            return NULL;
        }
        vs_nft_skip_newlines(parser);
    } while (vs_nft_take(parser, ","));
    return vs_nft_expect(parser, "}") ? g_steal_pointer(&elements) : NULL;
}

static int
compare_starts(gconstpointer a, gconstpointer b)
{
    uint64_t x = ((const Element *)a)->key.w[0];
    uint64_t y = ((const Element *)b)->key.w[0];

    return (x > y) - (x < y);
}

static void
add_element(VsSet *set, Element *from)
{
    VsSetElement *element = vs_set_add(set, &from->key);
    VsTime timeout = from->timeout ? from->timeout : set->timeout;

    element->end = from->end;
    element->prefix_length = from->prefix_length;
    element->verdict = from->verdict;
    if (from->nat.has_address) {
        element->nat = g_new0(VsRuleStep, 1);
        element->nat->nat = from->nat;
    }
    element->timeout = from->timeout;
    element->expires = from->expires ? from->expires : timeout;
    element->comment = from->comment;
    from->verdict.target = NULL;
    from->comment = NULL;
}

/* No two intervals of a named set may share a value. */
static bool
check_overlap(VsNftParser *parser, const VsSet *set, const Element *from)
{
    for (unsigned i = 0; i < set->elements->len; i++) {
        const VsSetElement *element = set->elements->pdata[i];

        if (from->key.w[0] <= element->end.w[0] &&
            element->key.w[0] <= from->end.w[0] &&
            !(vs_key_equal(from->key, element->key) &&
              vs_key_equal(from->end, element->end))) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                               "intervals of set \"%s\" overlap; write each value once",
                               set->name);
        }
    }
    return true;
}

static bool
check_element(VsNftParser *parser, const VsSet *set, const Element *from)
{
    if (!set->has_intervals && !vs_key_equal(from->key, from->end)) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "set \"%s\" takes no prefixes or ranges; give it "
                           "\"flags interval\"",
                           set->name);
    }
    if ((from->timeout || from->expires) && !set->has_timeout) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "elements of set \"%s\" have no timeout; give it "
                           "\"flags timeout\"",
                           set->name);
    }
    return !set->has_intervals || check_overlap(parser, set, from);
}

bool
vs_nft_read_elements(VsNftParser *parser, VsSet *set, bool is_removing)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    g_autoptr(GArray) elements = NULL;

    for (unsigned i = 0; i < set->n_types; i++) {
        kinds[i] = vs_nft_type_kind(set->types[i]);
    }
    elements = read_list(parser, kinds, set->n_types,
                         set->is_map && !is_removing ? DATA_VERDICT : DATA_NONE);
    for (unsigned i = 0; elements && i < elements->len; i++) {
        Element *element = &g_array_index(elements, Element, i);

        if (is_removing) {
            vs_set_remove(set, &element->key);
        } else if (check_element(parser, set, element)) {
            add_element(set, element);
        } else {
            return false;
        }
    }
    return elements != NULL;
}

/* nft joins intervals of an anonymous set that touch, and refuses those of a map that
 * overlap.  'elements' are sorted. */
static bool
join_intervals(VsNftParser *parser, GArray *elements, bool is_map)
{
    for (unsigned i = 1; i < elements->len;) {
        Element *last = &g_array_index(elements, Element, i - 1);
        Element *element = &g_array_index(elements, Element, i);
        uint64_t reach = last->end.w[0] >> 32;
        uint64_t start = element->key.w[0] >> 32;

        if (start > reach + (is_map ? 0 : 1)) {
            i++;
            continue;
        }
        if (is_map) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                               "intervals of the map overlap; write each value once");
        }
        if (element->end.w[0] > last->end.w[0]) {
            last->end = element->end;
        }
        last->prefix_length = VS_NFT_NO_PREFIX;
        g_array_remove_index(elements, i);
    }
    return true;
}

static VsSetType
type_of_kind(VsNftKind kind)
{
    switch (kind) {
    case VS_NFT_ADDRESS:
        return VS_SET_IPV4_ADDR;
    case VS_NFT_PROTOCOL:
        return VS_SET_INET_PROTO;
    case VS_NFT_PORT:
        return VS_SET_INET_SERVICE;
    case VS_NFT_MARK:
        return VS_SET_MARK;
    default:
        return VS_SET_NUMBER;
    }
}

/* All elements have a port or none has. */
static bool
check_ports(VsNftParser *parser, const GArray *elements)
{
    bool has_ports = g_array_index(elements, Element, 0).nat.has_ports;

    for (unsigned i = 1; i < elements->len; i++) {
        if (g_array_index(elements, Element, i).nat.has_ports != has_ports) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                               "some elements of the map have a port and some none; "
                               "write \"ADDRESS . PORT\" in all of them");
        }
    }
    return true;
}

bool
vs_nft_read_anonymous(VsNftParser *parser, VsSet *set, const VsNftKind *kinds,
                      unsigned n_kinds, unsigned *ret_n_written)
{
    bool is_map = set->is_map || set->is_nat_map;
    g_autoptr(GArray) elements = read_list(parser, kinds, n_kinds,
                                           set->is_map       ? DATA_VERDICT
                                           : set->is_nat_map ? DATA_ADDRESS
                                                             : DATA_NONE);

    if (!elements || !check_ports(parser, elements)) {
        return false;
    }
    set->has_ports = g_array_index(elements, Element, 0).nat.has_ports;
    *ret_n_written = elements->len;
    set->n_types = n_kinds;
    for (unsigned i = 0; i < n_kinds; i++) {
        set->types[i] = type_of_kind(kinds[i]);
    }
    for (unsigned i = 0; i < elements->len; i++) {
        const Element *element = &g_array_index(elements, Element, i);

        set->has_intervals |= !vs_key_equal(element->key, element->end);
        if (element->timeout || element->expires || element->comment) {
            return vs_nft_fail(
                parser, VS_RULESET_ERROR_UNSUPPORTED,
                "timeouts and comments of elements are modelled in named "
                "sets only");
        }
    }
    if (set->has_intervals) {
        g_array_sort(elements, compare_starts);
        if (vs_nft_kind_shift(kinds[0]) == 0 &&
            !join_intervals(parser, elements, is_map)) {
            return false;
        }
    }
    for (unsigned i = 0; i < elements->len; i++) {
        add_element(set, &g_array_index(elements, Element, i));
    }
    return true;
}

/* A set that is declared again keeps its elements, and so its type. */
static bool
check_types(VsNftParser *parser, const VsSet *set, const VsSetType *types,
            unsigned n_types)
{
    bool is_same = set->n_types == n_types &&
                   memcmp(set->types, types, n_types * sizeof(*types)) == 0;

    return is_same || set->elements->len == 0 ||
           vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "set \"%s\" has elements of another type; flush it before",
                       set->name);
}

static bool
read_types(VsNftParser *parser, VsSet *set)
{
    VsSetType types[VS_KEY_MAX_FIELDS] = {0};
    unsigned n_types = 0;

    do {
        uint32_t type;

        if (n_types == VS_KEY_MAX_FIELDS) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "keys of more than %d parts are not modelled",
                               VS_KEY_MAX_FIELDS);
        }
        if (!vs_nft_read_word(parser, "one of the types modelled", vs_nft_set_types,
                              &type)) {
            return false;
        }
        types[n_types++] = type;
    } while (vs_nft_take(parser, "."));
    if (!check_types(parser, set, types, n_types)) {
        return false;
    }
    memcpy(set->types, types, sizeof(types));
    set->n_types = n_types;
    if (!set->is_map) {
        return true;
    }
    if (!vs_nft_expect(parser, ":")) {
        return false;
    }
    return vs_nft_take(parser, "verdict") ||
           vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                       "maps to \"%s\" are not modelled; only maps to verdicts are",
                       parser->lexer.text->str);
}

static bool
read_set_flags(VsNftParser *parser, VsSet *set)
{
    do {
        if (vs_nft_take(parser, "constant")) {
            set->is_constant = true;
        } else if (vs_nft_take(parser, "interval")) {
            set->has_intervals = true;
        } else if (vs_nft_take(parser, "timeout")) {
            set->has_timeout = true;
        } else if (vs_nft_take(parser, "dynamic")) {
            set->is_dynamic = true;
        } else {
            return vs_nft_fail_expected(parser,
                                        "constant, interval, timeout or dynamic");
        }
    } while (vs_nft_take(parser, ","));
    return true;
}

static bool
read_property(VsNftParser *parser, VsSet *set)
{
    if (vs_nft_take(parser, "type")) {
        return read_types(parser, set);
    }
    if (vs_nft_take(parser, "flags")) {
        return read_set_flags(parser, set);
    }
    if (vs_nft_take(parser, "size")) {
        return vs_nft_read_uint(parser, "a number of elements", UINT32_MAX, &set->size);
    }
    if (vs_nft_take(parser, "timeout")) {
        set->has_timeout = true;
        return vs_nft_read_time(parser, &set->timeout);
    }
    if (vs_nft_take(parser, "comment")) {
        g_clear_pointer(&set->comment, g_free);
        return vs_nft_read_string(parser, "a comment", &set->comment);
    }
    if (vs_nft_take(parser, "elements")) {
        if (set->n_types == 0) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                               "elements of set \"%s\" stand before its type",
                               set->name);
        }
        return vs_nft_expect(parser, "=") && vs_nft_read_elements(parser, set, false);
    }
    if (vs_nft_is(parser, "typeof") || vs_nft_is(parser, "policy") ||
        vs_nft_is(parser, "auto-merge") || vs_nft_is(parser, "gc-interval") ||
        vs_nft_is(parser, "counter")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "\"%s\" of a set is not modelled; use type, flags, size, "
                           "timeout, comment, elements",
                           parser->lexer.text->str);
    }
    return vs_nft_fail_expected(
        parser, "type, flags, size, timeout, comment or elements of a set");
}

bool
vs_nft_read_set(VsNftParser *parser, VsSet *set)
{
    if (!vs_nft_expect(parser, "{")) {
        return false;
    }
    for (;;) {
        while (parser->lexer.kind == VS_NFT_SEPARATOR) {
            vs_nft_lexer_next(&parser->lexer);
        }
        if (vs_nft_take(parser, "}")) {
            break;
        }
        if (!read_property(parser, set)) {
            return false;
        }
        if (parser->lexer.kind != VS_NFT_SEPARATOR && !vs_nft_is(parser, "}")) {
            return vs_nft_fail_expected(parser, "a newline or \";\"");
        }
    }
    if (set->n_types == 0) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "set \"%s\" has no type; write \"type ipv4_addr\"",
                           set->name);
    }
    if (set->has_intervals && set->n_types > 1) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "intervals of concatenations are not modelled");
    }
    return true;
}
