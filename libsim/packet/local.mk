packet_headers = \
	libsim/packet/bytes.h \
	libsim/packet/dns.h \
	libsim/packet/dns_records.h \
	libsim/packet/drop.def \
	libsim/packet/drop.h \
	libsim/packet/flow.h \
	libsim/packet/http.h \
	libsim/packet/http2.h \
	libsim/packet/names.h \
	libsim/packet/notes.h \
	libsim/packet/packet.h \
	libsim/packet/payload.h \
	libsim/packet/pcapng.h \
	libsim/packet/sink.h \
	libsim/packet/quic.h \
	libsim/packet/trace.h \
	libsim/packet/trail.h \
	libsim/packet/train.h \
	libsim/packet/websocket.h

libvethsim_la_SOURCES += \
	libsim/packet/bytes.c \
	libsim/packet/dns.c \
	libsim/packet/dns_records.c \
	libsim/packet/drop.c \
	libsim/packet/flow.c \
	libsim/packet/http.c \
	libsim/packet/http2.c \
	libsim/packet/names.c \
	libsim/packet/notes.c \
	libsim/packet/packet.c \
	libsim/packet/pcapng.c \
	libsim/packet/quic.c \
	libsim/packet/quic_print.c \
	libsim/packet/quic_print.h \
	libsim/packet/trace.c \
	libsim/packet/trail.c \
	libsim/packet/train.c \
	libsim/packet/websocket.c
