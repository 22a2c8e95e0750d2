/* What "set" lines of scripts set. */
#include <glib.h>
#include <string.h>

#include "base/units.h"
#include "script.h"

typedef enum SettingKind {
    SETTING_COUNT, /* uint32_t. */
    SETTING_TIME,  /* VsTime. */
    SETTING_FLAG,  /* bool: yes, no. */
} SettingKind;

#define SETTING(kind, name, member)                                   \
    {                                                                 \
        name, SETTING_##kind, (unsigned)offsetof(VsTcpConfig, member) \
    }

static const struct {
    const char *name;
    SettingKind kind;
    unsigned offset;
} settings[] = {
    SETTING(COUNT, "initial-window", initial_window),
    SETTING(COUNT, "receive-buffer", receive_buffer),
    SETTING(COUNT, "syn-retries", syn_retries),
    SETTING(COUNT, "retries", retries),
    SETTING(COUNT, "syn-linear-timeouts", syn_linear_timeouts),
    SETTING(COUNT, "keepalive-probes", keepalive_probes),
    SETTING(TIME, "keepalive-time", keepalive_idle),
    SETTING(TIME, "keepalive-interval", keepalive_interval),
    SETTING(TIME, "rto-initial", rto_initial),
    SETTING(TIME, "rto-min", rto_min),
    SETTING(TIME, "rto-max", rto_max),
    SETTING(TIME, "delayed-ack", delayed_ack),
    SETTING(TIME, "time-wait", time_wait),
    SETTING(FLAG, "nodelay", is_nodelay),
    SETTING(FLAG, "gso", has_gso),
    SETTING(FLAG, "timestamps", has_timestamps),
    SETTING(FLAG, "sack", has_sack),
    SETTING(FLAG, "rack", has_rack),
    SETTING(FLAG, "loss-probe", has_loss_probe),
    SETTING(FLAG, "tw-reuse", is_reusing_time_wait),
    SETTING(COUNT, "port-first", port_first),
    SETTING(COUNT, "port-last", port_last),
    SETTING(FLAG, "abort-on-overflow", is_aborting_on_overflow),
    SETTING(COUNT, "syn-cookies", syn_cookies),
};

static bool
parse_flag(const char *value, bool *ret, GError **error)
{
    *ret = strcmp(value, "yes") == 0;
    if (!*ret && strcmp(value, "no") != 0) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    "\"%s\" is neither yes nor no", value);
        return false;
    }
    return true;
}

static bool
parse_count(const char *value, uint32_t *ret, GError **error)
{
    uint64_t number;

    if (!vs_parse_uint(value, &number, error)) {
        return false;
    }
    *ret = (uint32_t)MIN(number, UINT32_MAX);
    return true;
}

bool
script_setting_parse(const char *name, const char *value, VsTcpConfig *config,
                     uint32_t *mtu, GError **error)
{
    if (strcmp(name, "mtu") == 0) {
        return parse_count(value, mtu, error);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++) {
        void *place = (char *)config + settings[i].offset;

        if (strcmp(settings[i].name, name) != 0) {
            continue;
        }
        switch (settings[i].kind) {
        case SETTING_COUNT:
            return parse_count(value, place, error);
        case SETTING_TIME:
            return vs_parse_time(value, place, error);
        case SETTING_FLAG:
            return parse_flag(value, place, error);
        }
    }
    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX, "no setting is \"%s\"",
                name);
    return false;
}
