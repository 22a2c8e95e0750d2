/* vethsim for those who run scenarios: read one, run it, look at what came of it. */
#pragma once

#include "base/suggest.h"
#include "base/units.h"
#include "model/registry.h"
#include "results/capture_all.h"
#include "results/export.h"
#include "results/plot.h"
#include "results/results.h"
#include "results/summary.h"
#include "results/trace_json.h"
#include "results/trace_rules.h"
#include "results/trace_text.h"
#include "results/trace_why.h"
#include "scenario/probe.h"
#include "scenario/scenario.h"
#include "scenario/schema.h"
#include "scenario/simulation.h"
