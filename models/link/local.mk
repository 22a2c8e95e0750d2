libvethsim_la_SOURCES += \
	models/link/bond.c \
	models/link/change.c \
	models/link/link.c \
	models/link/link.h \
	models/link/qdisc.c \
	models/link/qdisc.h \
	models/link/qdisc_check.c \
	models/link/qdisc_device.c \
	models/link/qdisc_make.c
