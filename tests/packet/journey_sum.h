/* Where the time of a journey went, added up. */
#pragma once

#include "packet/packet.h"

static inline VsTime
sum_of_steps(const VsJourney *journey)
{
    VsTime sum = 0;

    for (uint32_t i = 0; i < journey->n_steps; i++) {
        sum += journey->steps[i].elapsed;
    }
    return sum;
}
