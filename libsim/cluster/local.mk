cluster_headers = \
	libsim/cluster/cluster.h \
	libsim/cluster/labels.h

libvethsim_la_SOURCES += \
	libsim/cluster/cluster.c
