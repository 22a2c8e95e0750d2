# tests/net: the tests of libsim/net.

net_fixture = tests/net/net_fixture.h tests/vs_test.h

check_PROGRAMS += \
	tests/net/test_bond \
	tests/net/test_bridge \
	tests/net/test_core \
	tests/net/test_egress \
	tests/net/test_fragments \
	tests/net/test_hook \
	tests/net/test_host \
	tests/net/test_ip \
	tests/net/test_multipath \
	tests/net/test_neighbour \
	tests/net/test_qdisc \
	tests/net/test_qdisc_flows \
	tests/net/test_qdisc_netem \
	tests/net/test_route \
	tests/net/test_rss \
	tests/net/test_train \
	tests/net/test_tunnel \
	tests/net/test_veth \
	tests/net/test_wire

tests_net_test_bond_SOURCES = tests/net/test_bond.c $(net_fixture)
tests_net_test_bridge_SOURCES = tests/net/test_bridge.c $(net_fixture)
tests_net_test_core_SOURCES = tests/net/test_core.c $(net_fixture)
tests_net_test_egress_SOURCES = tests/net/test_egress.c tests/net/qdisc_fixture.h \
	$(net_fixture)
tests_net_test_fragments_SOURCES = tests/net/test_fragments.c $(net_fixture)
tests_net_test_hook_SOURCES = tests/net/test_hook.c $(net_fixture)
tests_net_test_host_SOURCES = tests/net/test_host.c $(net_fixture) \
	tests/engine/count_allocations.h
tests_net_test_ip_SOURCES = tests/net/test_ip.c $(net_fixture)
tests_net_test_multipath_SOURCES = tests/net/test_multipath.c $(net_fixture)
tests_net_test_neighbour_SOURCES = tests/net/test_neighbour.c $(net_fixture)
tests_net_test_qdisc_SOURCES = tests/net/test_qdisc.c tests/net/qdisc_fixture.h \
	$(net_fixture)
tests_net_test_qdisc_flows_SOURCES = tests/net/test_qdisc_flows.c \
	tests/net/qdisc_fixture.h $(net_fixture) tests/engine/count_allocations.h
tests_net_test_qdisc_netem_SOURCES = tests/net/test_qdisc_netem.c \
	tests/net/qdisc_fixture.h $(net_fixture)
tests_net_test_route_SOURCES = tests/net/test_route.c $(net_fixture)
tests_net_test_rss_SOURCES = tests/net/test_rss.c $(net_fixture)
tests_net_test_train_SOURCES = tests/net/test_train.c tests/net/qdisc_fixture.h \
	$(net_fixture)
tests_net_test_tunnel_SOURCES = tests/net/test_tunnel.c $(net_fixture)
tests_net_test_veth_SOURCES = tests/net/test_veth.c $(net_fixture)
tests_net_test_wire_SOURCES = tests/net/test_wire.c $(net_fixture)
