/* Simulated time: 64-bit integer picoseconds since the start of the run.
 *
 * A byte takes a whole number of picoseconds at every standard Ethernet rate from
 * 10 Mbit/s to 800 Gbit/s, so line-rate arithmetic never rounds.  The range is 106 days. */
#pragma once

#include <stdint.h>

typedef int64_t VsTime;

#define VS_PS ((VsTime)1)
#define VS_NS ((VsTime)1000)
#define VS_US ((VsTime)1000 * 1000)
#define VS_MS ((VsTime)1000 * 1000 * 1000)
#define VS_S ((VsTime)1000 * 1000 * 1000 * 1000)

/* Later than any event: "no limit" for a run, "never" for a deadline. */
#define VS_TIME_NEVER INT64_MAX
