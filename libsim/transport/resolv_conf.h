/* What resolv.conf(5) says: whom a host's programs ask for names, and how.
 *
 * Sources: glibc resolv/res_init.c, res_query.c (res_search) and res_send.c, musl
 * src/network/resolvconf.c, lookup_name.c and res_msend.c. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "engine/time.h"
#include "packet/flow.h"
#include "packet/names.h"

#define VS_RESOLV_MAX_SERVERS 3 /* MAXNS. */

/* Whose resolver a program has. */
typedef enum VsLibc {
    VS_LIBC_NONE,  /* Its own: one socket, A alone, the name as it is. */
    VS_LIBC_GLIBC, /* getaddrinfo(AF_UNSPEC) of glibc 2.36. */
    VS_LIBC_MUSL,  /* The same of musl 1.2.4. */
} VsLibc;

/* "none", "glibc", "musl"; NULL ends the list. */
extern const char *const vs_libc_names[];

typedef struct VsResolvConf {
    VsLibc libc;
    unsigned n_servers;
    VsAddr servers[VS_RESOLV_MAX_SERVERS];
    const char *const *search; /* NULL-terminated; borrowed.  NULL: none. */
    unsigned ndots;
    unsigned timeout_s;
    unsigned attempts;
    unsigned
        edns_bytes; /* Largest datagram that is taken (option edns0); 0: no EDNS. */
    bool is_rotated;
    bool is_single_request;        /* AAAA is asked for after A has its answer, */
    bool is_single_request_reopen; /* from a socket of its own. */
} VsResolvConf;

/* The names that are asked for in turn until one has an address. */
typedef struct VsResolvNames {
    unsigned n_names;
    VsName *names;
    unsigned as_is; /* Which of them is the name itself. */
} VsResolvNames;

/* Without servers and search list, and with the defaults: ndots 1, 5 s, 2 attempts. */
void vs_resolv_conf_init(VsResolvConf *conf, VsLibc libc);

/* Sets what 'options' say ("ndots:5 single-request-reopen timeout:2").  False with 'error' set
 * (VS_RESOLV_ERROR) at a word that is unknown, not modelled, or no option of this libc. */
bool vs_resolv_conf_parse(VsResolvConf *conf, const char *options, GError **error);

#define VS_RESOLV_ERROR (vs_resolv_error_quark())
GQuark vs_resolv_error_quark(void);

/* What 'conf' makes of 'host', interned: with ndots dots or more first the name as it is, else
 * the search list first; a dot at the end, and no search list, are the name alone.  musl does
 * not search for a name with ndots dots or more.  To be freed with
 * vs_resolv_names_clear(). */
void vs_resolv_names_init(VsResolvNames *names, const VsResolvConf *conf,
                          const char *host, VsNames *interned);
void vs_resolv_names_clear(VsResolvNames *names);

/* How long glibc waits for the n-th server of a turn, from 0: timeout << n, after the first
 * shared among the servers, in whole seconds. */
VsTime vs_resolv_timeout(const VsResolvConf *conf, unsigned n);
