libvethsim_la_SOURCES += \
	models/dns/answers.c \
	models/dns/answers.h \
	models/dns/authority.c \
	models/dns/authority.h \
	models/dns/coredns.c \
	models/dns/dns.c \
	models/dns/forward.c \
	models/dns/forward.h \
	models/dns/memory.c \
	models/dns/memory.h \
	models/dns/nodelocal.c \
	models/dns/peers.c \
	models/dns/peers.h \
	models/dns/record.c \
	models/dns/record.h \
	models/dns/recursor.c \
	models/dns/recursor.h \
	models/dns/recursor_choose.c \
	models/dns/recursor_internal.h \
	models/dns/recursor_take.c \
	models/dns/resolver.c \
	models/dns/server.c \
	models/dns/server.h \
	models/dns/upstream.c \
	models/dns/upstream.h \
	models/dns/zone.c \
	models/dns/zone.h
