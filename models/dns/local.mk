libvethsim_la_SOURCES += \
	models/dns/dns.c \
	models/dns/record.h \
	models/dns/resolver.c \
	models/dns/server.c \
	models/dns/server.h
