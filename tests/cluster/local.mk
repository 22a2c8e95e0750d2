cluster_fixture = tests/cluster/cluster_fixture.h tests/net/net_fixture.h tests/vs_test.h

check_PROGRAMS += \
	tests/cluster/test_cluster \
	tests/cluster/test_services

tests_cluster_test_cluster_SOURCES = tests/cluster/test_cluster.c $(cluster_fixture)
tests_cluster_test_services_SOURCES = tests/cluster/test_services.c $(cluster_fixture)
