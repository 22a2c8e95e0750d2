libvethsim_la_SOURCES += \
	models/node/import.c \
	models/node/import.h \
	models/node/node.c
