libvethsim_la_SOURCES += \
	models/sidecar/cluster.c \
	models/sidecar/exchange.c \
	models/sidecar/pool.c \
	models/sidecar/retry.c \
	models/sidecar/rules.c \
	models/sidecar/sidecar.c \
	models/sidecar/sidecar.h
