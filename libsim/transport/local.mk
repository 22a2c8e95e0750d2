# libsim/transport: sockets, TCP, UDP, both sides of HTTP.

transport_headers = \
	libsim/transport/congestion.h \
	libsim/transport/delivery.h \
	libsim/transport/call_policy.h \
	libsim/transport/http2.h \
	libsim/transport/http2_client.h \
	libsim/transport/dns_socket.h \
	libsim/transport/http_caller.h \
	libsim/transport/http_client.h \
	libsim/transport/http2_server.h \
	libsim/transport/http_server.h \
	libsim/transport/http3.h \
	libsim/transport/quic.h \
	libsim/transport/quic_recovery.h \
	libsim/transport/quic_spans.h \
	libsim/transport/resolv_conf.h \
	libsim/transport/socket.h \
	libsim/transport/stub.h \
	libsim/transport/tcp.h \
	libsim/transport/tls.h \
	libsim/transport/udp.h \
	libsim/transport/udp_server.h

libvethsim_la_SOURCES += \
	libsim/transport/congestion.c \
	libsim/transport/congestion_bbr.c \
	libsim/transport/congestion_cubic.c \
	libsim/transport/congestion_dctcp.c \
	libsim/transport/congestion_hystart.c \
	libsim/transport/congestion_reno.c \
	libsim/transport/delivery.c \
	libsim/transport/dns_socket.c \
	libsim/transport/call_policy.c \
	libsim/transport/http2.c \
	libsim/transport/http2_client.c \
	libsim/transport/http2_client_internal.h \
	libsim/transport/http2_link.c \
	libsim/transport/http_caller.c \
	libsim/transport/http_client.c \
	libsim/transport/http_server.c \
	libsim/transport/http_server_internal.h \
	libsim/transport/http2_server.c \
	libsim/transport/http3.c \
	libsim/transport/quic.c \
	libsim/transport/quic_internal.h \
	libsim/transport/quic_receive.c \
	libsim/transport/quic_recovery.c \
	libsim/transport/quic_send.c \
	libsim/transport/quic_spans.c \
	libsim/transport/quic_streams.c \
	libsim/transport/resolv_conf.c \
	libsim/transport/socket.c \
	libsim/transport/socket_internal.h \
	libsim/transport/stub.c \
	libsim/transport/tcp.c \
	libsim/transport/tcp_ack.c \
	libsim/transport/tcp_cookie.c \
	libsim/transport/tcp_data.c \
	libsim/transport/tcp_delack.c \
	libsim/transport/tcp_error.c \
	libsim/transport/tcp_input.c \
	libsim/transport/tcp_internal.h \
	libsim/transport/tcp_listen.c \
	libsim/transport/tcp_output.c \
	libsim/transport/tcp_rack.c \
	libsim/transport/tcp_recovery.c \
	libsim/transport/tcp_recovery.h \
	libsim/transport/tcp_sack.c \
	libsim/transport/tcp_sent.c \
	libsim/transport/tcp_time_wait.c \
	libsim/transport/tcp_timer.c \
	libsim/transport/tcp_train.c \
	libsim/transport/tls.c \
	libsim/transport/tls_internal.h \
	libsim/transport/udp.c \
	libsim/transport/udp_server.c
