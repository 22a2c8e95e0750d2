libvethsim_la_SOURCES += \
	models/lb/health.c \
	models/lb/lb.c \
	models/lb/lb.h
