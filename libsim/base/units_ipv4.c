#include "base/prefix.h"
#include "base/units.h"

char *
vs_format_ipv4(uint32_t address)
{
    return g_strdup_printf("%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                           address >> 8 & 255, address & 255);
}

char *
vs_format_ipv4_prefix(uint32_t address, unsigned length)
{
    g_autofree char *text = vs_format_ipv4(address);

    return g_strdup_printf("%s/%u", text, length);
}

/* Reads an integer of at most three digits and no needless zero in front. */
static bool
scan_small(const char **cursor, unsigned *ret)
{
    const char *c = *cursor;
    unsigned value = 0;

    while (g_ascii_isdigit(*c) && c - *cursor < 3) {
        value = value * 10 + (unsigned)(*c - '0');
        c++;
    }
    if (c == *cursor || g_ascii_isdigit(*c) || (**cursor == '0' && c - *cursor > 1)) {
        return false;
    }
    *cursor = c;
    *ret = value;
    return true;
}

static bool
scan_ipv4(const char *text, const char **cursor, uint32_t *ret, GError **error)
{
    uint32_t address = 0;

    for (int i = 0; i < 4; i++) {
        unsigned byte = 0;

        if ((i > 0 && *(*cursor)++ != '.') || !scan_small(cursor, &byte)) {
            g_set_error(
                error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                "\"%s\" is not an IPv4 address: write four numbers from 0 to 255, "
                "such as 10.0.0.1",
                text);
            return false;
        }
        if (byte > 255) {
            g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_RANGE,
                        "\"%s\" has the byte %u: write numbers from 0 to 255", text,
                        byte);
            return false;
        }
        address = address << 8 | byte;
    }
    *ret = address;
    return true;
}

bool
vs_parse_ipv4(const char *text, uint32_t *ret_address, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    const char *cursor = stripped;
    uint32_t address;

    if (!scan_ipv4(stripped, &cursor, &address, error)) {
        return false;
    }
    if (*cursor) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    "\"%s\" goes on behind the address: write %.*s", stripped,
                    (int)(cursor - stripped), stripped);
        return false;
    }
    *ret_address = address;
    return true;
}

bool
vs_parse_ipv4_prefix(const char *text, uint32_t *ret_address, unsigned *ret_length,
                     GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    const char *cursor = stripped;
    uint32_t address, mask;
    unsigned length;

    if (!scan_ipv4(stripped, &cursor, &address, error)) {
        return false;
    }
    if (!*cursor) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_UNIT_MISSING,
                    "\"%s\" has no prefix length: write %s/32 for this address alone",
                    stripped, stripped);
        return false;
    }
    if (*cursor++ != '/' || !scan_small(&cursor, &length) || *cursor) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    "\"%s\" is not an IPv4 prefix: write one such as 10.0.0.0/16",
                    stripped);
        return false;
    }
    if (length > 32) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_RANGE,
                    "\"%s\" has the length %u: write 0 to 32", stripped, length);
        return false;
    }
    mask = vs_prefix_mask(length);
    if (address & ~mask) {
        g_autofree char *masked = vs_format_ipv4_prefix(address & mask, length);

        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_INEXACT,
                    "\"%s\" has bits set beyond its length: write %s", stripped,
                    masked);
        return false;
    }
    *ret_address = address;
    *ret_length = length;
    return true;
}

char *
vs_format_mac(uint64_t mac)
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x",
                           (unsigned)(mac >> 40 & 0xff), (unsigned)(mac >> 32 & 0xff),
                           (unsigned)(mac >> 24 & 0xff), (unsigned)(mac >> 16 & 0xff),
                           (unsigned)(mac >> 8 & 0xff), (unsigned)(mac & 0xff));
}
