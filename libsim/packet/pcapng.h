/* Capture files in the pcapng format (draft-ietf-opsawg-pcapng): one section, an interface
 * block for each interface, an enhanced packet block for each packet; little-endian, times
 * in nanoseconds since 0.
 *
 * The file grows under a temporary name beside its place, and is renamed when it is closed:
 * what was there before stays until then.  It is written by whole blocks, so what a killed
 * program leaves behind under the temporary name can be read, up to the last block if the
 * system was in the midst of writing. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct VsPcapng VsPcapng;

/* What the packets of an interface begin with: the format's LINKTYPE_ETHERNET, or
 * LINKTYPE_RAW, where the first byte is the IP header's. */
typedef enum VsPcapngLinkType {
    VS_PCAPNG_ETHERNET = 1,
    VS_PCAPNG_RAW_IP = 101,
} VsPcapngLinkType;

typedef struct VsPcapngInterface {
    const char *name;        /* "n1/root/eth0". */
    const char *description; /* NULL: none. */
    uint64_t bits_per_s;     /* 0: unknown. */
    VsPcapngLinkType link_type;
} VsPcapngInterface;

/* As in epb_flags. */
typedef enum VsPcapngDirection {
    VS_PCAPNG_IN = 1,
    VS_PCAPNG_OUT = 2,
} VsPcapngDirection;

typedef struct VsPcapngPacket {
    uint32_t iface; /* As vs_pcapng_add_interface() gave it. */
    uint64_t time_ns;
    VsPcapngDirection direction;
    const char *comment; /* NULL: none. */
    const uint8_t *bytes;
    uint32_t n_bytes;
} VsPcapngPacket;

/* Begins the file that will be at 'path'.  'application' is who writes it.  Returns NULL
 * with 'error' set in the domain G_FILE_ERROR. */
VsPcapng *vs_pcapng_new(const char *path, const char *application,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds an interface, to be called before any of its packets; returns its number:
 * 0, 1, ... */
uint32_t vs_pcapng_add_interface(VsPcapng *file, const VsPcapngInterface *iface);

/* Appends the block of 'packet' to 'out', of which vs_pcapng_add_blocks() takes whole
 * ones. */
void vs_pcapng_print_packet(const VsPcapngPacket *packet, GByteArray *out);

/* Errors of writing are kept for vs_pcapng_close(). */
void vs_pcapng_add_blocks(VsPcapng *file, const uint8_t *blocks, size_t n_bytes);

/* Writes what is left and gives the file its name.  False with 'error' set when this or
 * anything before failed. */
bool vs_pcapng_close(VsPcapng *file, GError **error);

/* Deletes the file unless it was closed. */
void vs_pcapng_free(VsPcapng *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsPcapng, vs_pcapng_free)
