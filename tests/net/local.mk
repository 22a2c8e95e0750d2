check_PROGRAMS += \
	tests/net/test_bridge \
	tests/net/test_core \
	tests/net/test_fragments \
	tests/net/test_hook \
	tests/net/test_host \
	tests/net/test_ip \
	tests/net/test_neighbour \
	tests/net/test_route \
	tests/net/test_veth \
	tests/net/test_wire

tests_net_test_bridge_SOURCES = tests/net/test_bridge.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_bridge_LDADD = $(TEST_LIBS)

tests_net_test_core_SOURCES = tests/net/test_core.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_core_LDADD = $(TEST_LIBS)

tests_net_test_fragments_SOURCES = tests/net/test_fragments.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_fragments_LDADD = $(TEST_LIBS)

tests_net_test_hook_SOURCES = tests/net/test_hook.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_hook_LDADD = $(TEST_LIBS)

tests_net_test_host_SOURCES = tests/net/test_host.c tests/vs_test.h \
	tests/net/net_fixture.h \
	tests/engine/count_allocations.h
tests_net_test_host_LDADD = $(TEST_LIBS)

tests_net_test_ip_SOURCES = tests/net/test_ip.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_ip_LDADD = $(TEST_LIBS)

tests_net_test_neighbour_SOURCES = tests/net/test_neighbour.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_neighbour_LDADD = $(TEST_LIBS)

tests_net_test_route_SOURCES = tests/net/test_route.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_route_LDADD = $(TEST_LIBS)

tests_net_test_veth_SOURCES = tests/net/test_veth.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_veth_LDADD = $(TEST_LIBS)

tests_net_test_wire_SOURCES = tests/net/test_wire.c tests/vs_test.h \
	tests/net/net_fixture.h
tests_net_test_wire_LDADD = $(TEST_LIBS)
