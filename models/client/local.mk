libvethsim_la_SOURCES += \
	models/client/client.c \
	models/client/client.h \
	models/client/exchange.c \
	models/client/load.c \
	models/client/lookup.c
