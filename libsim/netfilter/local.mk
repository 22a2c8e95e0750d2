netfilter_headers = \
	libsim/netfilter/conntrack.h \
	libsim/netfilter/nat.h

libvethsim_la_SOURCES += \
	libsim/netfilter/conntrack.c \
	libsim/netfilter/nat.c
