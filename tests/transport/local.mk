# tests/transport: the tests of libsim/transport.

transport_fixture = \
	tests/transport/fixture.c \
	tests/transport/fixture.h

check_PROGRAMS += \
	tests/transport/test_congestion \
	tests/transport/test_congestion_net \
	tests/transport/test_call_policy \
	tests/transport/test_http2 \
	tests/transport/test_quic \
	tests/transport/test_quic_flow \
	tests/transport/test_quic_recovery \
	tests/transport/test_tcp_close \
	tests/transport/test_tcp_data \
	tests/transport/test_tcp_journey \
	tests/transport/test_tcp_loss \
	tests/transport/test_tcp_open \
	tests/transport/test_tcp_scripts \
	tests/transport/test_tcp_segments \
	tests/transport/test_tcp_soak \
	tests/transport/test_tcp_train \
	tests/transport/test_tls \
	tests/transport/test_udp \
	tests/transport/test_udp_server \
	tests/transport/test_websocket

tests_transport_test_congestion_SOURCES = tests/transport/test_congestion.c
tests_transport_test_congestion_LDADD = $(TEST_LIBS)
tests_transport_test_congestion_net_SOURCES = \
	tests/transport/test_congestion_net.c $(transport_fixture)
tests_transport_test_congestion_net_LDADD = $(TEST_LIBS)
tests_transport_test_http2_SOURCES = \
	tests/transport/test_http2.c $(transport_fixture)
tests_transport_test_http2_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_close_SOURCES = \
	tests/transport/test_tcp_close.c $(transport_fixture)
tests_transport_test_tcp_close_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_data_SOURCES = \
	tests/transport/test_tcp_data.c $(transport_fixture)
tests_transport_test_tcp_data_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_journey_SOURCES = \
	tests/transport/test_tcp_journey.c tests/packet/journey_sum.h $(transport_fixture)
tests_transport_test_tcp_journey_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_loss_SOURCES = \
	tests/transport/test_tcp_loss.c $(transport_fixture)
tests_transport_test_tcp_loss_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_open_SOURCES = \
	tests/transport/test_tcp_open.c $(transport_fixture)
tests_transport_test_tcp_open_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_scripts_SOURCES = \
	tests/transport/script.c \
	tests/transport/script.h \
	tests/transport/script_network.c \
	tests/transport/script_play.h \
	tests/transport/script_segment.c \
	tests/transport/script_settings.c \
	tests/transport/test_tcp_scripts.c
tests_transport_test_tcp_scripts_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_segments_SOURCES = \
	tests/transport/test_tcp_segments.c $(transport_fixture)
tests_transport_test_tcp_segments_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_soak_SOURCES = \
	tests/transport/test_tcp_soak.c $(transport_fixture)
tests_transport_test_tcp_soak_LDADD = $(TEST_LIBS)
tests_transport_test_tcp_train_SOURCES = \
	tests/transport/test_tcp_train.c $(transport_fixture)
tests_transport_test_tcp_train_LDADD = $(TEST_LIBS)
tests_transport_test_tls_SOURCES = tests/transport/test_tls.c $(transport_fixture)
tests_transport_test_tls_LDADD = $(TEST_LIBS)
tests_transport_test_udp_SOURCES = \
	tests/transport/test_udp.c $(transport_fixture)
tests_transport_test_udp_LDADD = $(TEST_LIBS)
tests_transport_test_udp_server_SOURCES = \
	tests/transport/test_udp_server.c $(transport_fixture)
tests_transport_test_udp_server_LDADD = $(TEST_LIBS)
tests_transport_test_websocket_SOURCES = \
	tests/transport/test_websocket.c $(transport_fixture)
tests_transport_test_websocket_LDADD = $(TEST_LIBS)

EXTRA_DIST += tests/transport/scripts
tests_transport_test_call_policy_SOURCES = tests/transport/test_call_policy.c tests/vs_test.h
tests_transport_test_call_policy_LDADD = $(TEST_LIBS)
tests_transport_test_quic_SOURCES = \
	tests/transport/test_quic.c tests/transport/quic_fixture.h $(transport_fixture)
tests_transport_test_quic_LDADD = $(TEST_LIBS)
tests_transport_test_quic_flow_SOURCES = \
	tests/transport/test_quic_flow.c tests/transport/quic_fixture.h \
	$(transport_fixture)
tests_transport_test_quic_flow_LDADD = $(TEST_LIBS)
tests_transport_test_quic_recovery_SOURCES = tests/transport/test_quic_recovery.c
tests_transport_test_quic_recovery_LDADD = $(TEST_LIBS)
