#include "cluster/watch.h"

static void
arm(VsWatch *watch)
{
    if (watch->n_heard < watch->news->len) {
        vs_timer_arm(&watch->next,
                     g_array_index(watch->news, VsNews, watch->n_heard).arrives);
    }
}

static void
news_arrive(VsTimer *timer)
{
    VsWatch *watch = VS_CONTAINER_OF(timer, VsWatch, next);

    while (watch->n_heard < watch->news->len &&
           g_array_index(watch->news, VsNews, watch->n_heard).arrives <= timer->due) {
        watch->n_heard++;
    }
    arm(watch);
    watch->heard(watch);
}

/* A watch keeps the order: news that would overtake others comes with them. */
static void
add_news(VsWatch *watch, VsTime changed)
{
    const VsDist *delay = &watch->cluster->endpoint_delay;
    VsNews news = {.changed = changed,
                   .arrives = changed + vs_dist_draw(delay, &watch->rng)};
    unsigned place = watch->news->len;

    while (place > 0 &&
           g_array_index(watch->news, VsNews, place - 1).changed > changed) {
        place--;
    }
    if (place > 0) {
        news.arrives =
            MAX(news.arrives, g_array_index(watch->news, VsNews, place - 1).arrives);
    }
    g_array_insert_val(watch->news, place, news);
    for (unsigned i = place + 1; i < watch->news->len; i++) {
        VsNews *later = &g_array_index(watch->news, VsNews, i);

        later->arrives = MAX(later->arrives, news.arrives);
    }
}

void
vs_watch_open(VsWatch *watch, VsCluster *cluster, VsPart *part, const char *name,
              void (*heard)(VsWatch *watch))
{
    GArray *changes = vs_cluster_endpoint_changes(cluster, false);

    *watch = (VsWatch){.cluster = cluster,
                       .heard = heard,
                       .news = g_array_new(FALSE, FALSE, sizeof(VsNews))};
    vs_rng_init(&watch->rng, part->run->seed, name, "endpoint-delay");
    vs_entity_init_crossing(&watch->entity, part);
    vs_timer_init(&watch->next, &watch->entity, news_arrive);
    for (unsigned i = 0; i < changes->len; i++) {
        add_news(watch, g_array_index(changes, VsTime, i));
    }
    g_array_free(changes, TRUE);
    g_ptr_array_add(cluster->watches, watch);
    arm(watch);
}

void
vs_watch_close(VsWatch *watch)
{
    if (watch->cluster) {
        g_ptr_array_remove(watch->cluster->watches, watch);
        g_array_free(watch->news, TRUE);
        watch->cluster = NULL;
    }
}

void
vs_watches_tell(const VsCluster *cluster, VsTime now)
{
    for (unsigned i = 0; i < cluster->watches->len; i++) {
        VsWatch *watch = cluster->watches->pdata[i];

        add_news(watch, now);
        arm(watch);
    }
}
