net_headers = \
	libsim/net/bond.h \
	libsim/net/bridge.h \
	libsim/net/capture.h \
	libsim/net/core.h \
	libsim/net/costs.def \
	libsim/net/costs.h \
	libsim/net/decision.h \
	libsim/net/hook.h \
	libsim/net/host.h \
	libsim/net/icmp.h \
	libsim/net/iface.h \
	libsim/net/ip.h \
	libsim/net/multipath.h \
	libsim/net/neighbour.h \
	libsim/net/netns.h \
	libsim/net/policy.h \
	libsim/net/reassembly.h \
	libsim/net/redirect.h \
	libsim/net/route.h \
	libsim/net/route_text.h \
	libsim/net/rss.h \
	libsim/net/story.h \
	libsim/net/tap.h \
	libsim/net/tunnel.h \
	libsim/net/wire.h

libvethsim_la_SOURCES += \
	libsim/net/bond.c \
	libsim/net/bridge.c \
	libsim/net/capture.c \
	libsim/net/core.c \
	libsim/net/decision.c \
	libsim/net/hook.c \
	libsim/net/host.c \
	libsim/net/icmp.c \
	libsim/net/iface.c \
	libsim/net/ip.c \
	libsim/net/multipath.c \
	libsim/net/neighbour.c \
	libsim/net/netns.c \
	libsim/net/policy.c \
	libsim/net/reassembly.c \
	libsim/net/redirect.c \
	libsim/net/route.c \
	libsim/net/route_text.c \
	libsim/net/rss.c \
	libsim/net/story.c \
	libsim/net/tunnel.c \
	libsim/net/wire.c
