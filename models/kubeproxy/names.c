#include "models/kubeproxy/names.h"

/* Five bits a character, the first from the top. */
void
proxy_hash(const char *text, unsigned length, char *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 sum[33] = {0};
    gsize n_bytes = 32;

    g_checksum_update(checksum, (const guchar *)text, -1);
    g_checksum_get_digest(checksum, sum, &n_bytes);
    for (unsigned i = 0; i < length; i++) {
        unsigned bit = 5 * i;
        unsigned pair = (unsigned)sum[bit / 8] << 8 | sum[bit / 8 + 1];

        ret[i] = digits[pair >> (11 - bit % 8) & 31];
    }
    ret[length] = '\0';
}

const char *
proxy_protocol_name(const VsService *service)
{
    return service->protocol == VS_PROTOCOL_UDP ? "udp" : "tcp";
}

char *
proxy_port_name(const VsService *service)
{
    return g_strconcat(service->name_space, "/", service->name,
                       *service->port_name ? ":" : "", service->port_name, NULL);
}

char *
proxy_endpoint_name(const VsEndpoint *endpoint)
{
    g_autofree char *address = vs_format_ipv4(endpoint->address);

    return g_strdup_printf("%s:%u", address, endpoint->port);
}

char *
proxy_iptables_base(const VsService *service, const VsEndpoint *endpoint)
{
    g_autofree char *port = proxy_port_name(service);
    g_autofree char *target = endpoint ? proxy_endpoint_name(endpoint) : g_strdup("");
    g_autofree char *name =
        g_strconcat(port, proxy_protocol_name(service), target, NULL);
    char *base = g_malloc(PROXY_HASH_LENGTH + 1);

    proxy_hash(name, PROXY_HASH_LENGTH, base);
    return base;
}

char *
proxy_nft_base(const VsService *service, const VsEndpoint *endpoint)
{
    char hash[PROXY_NFT_HASH_LENGTH + 1];
    g_autofree char *target = NULL;
    g_autofree char *name = NULL;
    char *base;

    if (endpoint) {
        g_autofree char *address = vs_format_ipv4(endpoint->address);

        target = g_strdup_printf("__%s/%u", address, endpoint->port);
    }
    name = g_strdup_printf("%s/%s/%s/%s%s", service->name_space, service->name,
                           proxy_protocol_name(service), service->port_name,
                           target ? target : "");
    proxy_hash(name, PROXY_NFT_HASH_LENGTH, hash);
    base = g_strconcat(hash, "-", name, NULL);
    if (strlen(base) > PROXY_NFT_BASE_MAX) {
        strcpy(base + PROXY_NFT_BASE_MAX - 3, "...");
    }
    return base;
}
