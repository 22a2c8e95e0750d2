#include "balance/key.h"

#include <arpa/inet.h>
#include <string.h>

#include "balance/balancer.h"
#include "base/units.h"

const char *const vs_balance_key_kind_names[] = {
    [VS_BALANCE_BY_NOTHING] = "nothing", [VS_BALANCE_BY_ADDRESS] = "address",
    [VS_BALANCE_BY_FLOW] = "flow",       [VS_BALANCE_BY_TEXT] = "text",
    [VS_BALANCE_N_KEY_KINDS] = NULL,
};

uint32_t
vs_balance_fold(const uint8_t address[16])
{
    uint32_t folded = 0;

    for (unsigned i = 0; i < 16; i += 4) {
        folded ^= (uint32_t)address[i] << 24 | (uint32_t)address[i + 1] << 16 |
                  (uint32_t)address[i + 2] << 8 | address[i + 3];
    }
    return folded;
}

static bool
parse_port(const char *text, uint16_t *ret)
{
    uint64_t value;

    if (!vs_parse_uint(text, &value, NULL) || value == 0 || value > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)value;
    return true;
}

/* Where the address ends and ":PORT" begins; the end of the text without a port. */
static const char *
find_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    bool is_ipv6 = colon && strchr(text, ':') != colon;

    if (!colon || (is_ipv6 && colon[-1] != ']')) {
        return text + strlen(text);
    }
    return colon;
}

size_t
vs_balance_address_parse(const char *text, VsBalancePort port, uint8_t ret_address[16],
                         uint16_t *ret_port)
{
    const char *end = find_port(text);
    bool has_brackets = end > text + 1 && text[0] == '[' && end[-1] == ']';
    g_autofree char *address =
        g_strndup(text + has_brackets, (size_t)(end - text) - 2 * has_brackets);

    *ret_port = 0;
    if (*end ? !parse_port(end + 1, ret_port) : port == VS_BALANCE_PORT_NEEDED) {
        return 0;
    }
    memset(ret_address, 0, 16);
    if (!has_brackets && inet_pton(AF_INET, address, ret_address) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, address, ret_address) == 1 ? 16 : 0;
}

/* The word that stands for an address: itself, or folded. */
static VsAddr
word_of(const uint8_t address[16], size_t bytes)
{
    return bytes == 4 ? (VsAddr)address[0] << 24 | (VsAddr)address[1] << 16 |
                            (VsAddr)address[2] << 8 | address[3]
                      : vs_balance_fold(address);
}

static bool
fail(const char *text, const char *right, GError **error)
{
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE, "key \"%s\": write %s",
                text, right);
    return false;
}

static bool
parse_address(const char *text, VsBalanceKeyBuffer *buffer, VsBalanceKey *ret,
              GError **error)
{
    size_t bytes = vs_balance_address_parse(text, VS_BALANCE_PORT_OPTIONAL,
                                            buffer->address, &ret->flow.sport);

    if (bytes == 0) {
        return fail(text, "an address, such as 192.0.2.1 or 192.0.2.1:1234", error);
    }
    ret->data = buffer->address;
    ret->bytes = bytes;
    ret->flow.saddr = word_of(buffer->address, bytes);
    ret->flow.protocol = VS_PROTOCOL_TCP;
    ret->flow.family = bytes == 4 ? VS_FAMILY_IPV4 : VS_FAMILY_IPV6;
    return true;
}

static bool
parse_protocol(const char *text, uint8_t *ret)
{
    if (!text || strcmp(text, "tcp") == 0) {
        *ret = VS_PROTOCOL_TCP;
    } else if (strcmp(text, "udp") == 0) {
        *ret = VS_PROTOCOL_UDP;
    } else {
        return false;
    }
    return true;
}

static bool
parse_flow(const char *text, VsBalanceKeyBuffer *buffer, VsBalanceKey *ret,
           GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    unsigned n_words = g_strv_length(words);
    uint8_t target[16];
    size_t bytes;

    if (n_words < 2 || n_words > 3 || !parse_protocol(words[2], &ret->flow.protocol)) {
        return fail(text, "two ends, as in 192.0.2.1:1234 198.51.100.1:80 tcp", error);
    }
    bytes = vs_balance_address_parse(words[0], VS_BALANCE_PORT_NEEDED, buffer->address,
                                     &ret->flow.sport);
    if (bytes == 0 || vs_balance_address_parse(words[1], VS_BALANCE_PORT_NEEDED, target,
                                               &ret->flow.dport) != bytes) {
        return fail(text,
                    "two addresses of one family with ports, as in "
                    "192.0.2.1:1234 198.51.100.1:80 tcp",
                    error);
    }
    ret->data = buffer->address;
    ret->bytes = bytes;
    ret->flow.saddr = word_of(buffer->address, bytes);
    ret->flow.daddr = word_of(target, bytes);
    ret->flow.family = bytes == 4 ? VS_FAMILY_IPV4 : VS_FAMILY_IPV6;
    return true;
}

bool
vs_balance_key_parse(VsBalanceKeyKind kind, const char *text,
                     VsBalanceKeyBuffer *buffer, VsBalanceKey *ret, GError **error)
{
    memset(ret, 0, sizeof(*ret));
    switch (kind) {
    case VS_BALANCE_BY_ADDRESS:
        return parse_address(text, buffer, ret, error);
    case VS_BALANCE_BY_FLOW:
        return parse_flow(text, buffer, ret, error);
    case VS_BALANCE_BY_TEXT:
    case VS_BALANCE_BY_NOTHING:
    case VS_BALANCE_N_KEY_KINDS:
        break;
    }
    ret->data = text;
    ret->bytes = strlen(text);
    return true;
}
