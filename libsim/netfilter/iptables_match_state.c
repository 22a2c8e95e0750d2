/* The matches of iptables with a state, or with a set: statistic, recent, limit, set. */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "netfilter/iptables_options.h"

enum { RECENT_NAME_MAX = 199 }; /* XT_RECENT_NAME_LEN - 1 */

/* xt_recent of the model remembers this many packets of an address (evaluate.c). */
enum { RECENT_MAX_HITCOUNT = 20 };

/* ---- statistic ------------------------------------------------------------------------ */

enum { STATISTIC_MODE, STATISTIC_PROBABILITY, STATISTIC_EVERY, STATISTIC_PACKET };

static bool
parse_mode(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
           bool is_inverted, char **args)
{
    static const VsIptWord modes[] = {
        {"random", VS_STEP_RANDOM}, {"nth", VS_STEP_NTH}, {NULL, 0}};
    uint32_t kind;

    (void)is_inverted;
    if (!vs_ipt_word(reader, option->names[0], args[0], modes, &kind)) {
        return false;
    }
    vs_ipt_add_step(reader, instance, kind);
    return true;
}

/* The step of --mode, which has to come first. */
static VsRuleStep *
statistic_step(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               VsStepKind kind)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);

    if (!step || step->kind != kind) {
        vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "%s: write --mode %s before it",
                    option->names[0], kind == VS_STEP_NTH ? "nth" : "random");
        return NULL;
    }
    return step;
}

static bool
parse_probability(VsIptReader *reader, VsIptInstance *instance,
                  const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = statistic_step(reader, instance, option, VS_STEP_RANDOM);
    char *end;
    double probability = g_ascii_strtod(args[0], &end);

    if (!step) {
        return false;
    }
    if (end == args[0] || *end || !(probability >= 0 && probability <= 1)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write a number from 0 to 1", option->names[0],
                           args[0]);
    }
    step->random.threshold = (uint32_t)lround(0x80000000 * probability);
    step->random.is_inverted = is_inverted;
    return true;
}

static bool
parse_every(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    VsRuleStep *step = statistic_step(reader, instance, option, VS_STEP_NTH);
    uint64_t every;

    if (!step ||
        !vs_ipt_number(reader, option->names[0], args[0], UINT32_MAX, &every)) {
        return false;
    }
    if (every == 0) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "%s 0: write at least 1",
                           option->names[0]);
    }
    step->nth.every = (uint32_t)every;
    step->nth.is_inverted = is_inverted;
    return true;
}

static bool
parse_packet(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
             bool is_inverted, char **args)
{
    VsRuleStep *step = statistic_step(reader, instance, option, VS_STEP_NTH);
    uint64_t first;

    (void)is_inverted;
    if (!step ||
        !vs_ipt_number(reader, option->names[0], args[0], UINT32_MAX, &first)) {
        return false;
    }
    step->nth.first = (uint32_t)first;
    step->nth.count = (uint32_t)first;
    return true;
}

static bool
end_statistic(VsIptReader *reader, VsIptInstance *instance)
{
    const VsRuleStep *step = vs_ipt_get_step(reader, instance);

    if (step->kind == VS_STEP_RANDOM) {
        return (instance->given & 1 << STATISTIC_PROBABILITY) ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "--mode random wants --probability");
    }
    if (!(instance->given & 1 << STATISTIC_EVERY) ||
        !(instance->given & 1 << STATISTIC_PACKET)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "--mode nth wants --every and --packet");
    }
    return step->nth.first < step->nth.every ||
           vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                       "--packet %u: write a number from 0 to %u, below --every",
                       step->nth.first, step->nth.every - 1);
}

/* ---- recent --------------------------------------------------------------------------- */

enum { RECENT_CHECK, RECENT_SECONDS, RECENT_REAP, RECENT_HITCOUNT, RECENT_NAME };
enum { RECENT_SIDE = RECENT_NAME + 1, RECENT_MASK };

