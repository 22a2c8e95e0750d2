# tests/netfilter: the tests of libsim/netfilter.

nat_fixture = tests/netfilter/nat_box.h $(net_fixture)

check_PROGRAMS += \
	tests/netfilter/test_conntrack \
	tests/netfilter/test_conntrack_tcp \
	tests/netfilter/test_nat \
	tests/netfilter/test_nat_icmp \
	tests/netfilter/test_nat_ports

tests_netfilter_test_conntrack_SOURCES = tests/netfilter/test_conntrack.c $(nat_fixture)
tests_netfilter_test_conntrack_tcp_SOURCES = tests/netfilter/test_conntrack_tcp.c \
	$(nat_fixture)
tests_netfilter_test_nat_SOURCES = tests/netfilter/test_nat.c $(nat_fixture)
tests_netfilter_test_nat_icmp_SOURCES = tests/netfilter/test_nat_icmp.c $(nat_fixture)
tests_netfilter_test_nat_ports_SOURCES = tests/netfilter/test_nat_ports.c $(nat_fixture)
