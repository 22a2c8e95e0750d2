#include "netfilter/recent.h"

enum { DEFAULT_STAMPS = 32 }; /* What the kernel keeps where no rule counts. */

/* An address and the times of its last packets, a ring. */
typedef struct Entry {
    GList link; /* In 'news'; its data is the entry. */
    VsKey key;
    unsigned n_stamps;
    unsigned next;
    VsTime stamps[];
} Entry;

struct VsRecentList {
    VsAddr mask;
    unsigned max_stamps;
    VsTable entries; /* Address to Entry. */
    GQueue news;     /* Entries, the one longest without news first. */
};

VsRecentList *
vs_recent_list_new(VsAddr mask)
{
    VsRecentList *list = g_new0(VsRecentList, 1);

    list->mask = mask;
    vs_table_init(&list->entries);
    g_queue_init(&list->news);
    return list;
}

static void
forget(VsRecentList *list, Entry *entry)
{
    vs_table_remove(&list->entries, entry->key);
    g_queue_unlink(&list->news, &entry->link);
    g_free(entry);
}

static void
forget_all(VsRecentList *list)
{
    while (list->news.head) {
        forget(list, list->news.head->data);
    }
}

void
vs_recent_list_free(VsRecentList *list)
{
    if (list) {
        forget_all(list);
        vs_table_clear(&list->entries);
        g_free(list);
    }
}

void
vs_recent_list_reserve(VsRecentList *list, unsigned hitcount)
{
    unsigned wanted = hitcount ? 1 : DEFAULT_STAMPS;

    while (wanted < hitcount) {
        wanted *= 2;
    }
    if (wanted > list->max_stamps) {
        forget_all(list);
        list->max_stamps = wanted;
    }
}

static void
stamp(VsRecentList *list, Entry *entry, VsTime now)
{
    entry->stamps[entry->next] = now;
    entry->next = (entry->next + 1) % list->max_stamps;
    entry->n_stamps = MIN(entry->n_stamps + 1, list->max_stamps);
    g_queue_unlink(&list->news, &entry->link);
    g_queue_push_tail_link(&list->news, &entry->link);
}

static Entry *
remember(VsRecentList *list, VsKey key)
{
    Entry *entry;

    if (list->news.length >= VS_RECENT_MAX_ADDRESSES) {
        forget(list, list->news.head->data);
    }
    entry = g_malloc0(sizeof(Entry) + list->max_stamps * sizeof(VsTime));
    entry->key = key;
    entry->link.data = entry;
    vs_table_insert(&list->entries, key, entry);
    g_queue_push_tail_link(&list->news, &entry->link);
    return entry;
}

/* Is 'then' longer ago than the rule's seconds? */
static bool
is_past(const VsRecent *recent, VsTime then, VsTime now)
{
    VsTime seconds = MIN(recent->seconds, VS_TIME_NEVER / VS_S);

    return now - then > seconds * VS_S;
}

/* Enough packets in the time asked for. */
static bool
is_hit(const VsRecent *recent, const Entry *entry, VsTime now)
{
    uint32_t n_hits = 0;

    for (unsigned i = 0; i < entry->n_stamps; i++) {
        if (recent->seconds == 0 || !is_past(recent, entry->stamps[i], now)) {
            n_hits++;
        }
    }
    return n_hits >= MAX(recent->hitcount, 1);
}

/* --reap: the one longest without news is forgotten if that is too long ago, but not
 * 'kept'. */
static void
reap(const VsRecent *recent, const Entry *kept, VsTime now)
{
    VsRecentList *list = recent->list;
    Entry *oldest = list->news.head->data;
    unsigned last = (oldest->next + list->max_stamps - 1) % list->max_stamps;

    if (oldest != kept && is_past(recent, oldest->stamps[last], now)) {
        forget(list, oldest);
    }
}

bool
vs_recent_holds(const VsRecent *recent, VsAddr address, VsTime now)
{
    VsRecentList *list = recent->list;
    VsKey key = {{address & list->mask, 0}};
    Entry *entry = vs_table_find(&list->entries, key);
    bool holds = !recent->is_inverted;
    bool is_news;

    if (recent->check == VS_RECENT_SET) {
        stamp(list, entry ? entry : remember(list, key), now);
        return holds;
    }
    if (!entry) {
        return !holds;
    }
    if (recent->check == VS_RECENT_REMOVE) {
        forget(list, entry);
        return holds;
    }
    holds = is_hit(recent, entry, now) != recent->is_inverted;
    is_news = recent->check == VS_RECENT_UPDATE && holds;
    if (recent->is_reaping) {
        reap(recent, is_news ? entry : NULL, now);
    }
    if (is_news) {
        stamp(list, entry, now);
    }
    return holds;
}
