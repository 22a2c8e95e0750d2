check_PROGRAMS += \
	tests/packet/test_bytes \
	tests/packet/test_bytes_tunnel \
	tests/packet/test_dns \
	tests/packet/test_drop \
	tests/packet/test_flow \
	tests/packet/test_http \
	tests/packet/test_http2 \
	tests/packet/test_names \
	tests/packet/test_packet \
	tests/packet/test_pcapng \
	tests/packet/test_trail \
	tests/packet/test_websocket

tests_packet_test_websocket_SOURCES = tests/packet/test_websocket.c tests/vs_test.h
tests_packet_test_websocket_LDADD = $(TEST_LIBS)

tests_packet_test_drop_SOURCES = tests/packet/test_drop.c tests/vs_test.h
tests_packet_test_drop_LDADD = $(TEST_LIBS)

tests_packet_test_flow_SOURCES = tests/packet/test_flow.c tests/vs_test.h
tests_packet_test_flow_LDADD = $(TEST_LIBS)

tests_packet_test_names_SOURCES = tests/packet/test_names.c tests/vs_test.h
tests_packet_test_names_LDADD = $(TEST_LIBS)

tests_packet_test_packet_SOURCES = tests/packet/test_packet.c tests/vs_test.h
tests_packet_test_packet_LDADD = $(TEST_LIBS)

tests_packet_test_trail_SOURCES = tests/packet/test_trail.c tests/packet/journey_sum.h \
	tests/vs_test.h
tests_packet_test_trail_LDADD = $(TEST_LIBS)

bytes_tests_fixture = tests/packet/bytes_fixture.h tests/vs_test.h

tests_packet_test_bytes_SOURCES = tests/packet/test_bytes.c $(bytes_tests_fixture)
tests_packet_test_bytes_LDADD = $(TEST_LIBS)

tests_packet_test_bytes_tunnel_SOURCES = tests/packet/test_bytes_tunnel.c \
	$(bytes_tests_fixture)
tests_packet_test_bytes_tunnel_LDADD = $(TEST_LIBS)

tests_packet_test_dns_SOURCES = tests/packet/test_dns.c tests/vs_test.h
tests_packet_test_dns_LDADD = $(TEST_LIBS)

tests_packet_test_http_SOURCES = tests/packet/test_http.c tests/vs_test.h
tests_packet_test_http_LDADD = $(TEST_LIBS)

tests_packet_test_http2_SOURCES = tests/packet/test_http2.c tests/vs_test.h
tests_packet_test_http2_LDADD = $(TEST_LIBS)

tests_packet_test_pcapng_SOURCES = tests/packet/test_pcapng.c tests/vs_test.h
tests_packet_test_pcapng_LDADD = $(TEST_LIBS)
