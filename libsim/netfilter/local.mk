netfilter_headers = \
	libsim/netfilter/conntrack.h \
	libsim/netfilter/dispatch.h \
	libsim/netfilter/evaluate.h \
	libsim/netfilter/nat.h \
	libsim/netfilter/recent.h \
	libsim/netfilter/rule.h \
	libsim/netfilter/ruleset.h

libvethsim_la_SOURCES += \
	libsim/netfilter/conntrack.c \
	libsim/netfilter/dispatch.c \
	libsim/netfilter/evaluate.c \
	libsim/netfilter/explain.c \
	libsim/netfilter/link.c \
	libsim/netfilter/nat.c \
	libsim/netfilter/recent.c \
	libsim/netfilter/rule.c \
	libsim/netfilter/ruleset.c \
	libsim/netfilter/set.c
