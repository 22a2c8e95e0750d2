libvethsim_la_SOURCES += \
	models/cni/backends.c \
	models/cni/backends.h \
	models/cni/card_flows.c \
	models/cni/card_flows.h \
	models/cni/card_lb.c \
	models/cni/card_lb.h \
	models/cni/cluster.c \
	models/cni/socket_lb.c \
	models/cni/socket_lb.h
