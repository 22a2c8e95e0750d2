# tests/results: the tests of libsim/results.

check_PROGRAMS += \
	tests/results/test_results \
	tests/results/test_summary

tests_results_test_results_SOURCES = tests/results/test_results.c tests/results/ticker.h
tests_results_test_summary_SOURCES = tests/results/test_summary.c tests/results/ticker.h
