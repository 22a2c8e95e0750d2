#include "balance/key.h"

#include <arpa/inet.h>
#include <string.h>

#include "balance/balancer.h"

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

/* Digits alone, from 'text' to 'end'. */
static bool
parse_port(const char *text, const char *end, uint16_t *ret)
{
    uint32_t value = 0;

    if (end - text < 1 || end - text > 5) {
        return false;
    }
    for (; text < end; text++) {
        if (!g_ascii_isdigit(*text)) {
            return false;
        }
        value = 10 * value + (uint32_t)(*text - '0');
    }
    *ret = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

/* Where the address from 'text' to 'end' is over and ":PORT" begins; 'end' without a port. */
static const char *
find_port(const char *text, const char *end)
{
    const char *colon = NULL;
    unsigned n_colons = 0;

    for (const char *at = text; at < end; at++) {
        if (*at == ':') {
            colon = at;
            n_colons++;
        }
    }
    /* Several are an IPv6 address: only one in brackets has a port. */
    return n_colons == 1 || (n_colons > 1 && colon[-1] == ']') ? colon : end;
}

/* vs_balance_address_parse() of what is from 'text' to 'end'.  Files of keys have millions
 * of these: nothing is allocated. */
static size_t
parse_end(const char *text, const char *end, VsBalancePort port,
          uint8_t ret_address[16], uint16_t *ret_port)
{
    const char *colon = find_port(text, end);
    bool has_brackets = colon > text + 1 && text[0] == '[' && colon[-1] == ']';
    size_t length = (size_t)(colon - text) - 2 * has_brackets;
    char address[INET6_ADDRSTRLEN];

    *ret_port = 0;
    if (length >= sizeof(address) ||
        (colon < end ? !parse_port(colon + 1, end, ret_port)
                     : port == VS_BALANCE_PORT_NEEDED)) {
        return 0;
    }
    memcpy(address, text + has_brackets, length);
    address[length] = '\0';
    memset(ret_address, 0, 16);
    if (!has_brackets && inet_pton(AF_INET, address, ret_address) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, address, ret_address) == 1 ? 16 : 0;
}

size_t
vs_balance_address_parse(const char *text, VsBalancePort port, uint8_t ret_address[16],
                         uint16_t *ret_port)
{
    return parse_end(text, text + strlen(text), port, ret_address, ret_port);
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
    const char *source_end = text + strcspn(text, " ");
    const char *target_text = source_end + (*source_end == ' ');
    const char *target_end = target_text + strcspn(target_text, " ");
    uint8_t target[16];
    size_t bytes;

    if (target_text == target_end ||
        !parse_protocol(*target_end ? target_end + 1 : NULL, &ret->flow.protocol)) {
        return fail(text, "two ends, as in 192.0.2.1:1234 198.51.100.1:80 tcp", error);
    }
    bytes = parse_end(text, source_end, VS_BALANCE_PORT_NEEDED, buffer->address,
                      &ret->flow.sport);
    if (bytes == 0 || parse_end(target_text, target_end, VS_BALANCE_PORT_NEEDED, target,
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