static bool
begin_recent(VsIptReader *reader, VsIptInstance *instance)
{
    VsRuleStep *step = vs_ipt_add_step(reader, instance, VS_STEP_RECENT);

    step->recent.name = g_strdup("DEFAULT");
    step->recent.mask = UINT32_MAX;
    return true;
}

static bool
parse_recent_check(VsIptReader *reader, VsIptInstance *instance,
                   const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);

    (void)args;
    step->recent.check = option->data;
    step->recent.is_inverted = is_inverted;
    return true;
}

static bool
parse_recent_number(VsIptReader *reader, VsIptInstance *instance,
                    const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);
    uint64_t number;

    (void)is_inverted;
    if (!vs_ipt_number(reader, option->names[0], args[0], UINT32_MAX, &number)) {
        return false;
    }
    if (option->data == RECENT_SECONDS) {
        step->recent.seconds = (uint32_t)number;
        return number > 0 || vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                                         "--seconds 0: write at least 1");
    }
    step->recent.hitcount = (uint32_t)number;
    return number <= RECENT_MAX_HITCOUNT ||
           vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                       "--hitcount %s: at most %d packets of an address are remembered",
                       args[0], RECENT_MAX_HITCOUNT);
}

static bool
parse_recent_text(VsIptReader *reader, VsIptInstance *instance,
                  const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);

    (void)is_inverted;
    if (option->data == RECENT_MASK) {
        return vs_parse_ipv4(args[0], &step->recent.mask, NULL) ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "--mask \"%s\": write a mask such as 255.255.255.0",
                           args[0]);
    }
    if (!*args[0] || strlen(args[0]) > RECENT_NAME_MAX || strpbrk(args[0], "/ \"\\'")) {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_SYNTAX,
            "--name \"%s\": write 1 to %d letters without spaces, quotes "
            "and slashes",
            args[0], RECENT_NAME_MAX);
    }
    g_free(step->recent.name);
    step->recent.name = g_strdup(args[0]);
    return true;
}

static bool
parse_recent_flag(VsIptReader *reader, VsIptInstance *instance,
                  const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);

    (void)is_inverted;
    (void)args;
    if (option->slot == RECENT_REAP) {
        step->recent.is_reaping = true;
    } else {
        step->recent.is_destination = option->data;
    }
    return true;
}

static bool
end_recent(VsIptReader *reader, VsIptInstance *instance)
{
    const VsRecent *recent = &vs_ipt_get_step(reader, instance)->recent;

    if ((recent->seconds || recent->hitcount) && recent->check != VS_RECENT_RCHECK &&
        recent->check != VS_RECENT_UPDATE) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "--seconds and --hitcount go with --rcheck or --update");
    }
    return !recent->is_reaping || recent->seconds ||
           vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "--reap wants --seconds");
}

/* ---- set ------------------------------------------------------------------------------ */

/* The field that a part of 'type' is compared with, on the side "src" or "dst". */
static VsField
set_field(VsSetType type, bool is_source)
{
    switch (type) {
    case VS_SET_INET_PROTO:
        return VS_FIELD_PROTOCOL;
    case VS_SET_INET_SERVICE:
        return is_source ? VS_FIELD_SPORT : VS_FIELD_DPORT;
    default:
        return is_source ? VS_FIELD_SADDR : VS_FIELD_DADDR;
    }
}

/* ipset counts protocol and port as one: a set of types ip, protocol, port has two. */
static unsigned
set_dimension(const VsSet *set)
{
    unsigned n = 0;

    for (unsigned i = 0; i < set->n_types; i++) {
        n += set->types[i] != VS_SET_INET_PROTO;
    }
    return n;
}

