# libsim/model: how a kind of thing describes itself.

model_headers = \
	libsim/model/build.h \
	libsim/model/capture.h \
	libsim/model/balance_params.h \
	libsim/model/call_params.h \
	libsim/model/conntrack_params.h \
	libsim/model/element.h \
	libsim/model/host_params.h \
	libsim/model/http2_params.h \
	libsim/model/import.h \
	libsim/model/import_ip.h \
	libsim/model/interface_qdisc.h \
	libsim/model/model.h \
	libsim/model/param.h \
	libsim/model/profile.h \
	libsim/model/quic_params.h \
	libsim/model/registry.h \
	libsim/model/resolv_params.h \
	libsim/model/rss_params.h \
	libsim/model/sigterm_params.h \
	libsim/model/tcp_params.h \
	libsim/model/tcp_host_params.h \
	libsim/model/tls_params.h \
	libsim/model/topology.h

libvethsim_la_SOURCES += \
	$(model_headers) \
	libsim/model/build.c \
	libsim/model/capture.c \
	libsim/model/balance_params.c \
	libsim/model/call_params.c \
	libsim/model/conntrack_params.c \
	libsim/model/element.c \
	libsim/model/host_params.c \
	libsim/model/http2_params.c \
	libsim/model/import.c \
	libsim/model/import_ip_address.c \
	libsim/model/import_ip_route.c \
	libsim/model/interface_qdisc.c \
	libsim/model/ip_entry.c \
	libsim/model/ip_entry.h \
	libsim/model/param.c \
	libsim/model/profile.c \
	libsim/model/quic_params.c \
	libsim/model/registry.c \
	libsim/model/resolv_params.c \
	libsim/model/routing.c \
	libsim/model/routing_internal.h \
	libsim/model/routing_ways.c \
	libsim/model/rss_params.c \
	libsim/model/sigterm_params.c \
	libsim/model/tcp_params.c \
	libsim/model/tcp_host_params.c \
	libsim/model/tls_params.c \
	libsim/model/topology.c \
	libsim/model/value.c \
	libsim/model/value.h
