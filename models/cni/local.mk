libvethsim_la_SOURCES += \
	models/cni/cluster.c \
	models/cni/socket_lb.c \
	models/cni/socket_lb.h
