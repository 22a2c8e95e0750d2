packet_headers = \
	libsim/packet/drop.def \
	libsim/packet/drop.h \
	libsim/packet/flow.h \
	libsim/packet/names.h \
	libsim/packet/packet.h \
	libsim/packet/payload.h \
	libsim/packet/trace.h \
	libsim/packet/trail.h

libvethsim_la_SOURCES += \
	libsim/packet/drop.c \
	libsim/packet/flow.c \
	libsim/packet/names.c \
	libsim/packet/packet.c \
	libsim/packet/trace.c \
	libsim/packet/trail.c
