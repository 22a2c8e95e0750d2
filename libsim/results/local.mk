# libsim/results: what came of a run: summary, samples, figures, and the folder they are in.

results_headers = \
	libsim/results/capture_all.h \
	libsim/results/disruption_report.h \
	libsim/results/export.h \
	libsim/results/number.h \
	libsim/results/pick_lines.h \
	libsim/results/plot.h \
	libsim/results/results.h \
	libsim/results/stage_table.h \
	libsim/results/summary.h \
	libsim/results/trace_json.h \
	libsim/results/trace_rules.h \
	libsim/results/trace_text.h \
	libsim/results/trace_why.h

libvethsim_la_SOURCES += \
	$(results_headers) \
	libsim/results/capture_all.c \
	libsim/results/csv.c \
	libsim/results/csv.h \
	libsim/results/disruption_report.c \
	libsim/results/export.c \
	libsim/results/export_ip.c \
	libsim/results/export_ip.h \
	libsim/results/figure.c \
	libsim/results/figure.h \
	libsim/results/figure_lines.c \
	libsim/results/figure_stages.c \
	libsim/results/folder.c \
	libsim/results/folder.h \
	libsim/results/json_get.c \
	libsim/results/json_get.h \
	libsim/results/manifest.c \
	libsim/results/manifest.h \
	libsim/results/number.c \
	libsim/results/pick_lines.c \
	libsim/results/plot.c \
	libsim/results/plot_input.c \
	libsim/results/plot_input.h \
	libsim/results/plot_input_lines.c \
	libsim/results/recorder.c \
	libsim/results/recorder.h \
	libsim/results/results.c \
	libsim/results/stage_table.c \
	libsim/results/summary.c \
	libsim/results/summary_json.c \
	libsim/results/summary_text.c \
	libsim/results/summary_text.h \
	libsim/results/summary_text_clients.c \
	libsim/results/summary_text_parts.c \
	libsim/results/text_table.c \
	libsim/results/text_table.h \
	libsim/results/trace_dns.c \
	libsim/results/trace_dns.h \
	libsim/results/trace_headers.c \
	libsim/results/trace_headers.h \
	libsim/results/trace_json.c \
	libsim/results/trace_rules.c \
	libsim/results/trace_text.c \
	libsim/results/trace_why.c

# The published schema, as vethsim trace --schema prints it.
nodist_libvethsim_la_SOURCES = libsim/results/trace_schema.c
EXTRA_DIST += docs/trace.schema.json
CLEANFILES += libsim/results/trace_schema.c

libsim/results/trace_schema.c: docs/trace.schema.json libsim/results/local.mk
	$(AM_V_GEN)$(MKDIR_P) libsim/results && { \
	    echo '#include "results/trace_json.h"'; \
	    echo 'static const char schema[] ='; \
	    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/    "&\\n"/' \
	        $(top_srcdir)/docs/trace.schema.json; \
	    echo '    ;'; \
	    echo 'const char *vs_trace_schema(void) { return schema; }'; \
	} > $@.new && mv $@.new $@
