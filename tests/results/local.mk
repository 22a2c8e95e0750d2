# tests/results: the tests of libsim/results.

check_PROGRAMS += \
	tests/results/test_captures \
	tests/results/test_results \
	tests/results/test_summary

tests_results_test_captures_SOURCES = \
	tests/results/test_captures.c tests/models/fixture.c tests/models/fixture.h \
	tests/temporary_folder.h
tests_results_test_results_SOURCES = tests/results/test_results.c tests/results/ticker.h \
	tests/temporary_folder.h
tests_results_test_summary_SOURCES = tests/results/test_summary.c tests/results/ticker.h

check_PROGRAMS += \
	tests/results/test_probe \
	tests/results/test_trace_json \
	tests/results/test_trace_text \
	tests/results/test_trace_why

tests_results_test_probe_SOURCES = \
	tests/results/test_probe.c tests/results/probe_fixture.h
tests_results_test_trace_json_SOURCES = \
	tests/results/test_trace_json.c tests/results/probe_fixture.h
tests_results_test_trace_text_SOURCES = \
	tests/results/test_trace_text.c tests/results/probe_fixture.h
tests_results_test_trace_why_SOURCES = \
	tests/results/test_trace_why.c tests/results/probe_fixture.h
script_tests += \
	tests/results/capture.sh \
	tests/results/capture_cni.sh \
	tests/results/capture_edges.sh \
	tests/results/capture_quic.sh \
	tests/results/capture_transport.sh
EXTRA_DIST += tests/results/shark.sh tests/results/edges.xml tests/results/losses.xml
