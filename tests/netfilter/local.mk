check_PROGRAMS += \
	tests/netfilter/test_conntrack \
	tests/netfilter/test_nat

tests_netfilter_test_conntrack_SOURCES = tests/netfilter/test_conntrack.c tests/vs_test.h \
	tests/net/net_fixture.h tests/netfilter/nat_box.h
tests_netfilter_test_conntrack_LDADD = $(TEST_LIBS)

tests_netfilter_test_nat_SOURCES = tests/netfilter/test_nat.c tests/vs_test.h \
	tests/net/net_fixture.h tests/netfilter/nat_box.h
tests_netfilter_test_nat_LDADD = $(TEST_LIBS)
