libvethsim_la_SOURCES += \
	models/client/client.c \
	models/client/client.h \
	models/client/exchange.c \
	models/client/load.c \
	models/client/lookup.c \
	models/client/trace.c \
	models/client/trace.h \
	models/client/trace_csv.c \
	models/client/trace_log.c \
	models/client/trace_value.c \
	models/client/websocket.c \
	models/client/websocket.h
