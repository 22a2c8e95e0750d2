#include "model/interface_qdisc.h"

#include "net/egress.h"

const VsStat vs_qdisc_stats[] = {
    VS_COUNTER(VsQdisc, n_packets, "packets", "packet", "Sent."),
    VS_COUNTER(VsQdisc, n_bytes, "bytes", "byte", "Sent, from the Ethernet header on."),
    VS_COUNTER(VsQdisc, n_dropped, "dropped", "packet", "Lost here or further inside."),
    VS_COUNTER(VsQdisc, n_marked, "marked", "packet",
               "Marked: congestion experienced."),
    VS_COUNTER(VsQdisc, n_overlimits, "overlimits", "time",
               "Packets that had to wait for a rate, or came over a limit of red."),
    VS_COUNTER(VsQdisc, held_bytes_max, "backlog-max", "byte",
               "Most that waited at once."),
    VS_QUEUE(VsQdisc, backlog, "backlog", "packet", "Waiting, or held back by netem."),
    {0},
};

/* What stands for the <qdisc> that a shaper has no element of. */
static const VsModel shaper_model = {.element = "qdisc", .stats = vs_qdisc_stats};
static const VsElement shaper = {.model = &shaper_model};

const VsElement *
vs_build_find_qdisc(const VsBuild *build, const VsIface *iface)
{
    return g_hash_table_lookup(build->qdisc_of, iface);
}

bool
vs_build_claim_qdisc(VsBuild *build, const VsElement *element, VsIface *iface,
                     GError **error)
{
    const VsElement *first = vs_build_find_qdisc(build, iface);

    if (!first) {
        g_hash_table_insert(build->qdisc_of, iface, (gpointer)element);
        return true;
    }
    if (first != element &&
        (first->parent != element->parent || first->model != element->model)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "%s of %s has its qdisc by the <%s> of line %d; give it one of "
                        "the two",
                        iface->name, iface->netns->name, first->model->element,
                        first->line);
        return false;
    }
    return true;
}

void
vs_build_note_qdisc(VsBuild *build, const VsElement *element, const VsQdisc *qdisc,
                    const char *name)
{
    VsBuiltQdisc built = {element, qdisc, g_strdup(name)};

    g_array_append_val(build->qdiscs, built);
}

bool
vs_build_shape(VsBuild *build, const VsElement *element, VsIface *iface,
               const VsTbfConfig *tbf, GError **error)
{
    g_autofree char *name = NULL;
    VsEgress *egress;
    VsQdisc *qdisc;

    if (!vs_build_claim_qdisc(build, element, iface, error)) {
        return false;
    }
    egress = vs_egress_new_device(iface);
    qdisc = vs_qdisc_new(&vs_qdisc_tbf, tbf, &egress->context);
    vs_egress_add(egress, 0, qdisc);
    name = g_strdup_printf("%s: %s", egress->name, qdisc->kind->name);
    vs_build_note_qdisc(build, &shaper, qdisc, name);
    return true;
}