static bool
parse_match_set(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    const VsSet *set = vs_ruleset_find_set(reader->ruleset, NULL, args[0]);
    g_auto(GStrv) sides = g_strsplit(args[1], ",", -1);
    VsLookup *lookup;
    unsigned side = 0;

    if (!set) {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_REFERENCE,
            "there is no ipset \"%s\": read the output of \"ipset save\" "
            "before the rules",
            args[0]);
    }
    for (unsigned i = 0; sides[i]; i++) {
        if (!g_str_equal(sides[i], "src") && !g_str_equal(sides[i], "dst")) {
            return vs_ipt_fail(
                reader, VS_RULESET_ERROR_SYNTAX,
                "%s %s \"%s\": write src or dst for each part of the key",
                option->names[0], args[0], args[1]);
        }
    }
    if (g_strv_length(sides) != set_dimension(set)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s %s \"%s\": write src or dst "
                           "%u times, once for each part of the set's keys",
                           option->names[0], args[0], args[1], set_dimension(set));
    }
    lookup = &vs_ipt_add_step(reader, instance, VS_STEP_LOOKUP)->lookup;
    lookup->set_name = g_strdup(args[0]);
    lookup->is_inverted = is_inverted;
    lookup->n_fields = set->n_types;
    for (unsigned i = 0; i < set->n_types; i++) {
        lookup->fields[i] = set_field(set->types[i], *sides[side] == 's');
        lookup->is_l4_generic[i] = true;
        side += set->types[i] != VS_SET_INET_PROTO;
    }
    return true;
}

/* ---- limit ---------------------------------------------------------------------------- */

/* The kernel keeps the time between two packets in parts of 10^4 of a second
 * (XT_LIMIT_SCALE); iptables-save shows it in the unit that suits it best. */
enum { LIMIT_SCALE = 10000, LIMIT_BURST = 5, LIMIT_BURST_MAX = 10000 };

static const struct {
    const char *name;
    uint32_t seconds;
} limit_units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};

static void
set_limit(VsLimit *limit, uint32_t period)
{
    unsigned i = 0;

    while (i + 1 < G_N_ELEMENTS(limit_units)) {
        uint32_t parts = limit_units[i + 1].seconds * LIMIT_SCALE;

        if (period > parts || parts / period < parts % period) {
            break;
        }
        i++;
    }
    limit->amount = limit_units[i].seconds * LIMIT_SCALE / period;
    limit->unit = limit_units[i].seconds * VS_S;
}

static bool
begin_limit(VsIptReader *reader, VsIptInstance *instance)
{
    VsRuleStep *step = vs_ipt_add_step(reader, instance, VS_STEP_LIMIT);

    step->limit.burst = LIMIT_BURST;
    set_limit(&step->limit, limit_units[1].seconds * LIMIT_SCALE / 3);
    return true;
}

static bool
parse_limit(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);
    const char *cursor = args[0];
    uint32_t seconds = 0;
    uint64_t amount;
    bool is_right = vs_ipt_scan_number(&cursor, UINT32_MAX, &amount);

    (void)is_inverted;
    if (is_right && !*cursor) {
        seconds = 1;
    } else if (is_right && *cursor == '/' && cursor[1]) {
        for (unsigned i = 0; i < G_N_ELEMENTS(limit_units); i++) {
            if (g_ascii_strncasecmp(limit_units[i].name, cursor + 1,
                                    strlen(cursor + 1)) == 0) {
                seconds = limit_units[i].seconds;
            }
        }
    }
    if (seconds == 0 || amount == 0 || amount / seconds > LIMIT_SCALE) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write a rate of at most %d/second, in packets a "
                           "second, minute, hour or day",
                           option->names[0], args[0], LIMIT_SCALE);
    }
    set_limit(&step->limit, (uint32_t)(seconds * LIMIT_SCALE / amount));
    return true;
}

static bool
parse_limit_burst(VsIptReader *reader, VsIptInstance *instance,
                  const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);
    uint64_t burst;

    (void)is_inverted;
    if (!vs_ipt_number(reader, option->names[0], args[0], LIMIT_BURST_MAX, &burst)) {
        return false;
    }
    step->limit.burst = (uint32_t)burst;
    return burst > 0 || vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                                    "%s 0: write at least 1", option->names[0]);
}

/* ---- owner ---------------------------------------------------------------------------- */

