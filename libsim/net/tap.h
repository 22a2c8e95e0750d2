/* Taps: who wants to see the packets of an interface.  A tap changes neither time nor
 * outcome: digests are the same with it and without. */
#pragma once

#include "engine/time.h"
#include "packet/packet.h"

typedef enum VsTapDirection {
    VS_TAP_IN,
    VS_TAP_OUT,
} VsTapDirection;

typedef struct VsTap VsTap;

/* Embedded in what listens, which adds it to the list of an interface's taps and removes it
 * again. */
struct VsTap {
    VsTap *next; /* Of the same interface. */

    /* 'packet' passes at 'time', which may be later than now by the work of the core
     * that handles it: packets of several interfaces are not seen in order of time. */
    void (*see)(VsTap *tap, VsPacket *packet, VsTime time, VsTapDirection direction);
};
