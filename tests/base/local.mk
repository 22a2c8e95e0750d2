check_PROGRAMS += \
	tests/base/test_alias \
	tests/base/test_dist \
	tests/base/test_dist_parse \
	tests/base/test_flow_table \
	tests/base/test_fmath \
	tests/base/test_hash \
	tests/base/test_hash_flow \
	tests/base/test_hash_text \
	tests/base/test_hash_toeplitz \
	tests/base/test_histogram \
	tests/base/test_host_path \
	tests/base/test_lpm \
	tests/base/test_lpm_table \
	tests/base/test_pool \
	tests/base/test_rng \
	tests/base/test_suggest \
	tests/base/test_table \
	tests/base/test_units

tests_base_test_alias_SOURCES = tests/base/test_alias.c tests/vs_test.h
tests_base_test_alias_LDADD = $(TEST_LIBS)

tests_base_test_dist_SOURCES = tests/base/test_dist.c tests/vs_test.h \
	tests/base/random_fixture.h
tests_base_test_dist_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_base_test_dist_LDADD = $(TEST_LIBS) $(GSL_LIBS)

tests_base_test_dist_parse_SOURCES = tests/base/test_dist_parse.c tests/vs_test.h \
	tests/base/random_fixture.h
tests_base_test_dist_parse_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_base_test_dist_parse_LDADD = $(TEST_LIBS) $(GSL_LIBS)

tests_base_test_flow_table_SOURCES = tests/base/test_flow_table.c tests/vs_test.h
tests_base_test_flow_table_LDADD = $(TEST_LIBS)

tests_base_test_fmath_SOURCES = tests/base/test_fmath.c tests/vs_test.h
tests_base_test_fmath_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_base_test_fmath_LDADD = $(TEST_LIBS) $(GSL_LIBS) -lm

tests_base_test_hash_SOURCES = tests/base/test_hash.c tests/vs_test.h
tests_base_test_hash_LDADD = $(TEST_LIBS)

tests_base_test_hash_flow_SOURCES = tests/base/test_hash_flow.c tests/vs_test.h
tests_base_test_hash_flow_LDADD = $(TEST_LIBS)

tests_base_test_hash_text_SOURCES = tests/base/test_hash_text.c tests/vs_test.h
tests_base_test_hash_text_LDADD = $(TEST_LIBS)

tests_base_test_hash_toeplitz_SOURCES = tests/base/test_hash_toeplitz.c tests/vs_test.h
tests_base_test_hash_toeplitz_LDADD = $(TEST_LIBS)

tests_base_test_histogram_SOURCES = tests/base/test_histogram.c tests/vs_test.h
tests_base_test_histogram_LDADD = $(TEST_LIBS)

tests_base_test_host_path_SOURCES = tests/base/test_host_path.c tests/vs_test.h
tests_base_test_host_path_LDADD = $(TEST_LIBS)

tests_base_test_lpm_SOURCES = tests/base/test_lpm.c tests/vs_test.h
tests_base_test_lpm_LDADD = $(TEST_LIBS)

tests_base_test_lpm_table_SOURCES = tests/base/test_lpm_table.c tests/vs_test.h
tests_base_test_lpm_table_LDADD = $(TEST_LIBS)

tests_base_test_pool_SOURCES = tests/base/test_pool.c tests/vs_test.h
tests_base_test_pool_LDADD = $(TEST_LIBS)

tests_base_test_rng_SOURCES = tests/base/test_rng.c tests/vs_test.h \
	tests/base/random_fixture.h
tests_base_test_rng_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_base_test_rng_LDADD = $(TEST_LIBS) $(GSL_LIBS)

tests_base_test_suggest_SOURCES = tests/base/test_suggest.c tests/vs_test.h
tests_base_test_suggest_LDADD = $(TEST_LIBS)

tests_base_test_table_SOURCES = tests/base/test_table.c tests/vs_test.h
tests_base_test_table_LDADD = $(TEST_LIBS)

tests_base_test_units_SOURCES = tests/base/test_units.c tests/vs_test.h
tests_base_test_units_LDADD = $(TEST_LIBS)
