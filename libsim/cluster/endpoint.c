/* Endpoints in the course of time. */
#include "cluster/watch.h"

static VsPodCondition
terminating(VsPodCondition condition)
{
    return condition == VS_POD_READY || condition == VS_POD_TERMINATING
               ? VS_POD_TERMINATING
               : VS_POD_TERMINATING_UNREADY;
}

static bool
is_failing(const VsPod *pod, VsTime time)
{
    for (unsigned i = pod->outages ? pod->outages->len : 0; i-- > 0;) {
        const VsPodOutage *outage = &g_array_index(pod->outages, VsPodOutage, i);

        if (time >= outage->from) {
            return time < outage->to;
        }
    }
    return false;
}

void
vs_pod_set_down(VsPod *pod, bool is_down, VsTime now)
{
    VsPodOutage outage = {.from = now, .to = VS_TIME_NEVER};

    g_assert(pod->may_fail && (is_down || pod->n_down > 0));
    if (is_down && pod->n_down++ == 0) {
        if (!pod->outages) {
            pod->outages = g_array_new(FALSE, FALSE, sizeof(VsPodOutage));
        }
        g_array_append_val(pod->outages, outage);
        vs_watches_tell(pod->node->cluster, now);
    } else if (!is_down && --pod->n_down == 0) {
        g_array_index(pod->outages, VsPodOutage, pod->outages->len - 1).to = now;
        vs_watches_tell(pod->node->cluster, now);
    }
}

VsPodCondition
vs_pod_condition_at(const VsPod *pod, VsTime time)
{
    VsPodCondition condition = pod->condition;

    if (time >= pod->removed_at) {
        return VS_POD_REMOVED;
    }
    if (condition == VS_POD_READY && (time < pod->ready_at || is_failing(pod, time))) {
        condition = VS_POD_UNREADY;
    }
    return time >= pod->terminates_at ? terminating(condition) : condition;
}

/* As the endpoint slice controller sets the conditions: ready is serving and not
 * terminating, or whatever there is if the service publishes that. */
VsEndpoint
vs_endpoint_at(const VsService *service, const VsEndpoint *endpoint, VsTime time)
{
    VsPodCondition condition = vs_pod_condition_at(endpoint->pod, time);
    VsEndpoint at = *endpoint;

    at.is_removed = condition == VS_POD_REMOVED;
    at.is_serving = condition == VS_POD_READY || condition == VS_POD_TERMINATING;
    at.is_terminating =
        condition == VS_POD_TERMINATING || condition == VS_POD_TERMINATING_UNREADY;
    at.is_ready = !at.is_removed && (service->publishes_not_ready ||
                                     (at.is_serving && !at.is_terminating));
    return at;
}

bool
vs_service_differs(const VsService *service, VsTime a, VsTime b)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsPod *pod = service->all_endpoints[i].pod;

        if (vs_pod_condition_at(pod, a) != vs_pod_condition_at(pod, b)) {
            return true;
        }
    }
    return false;
}

static bool
changes(const VsPod *pod)
{
    return pod->may_fail || pod->ready_at > 0 || pod->terminates_at != VS_TIME_NEVER ||
           pod->removed_at != VS_TIME_NEVER;
}

bool
vs_service_changes(const VsService *service)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        if (changes(service->all_endpoints[i].pod)) {
            return true;
        }
    }
    return false;
}

bool
vs_cluster_changes(const VsCluster *cluster)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        if (vs_service_changes(cluster->services->pdata[i])) {
            return true;
        }
    }
    return false;
}

static void
add_change(GArray *times, VsTime time)
{
    if (time > 0 && time != VS_TIME_NEVER) {
        g_array_append_val(times, time);
    }
}

static int
compare_times(gconstpointer a, gconstpointer b)
{
    VsTime x = *(const VsTime *)a;
    VsTime y = *(const VsTime *)b;

    return (x > y) - (x < y);
}

static void
add_changes_of(const VsService *service, GArray *times)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsPod *pod = service->all_endpoints[i].pod;

        add_change(times, pod->ready_at);
        add_change(times, pod->terminates_at);
        add_change(times, pod->removed_at);
    }
}

GArray *
vs_cluster_endpoint_changes(const VsCluster *cluster, bool has_names)
{
    GArray *times = g_array_new(FALSE, FALSE, sizeof(VsTime));
    unsigned n_unique = 0;

    for (unsigned i = 0; i < cluster->services->len; i++) {
        add_changes_of(cluster->services->pdata[i], times);
    }
    for (unsigned i = 0; has_names && i < cluster->dns_services->len; i++) {
        add_changes_of(cluster->dns_services->pdata[i], times);
    }
    g_array_sort(times, compare_times);
    for (unsigned i = 0; i < times->len; i++) {
        VsTime time = g_array_index(times, VsTime, i);

        if (n_unique == 0 || g_array_index(times, VsTime, n_unique - 1) != time) {
            g_array_index(times, VsTime, n_unique++) = time;
        }
    }
    g_array_set_size(times, n_unique);
    return times;
}

VsTime
vs_service_next_change(const VsService *service, VsTime after)
{
    VsTime next = VS_TIME_NEVER;

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsPod *pod = service->all_endpoints[i].pod;
        const VsTime times[] = {pod->ready_at, pod->terminates_at, pod->removed_at};

        for (unsigned j = 0; j < G_N_ELEMENTS(times); j++) {
            next = times[j] > after ? MIN(next, times[j]) : next;
        }
    }
    return next;
}
