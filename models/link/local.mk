libvethsim_la_SOURCES += \
	models/link/bond.c \
	models/link/link.c \
	models/link/link.h
