/* Queue disciplines of interfaces: who gave one to which, and where it is reported. */
#pragma once

#include "model/build.h"
#include "model/model.h"
#include "net/qdisc_kinds.h"

/* Statistics of a VsQdisc. */
extern const VsStat vs_qdisc_stats[];

/* 'element' gives 'iface' its qdisc, for all its wires if it has some.  Fails where another
 * has done so, but for a sibling of the same kind. */
bool vs_build_claim_qdisc(VsBuild *build, const VsElement *element, VsIface *iface,
                          GError **error);

/* The element that gave 'iface' its first qdisc, or NULL. */
const VsElement *vs_build_find_qdisc(const VsBuild *build, const VsIface *iface);

/* Reports 'qdisc' under 'name', which is copied; 'element' is of the model that has
 * vs_qdisc_stats. */
void vs_build_note_qdisc(VsBuild *build, const VsElement *element, const VsQdisc *qdisc,
                         const char *name);

/* Gives 'iface', which has no wire, a tbf from the beginning on, for 'element', which is
 * none of a qdisc.  Fails as vs_build_claim_qdisc(). */
bool vs_build_shape(VsBuild *build, const VsElement *element, VsIface *iface,
                    const VsTbfConfig *tbf, GError **error);
