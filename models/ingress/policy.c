#include "models/ingress/ingress.h"

static const char *const failure_words[INGRESS_N_FAILURES] = {
    [INGRESS_CONNECT_FAILED] = "connect-failed",
    [INGRESS_CONNECT_TIMEOUT] = "connect-timeout",
    [INGRESS_BROKEN] = "broken",
    [INGRESS_READ_TIMEOUT] = "read-timeout",
};

static bool
parse_word(const char *word, unsigned *mask, const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < INGRESS_N_FAILURES; i++) {
        if (strcmp(word, failure_words[i]) == 0) {
            *mask |= 1u << i;
            return true;
        }
    }
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                    "retry-on: \"%s\" is unknown; there are connect-failed, "
                    "connect-timeout, broken and read-timeout",
                    word);
    return false;
}

/* The mask of failures after which a request is tried again. */
static bool
parse_words(const char *text, unsigned *ret_mask, const VsElement *element,
            GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    *ret_mask = 0;
    for (unsigned i = 0; words[i]; i++) {
        if (words[i][0] != '\0' && !parse_word(words[i], ret_mask, element, error)) {
            return false;
        }
    }
    return true;
}

static bool
refuse(const VsElement *element, const char *param, const char *why, GError **error)
{
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                    "%s has no effect %s; leave it out", param, why);
    return false;
}

bool
ingress_policy_check(const IngressPolicy *policy, const VsElement *element,
                     GError **error)
{
    static const char *const of_retries[] = {
        "retry-on", "retry-to", "retry-non-idempotent", "retry-delay", "retry-timeout"};
    unsigned mask;

    for (unsigned i = 0; policy->retries == 0 && i < G_N_ELEMENTS(of_retries); i++) {
        /* A request broken under a kept connection is tried again without retries, too. */
        bool may_act = policy->is_retry_reused &&
                       strcmp(of_retries[i], "retry-on") != 0 &&
                       strcmp(of_retries[i], "retry-timeout") != 0;

        if (vs_element_has(element, of_retries[i]) && !may_act) {
            return refuse(element, of_retries[i], "without retries", error);
        }
    }
    if (!parse_words(policy->retry_on, &mask, element, error)) {
        return false;
    }
    if (policy->retries > 0 && mask == 0) {
        return refuse(element, "retries", "with an empty retry-on", error);
    }
    return true;
}

unsigned
ingress_policy_mask(const IngressPolicy *policy)
{
    unsigned mask;

    if (!parse_words(policy->retry_on, &mask, NULL, NULL)) {
        g_assert_not_reached();
    }
    return mask;
}
