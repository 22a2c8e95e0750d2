#include "results/trace_dns.h"

#include "base/units.h"

/* The root has the empty name. */
static const char *
name_of(const VsNames *names, VsName name)
{
    const char *text = vs_names_get(names, name);

    return *text ? text : ".";
}

static const VsDnsRecord *
first_authority(const VsDns *dns)
{
    const VsDnsRecords *records = dns->records;

    return records && records->n_in[VS_DNS_AUTHORITY] > 0
               ? &records->records[records->n_in[VS_DNS_ANSWER]]
               : NULL;
}

static bool
is_referral(const VsDns *dns)
{
    const VsDnsRecord *first = first_authority(dns);

    return first && first->type == VS_DNS_RECORD_NS && dns->code == VS_DNS_NOERROR &&
           dns->records->n_in[VS_DNS_ANSWER] == 0;
}

static char *
describe_referral(const VsDns *dns, const VsNames *names)
{
    const VsDnsRecord *first = first_authority(dns);
    unsigned n_others = dns->records->n_in[VS_DNS_AUTHORITY] - 1;
    g_autofree char *others =
        n_others > 0 ? g_strdup_printf(" or %u more", n_others) : NULL;

    return g_strdup_printf("DNS referral %s: ask %s%s, of %s",
                           name_of(names, dns->name), name_of(names, first->target),
                           others ? others : "", name_of(names, first->owner));
}

static const char *
describe_no_address(const VsDns *dns)
{
    switch (dns->code) {
    case VS_DNS_NXDOMAIN:
        return "no such name";
    case VS_DNS_SERVFAIL:
        return "the server failed";
    case VS_DNS_REFUSED:
        return "refused";
    default:
        return dns->is_truncated ? "too long for a datagram" : "no address";
    }
}

/* An answer without an address. */
static char *
describe_other(const VsDns *dns, const VsNames *names, const char *type)
{
    const char *name = name_of(names, dns->name);
    unsigned n_answers = dns->records ? dns->records->n_in[VS_DNS_ANSWER] : 0;
    const VsDnsRecord *last =
        n_answers > 0 ? &dns->records->records[n_answers - 1] : NULL;

    if ((dns->type == VS_DNS_SRV || dns->type == VS_DNS_NS) && dns->records &&
        dns->code == VS_DNS_NOERROR) {
        return g_strdup_printf("DNS answer %s%s: %u records", type, name, n_answers);
    }
    if (dns->code == VS_DNS_NOERROR && !dns->is_truncated && last &&
        last->type == VS_DNS_RECORD_CNAME && dns->is_iterative) {
        return g_strdup_printf("DNS answer %s%s is %s", type, name,
                               name_of(names, last->target));
    }
    return g_strdup_printf("DNS answer %s%s: %s", type, name, describe_no_address(dns));
}

char *
vs_trace_describe_dns(const VsDns *dns, const VsNames *names)
{
    static const char *const types[] = {[VS_DNS_A] = "",
                                        [VS_DNS_AAAA] = "AAAA ",
                                        [VS_DNS_SRV] = "SRV ",
                                        [VS_DNS_NS] = "NS "};
    const char *name = name_of(names, dns->name);
    const char *type = types[dns->type];
    unsigned n_addresses = vs_dns_n_addresses(dns);
    g_autofree char *address = NULL;
    g_autofree char *more = NULL;

    if (!dns->is_response) {
        return g_strdup_printf("DNS query %s%s", type, name);
    }
    if (is_referral(dns)) {
        return describe_referral(dns, names);
    }
    if (n_addresses == 0) {
        return describe_other(dns, names, type);
    }
    address = vs_format_ipv4(vs_dns_address(dns, 0));
    more = n_addresses > 1 ? g_strdup_printf(" and %u more", n_addresses - 1) : NULL;
    return g_strdup_printf("DNS answer %s is %s%s%s", name, address, more ? more : "",
                           dns->is_truncated ? ", cut short" : "");
}
