#include "net/hook.h"

#include <glib.h>
#include <string.h>

void
vs_hook_list_add(VsHookList *list, const VsHook *hook, void *data)
{
    unsigned at = list->n_hooks;

    list->entries = g_renew(struct VsHookEntry, list->entries, list->n_hooks + 1);
    while (at > 0 && list->entries[at - 1].priority > hook->priority) {
        list->entries[at] = list->entries[at - 1];
        at--;
    }
    list->entries[at] = (struct VsHookEntry){hook->fn, data, hook->priority};
    list->n_hooks++;
}

void
vs_hook_list_clear(VsHookList *list)
{
    g_free(list->entries);
    memset(list, 0, sizeof(*list));
}
