check_PROGRAMS += tests/cluster/test_cluster

tests_cluster_test_cluster_SOURCES = tests/cluster/test_cluster.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_cluster_test_cluster_LDADD = $(TEST_LIBS)
