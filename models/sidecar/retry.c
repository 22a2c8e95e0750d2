/* What a request is tried again after: Envoy's x-envoy-retry-on, as Istio's routes set it. */
#include "models/sidecar/sidecar.h"

/* Whatever ends a try without an answer. */
#define NO_ANSWER                                                \
    (SIDECAR_RETRY_ON_CONNECT_FAILURE | SIDECAR_RETRY_ON_RESET | \
     SIDECAR_RETRY_ON_TIMEOUT)

/* A word, and all that it stands for (router/retry_state_impl.cc: wouldRetryFromReset(),
 * wouldRetryFromHeaders()). */
static const struct {
    const char *word;
    unsigned causes;
} words[] = {
    {"connect-failure", SIDECAR_RETRY_ON_CONNECT_FAILURE},
    {"reset", NO_ANSWER},
    {"503", SIDECAR_RETRY_ON_503},
    {"gateway-error", NO_ANSWER | SIDECAR_RETRY_ON_503 | SIDECAR_RETRY_ON_GATEWAY},
    {"5xx", NO_ANSWER | SIDECAR_RETRY_ON_503 | SIDECAR_RETRY_ON_GATEWAY |
                SIDECAR_RETRY_ON_5XX},
};

/* The place of 'word' in 'words', or their number. */
static unsigned
find_word(const char *word)
{
    unsigned i = 0;

    while (i < G_N_ELEMENTS(words) && strcmp(words[i].word, word) != 0) {
        i++;
    }
    return i;
}

bool
sidecar_check_retry_on(const char *text, const VsElement *element, GError **error)
{
    g_auto(GStrv) said = g_strsplit(text, " ", -1);

    for (unsigned i = 0; said[i]; i++) {
        if (said[i][0] != '\0' && find_word(said[i]) == G_N_ELEMENTS(words)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                            "retry-on: \"%s\" is unknown; there are connect-failure, "
                            "reset, 503, gateway-error and 5xx",
                            said[i]);
            return false;
        }
    }
    return true;
}

unsigned
sidecar_retry_mask(const char *text)
{
    g_auto(GStrv) said = g_strsplit(text, " ", -1);
    unsigned mask = 0;

    for (unsigned i = 0; said[i]; i++) {
        if (said[i][0] != '\0') {
            mask |= words[find_word(said[i])].causes;
        }
    }
    return mask;
}

unsigned
sidecar_retry_causes(unsigned status)
{
    switch (status) {
    case 503:
        return SIDECAR_RETRY_ON_503;
    case 502:
    case 504:
        return SIDECAR_RETRY_ON_GATEWAY;
    default:
        return status >= 500 ? SIDECAR_RETRY_ON_5XX : 0;
    }
}
