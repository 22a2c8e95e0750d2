check_PROGRAMS += \
	tests/oracle/test_stations \
	tests/oracle/test_wires

tests_oracle_test_stations_SOURCES = tests/oracle/test_stations.c tests/vs_test.h \
	tests/oracle/oracle.h
tests_oracle_test_stations_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_oracle_test_stations_LDADD = $(TEST_LIBS) $(GSL_LIBS) -lm

tests_oracle_test_wires_SOURCES = tests/oracle/test_wires.c tests/vs_test.h \
	tests/oracle/oracle.h tests/net/net_fixture.h
tests_oracle_test_wires_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_oracle_test_wires_LDADD = $(TEST_LIBS) $(GSL_LIBS) -lm