static bool
parse_owner(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    const char *cursor = args[0];
    uint64_t min;
    uint64_t max;
    bool is_right = vs_ipt_scan_number(&cursor, VS_UID_NONE - 1, &min);
    VsRuleStep *step;

    max = min;
    if (is_right && *cursor == '-') {
        cursor++;
        is_right = vs_ipt_scan_number(&cursor, VS_UID_NONE - 1, &max) && min <= max;
    }
    if (!is_right || *cursor) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write a number, or two of them, first-last, "
                           "without names",
                           option->names[0], args[0]);
    }
    step = vs_ipt_add_step(reader, instance, VS_STEP_RANGE);
    step->range.field = option->data;
    step->range.mask = UINT32_MAX;
    step->range.min = (uint32_t)min;
    step->range.max = (uint32_t)max;
    step->range.is_inverted = is_inverted;
    return true;
}

/* ---- The tables ----------------------------------------------------------------------- */

/* clang-format off */

static const VsIptOption statistic_options[] = {
    {{"--mode"}, STATISTIC_MODE, 1, false, parse_mode, 0},
    {{"--probability"}, STATISTIC_PROBABILITY, 1, true, parse_probability, 0},
    {{"--every"}, STATISTIC_EVERY, 1, true, parse_every, 0},
    {{"--packet"}, STATISTIC_PACKET, 1, false, parse_packet, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption recent_options[] = {
    {{"--set"}, RECENT_CHECK, 0, true, parse_recent_check, VS_RECENT_SET},
    {{"--rcheck"}, RECENT_CHECK, 0, true, parse_recent_check, VS_RECENT_RCHECK},
    {{"--update"}, RECENT_CHECK, 0, true, parse_recent_check, VS_RECENT_UPDATE},
    {{"--remove"}, RECENT_CHECK, 0, true, parse_recent_check, VS_RECENT_REMOVE},
    {{"--seconds"}, RECENT_SECONDS, 1, false, parse_recent_number, RECENT_SECONDS},
    {{"--reap"}, RECENT_REAP, 0, false, parse_recent_flag, 0},
    {{"--hitcount"}, RECENT_HITCOUNT, 1, false, parse_recent_number, RECENT_HITCOUNT},
    {{"--name"}, RECENT_NAME, 1, false, parse_recent_text, RECENT_NAME},
    {{"--mask"}, RECENT_MASK, 1, false, parse_recent_text, RECENT_MASK},
    {{"--rsource"}, RECENT_SIDE, 0, false, parse_recent_flag, false},
    {{"--rdest"}, RECENT_SIDE, 0, false, parse_recent_flag, true},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption owner_options[] = {
    {{"--uid-owner"}, 0, 1, true, parse_owner, VS_FIELD_UID},
    {{"--gid-owner"}, 1, 1, true, parse_owner, VS_FIELD_GID},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption set_options[] = {
    {{"--match-set"}, 0, 2, true, parse_match_set, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption limit_options[] = {
    {{"--limit"}, 0, 1, false, parse_limit, 0},
    {{"--limit-burst"}, 1, 1, false, parse_limit_burst, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

const VsIptModule vs_ipt_state_matches[] = {
    {.name = "statistic", .module = VS_MODULE_STATISTIC, .options = statistic_options,
     .wants = 1 << STATISTIC_MODE, .wants_text = "--mode", .end = end_statistic},
    {.name = "recent", .module = VS_MODULE_RECENT, .options = recent_options,
     .wants = 1 << RECENT_CHECK, .wants_text = "--set, --rcheck, --update or --remove",
     .begin = begin_recent, .end = end_recent},
    {.name = "owner", .module = VS_MODULE_OWNER, .options = owner_options,
     .wants = UINT32_MAX, .wants_text = "--uid-owner or --gid-owner"},
    {.name = "set", .module = VS_MODULE_SET, .options = set_options,
     .wants = UINT32_MAX, .wants_text = "--match-set"},
    {.name = "limit", .module = VS_MODULE_LIMIT, .options = limit_options,
     .begin = begin_limit},
    {.name = NULL},
};

/* clang-format on */
