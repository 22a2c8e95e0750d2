libvethsim_la_SOURCES += \
	models/container/call.c \
	models/container/container.c \
	models/container/container.h \
	models/container/life.c \
	models/container/names.c \
	models/container/websocket.c \
	models/container/work.c
