cluster_headers = \
	libsim/cluster/cluster.h \
	libsim/cluster/cni.h \
	libsim/cluster/eni.h \
	libsim/cluster/ipam.h \
	libsim/cluster/labels.h \
	libsim/cluster/watch.h

libvethsim_la_SOURCES += \
	libsim/cluster/cluster.c \
	libsim/cluster/cni.c \
	libsim/cluster/cni_bridge.c \
	libsim/cluster/cni_cilium.c \
	libsim/cluster/cni_routed.c \
	libsim/cluster/cni_rules.c \
	libsim/cluster/cni_vpc.c \
	libsim/cluster/endpoint.c \
	libsim/cluster/eni.c \
	libsim/cluster/ipam.c \
	libsim/cluster/service.c \
	libsim/cluster/service.h \
	libsim/cluster/watch.c
