check_PROGRAMS += \
	tests/engine/test_calendar \
	tests/engine/test_cpu \
	tests/engine/test_rng_streams \
	tests/engine/test_run \
	tests/engine/test_station \
	tests/engine/test_stats

tests_engine_test_calendar_SOURCES = tests/engine/test_calendar.c tests/vs_test.h
tests_engine_test_calendar_LDADD = $(TEST_LIBS)

tests_engine_test_cpu_SOURCES = tests/engine/test_cpu.c tests/oracle/oracle.h \
	tests/vs_test.h
tests_engine_test_cpu_LDADD = $(TEST_LIBS)

tests_engine_test_rng_streams_SOURCES = tests/engine/test_rng_streams.c tests/vs_test.h
tests_engine_test_rng_streams_LDADD = $(TEST_LIBS)

tests_engine_test_run_SOURCES = tests/engine/test_run.c tests/vs_test.h \
	tests/engine/count_allocations.h
tests_engine_test_run_LDADD = $(TEST_LIBS)

tests_engine_test_station_SOURCES = tests/engine/test_station.c tests/vs_test.h
tests_engine_test_station_LDADD = $(TEST_LIBS)

tests_engine_test_stats_SOURCES = tests/engine/test_stats.c tests/vs_test.h
tests_engine_test_stats_LDADD = $(TEST_LIBS)
