#include "transport/resolv_conf.h"

#include <string.h>

G_DEFINE_QUARK(vs - resolv - error - quark, vs_resolv_error)

/* RES_TIMEOUT, RES_DFLRETRY, and the caps of res_init.c. */
enum {
    TIMEOUT_S = 5,
    TIMEOUT_MAX_S = 30,
    ATTEMPTS = 2,
    ATTEMPTS_MAX = 5,
    NDOTS = 1,
    NDOTS_MAX = 15,
    GLIBC_EDNS_BYTES = 1200, /* RESOLV_EDNS_BUFFER_SIZE. */
    EDNS_BYTES = 1232,       /* What resolvers agreed on (DNS flag day 2020). */
};

const char *const vs_libc_names[] = {"none", "glibc", "musl", NULL};

void
vs_resolv_conf_init(VsResolvConf *conf, VsLibc libc)
{
    *conf = (VsResolvConf){
        .libc = libc, .ndots = NDOTS, .timeout_s = TIMEOUT_S, .attempts = ATTEMPTS};
}

/* "ndots:5" to a number of at most 'max', which larger ones become. */
static bool
parse_number(const char *word, const char *name, unsigned min, unsigned max,
             unsigned *ret_value)
{
    size_t length = strlen(name);
    guint64 value;

    if (strncmp(word, name, length) != 0 || word[length] != ':' ||
        !g_ascii_string_to_unsigned(word + length + 1, 10, min, G_MAXUINT, &value,
                                    NULL)) {
        return false;
    }
    *ret_value = (unsigned)MIN(value, max);
    return true;
}

static bool
parse_flag(VsResolvConf *conf, const char *word)
{
    if (strcmp(word, "rotate") == 0) {
        conf->is_rotated = true;
    } else if (strcmp(word, "edns0") == 0) {
        conf->edns_bytes = conf->libc == VS_LIBC_GLIBC ? GLIBC_EDNS_BYTES : EDNS_BYTES;
    } else if (strcmp(word, "single-request") == 0) {
        conf->is_single_request = true;
    } else if (strcmp(word, "single-request-reopen") == 0) {
        conf->is_single_request = true;
        conf->is_single_request_reopen = true;
    } else {
        return false;
    }
    return true;
}

static bool
parse_option(VsResolvConf *conf, const char *word, GError **error)
{
    if (parse_number(word, "ndots", 0, NDOTS_MAX, &conf->ndots) ||
        parse_number(word, "timeout", 1, TIMEOUT_MAX_S, &conf->timeout_s) ||
        parse_number(word, "attempts", 1, ATTEMPTS_MAX, &conf->attempts)) {
        return true;
    }
    if (!parse_flag(conf, word)) {
        g_set_error(error, VS_RESOLV_ERROR, 0,
                    "option \"%s\" is not modelled; write ndots:N, timeout:N, "
                    "attempts:N, rotate, edns0, single-request or "
                    "single-request-reopen",
                    word);
        return false;
    }
    if (conf->libc == VS_LIBC_MUSL) {
        g_set_error(error, VS_RESOLV_ERROR, 0,
                    "musl does not know the option \"%s\"; leave it out, or write "
                    "libc=\"glibc\"",
                    word);
        return false;
    }
    return true;
}

bool
vs_resolv_conf_parse(VsResolvConf *conf, const char *options, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(options, " \t\n", -1);

    for (char **word = words; *word; word++) {
        if (**word && !parse_option(conf, *word, error)) {
            return false;
        }
    }
    return true;
}

static unsigned
count_dots(const char *name)
{
    unsigned n_dots = 0;

    for (; *name; name++) {
        n_dots += *name == '.';
    }
    return n_dots;
}

static void
add_name(VsResolvNames *names, const char *name, const char *suffix, VsNames *interned)
{
    g_autofree char *full = suffix ? g_strdup_printf("%s.%s", name, suffix) : NULL;
    g_autofree char *folded = g_ascii_strdown(full ? full : name, -1);
    size_t length = strlen(folded);

    if (length > 0 && folded[length - 1] == '.') {
        folded[length - 1] = '\0';
    }
    if (!suffix) {
        names->as_is = names->n_names;
    }
    names->names[names->n_names++] = vs_names_intern(interned, folded);
}

void
vs_resolv_names_init(VsResolvNames *names, const VsResolvConf *conf, const char *host,
                     VsNames *interned)
{
    unsigned n_search =
        conf->search ? g_strv_length((char **)(uintptr_t)conf->search) : 0;
    bool is_absolute = g_str_has_suffix(host, ".");
    bool has_dots = count_dots(host) >= conf->ndots;

    *names = (VsResolvNames){.names = g_new0(VsName, n_search + 1)};
    if (is_absolute || has_dots) {
        add_name(names, host, NULL, interned);
    }
    if (is_absolute || conf->libc == VS_LIBC_NONE ||
        (conf->libc == VS_LIBC_MUSL && has_dots)) {
        n_search = 0;
    }
    for (unsigned i = 0; i < n_search; i++) {
        add_name(names, host, conf->search[i], interned);
    }
    if (!is_absolute && !has_dots) {
        add_name(names, host, NULL, interned);
    }
}

void
vs_resolv_names_clear(VsResolvNames *names)
{
    g_free(names->names);
    *names = (VsResolvNames){.n_names = 0};
}

VsTime
vs_resolv_timeout(const VsResolvConf *conf, unsigned n)
{
    unsigned seconds = conf->timeout_s << n;

    if (n > 0) {
        seconds /= conf->n_servers;
    }
    return MAX(seconds, 1) * VS_S;
}
